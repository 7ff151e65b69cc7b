"""An embedded Zuora for tests and trials: the entity-connections API over real HTTP, on this machine alone.

Invariant: nothing here imports the client, or anything beyond the standard library.
"""

from __future__ import annotations

from . import faults
from .auth import Client
from .emulator import ZuoraEmulator
from .fault_plan import FaultPlan
from .faults import Fault
from .messages import Headers, Request
from .state import Connection, Entity

__all__ = [
    "Client",
    "Connection",
    "Entity",
    "Fault",
    "FaultPlan",
    "Headers",
    "Request",
    "ZuoraEmulator",
    "faults",
]
