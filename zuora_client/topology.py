"""Reconciliation of one pair of entities, under its public path."""

from __future__ import annotations

from .reconcile.ensure import EnsureResult, Step, ensure_connected, ensure_disconnected

__all__ = ["EnsureResult", "Step", "ensure_connected", "ensure_disconnected"]
