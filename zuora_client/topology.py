"""The public module for reconciling one pair of entities."""

from __future__ import annotations

from .reconcile.ensure import EnsureResult, Step, ensure_connected, ensure_disconnected

__all__ = ["EnsureResult", "Step", "ensure_connected", "ensure_disconnected"]
