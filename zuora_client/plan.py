"""The public module for planning the connections of many pairs of entities."""

from __future__ import annotations

from .reconcile.plan import ConnectionPlan, PlanIncompleteError, PlannedConnection, plan_connections
from .reconcile.progress import ProgressLine

__all__ = ["ConnectionPlan", "PlanIncompleteError", "PlannedConnection", "ProgressLine", "plan_connections"]
