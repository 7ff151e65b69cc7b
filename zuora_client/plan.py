"""Plans for many pairs of entities, under their public path."""

from __future__ import annotations

from .reconcile.plan import ConnectionPlan, PlanIncompleteError, PlannedConnection, plan_connections

__all__ = ["ConnectionPlan", "PlanIncompleteError", "PlannedConnection", "plan_connections"]
