"""What several test modules share: a clock that a test owns, and a server that says exactly what it is told."""

from __future__ import annotations

from .clock import FakeClock
from .scripted import Received, ScriptedServer, reset, respond, respond_json

__all__ = ["FakeClock", "Received", "ScriptedServer", "reset", "respond", "respond_json"]
