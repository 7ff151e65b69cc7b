"""The public module for planning the connections of many pairs of entities."""

from __future__ import annotations

from .reconcile.plan import ConnectionPlan, PlanIncompleteError, PlannedConnection, plan_connections

__all__ = ["ConnectionPlan", "PlanIncompleteError", "PlannedConnection", "plan_connections"]
