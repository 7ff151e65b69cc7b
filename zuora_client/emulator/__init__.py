"""An emulator of Zuora for tests and trials: the entity-connections API over HTTP, on the local machine.

The emulator imports nothing of the client, and nothing beyond the standard library.
"""

from __future__ import annotations

from . import faults
from .auth import Client
from .emulator import ZuoraEmulator
from .exchange import Fault
from .fault_plan import FaultPlan
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
