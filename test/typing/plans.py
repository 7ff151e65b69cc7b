# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""What a type checker tells the users of plans and hierarchies. Checked by mypy and pyright, never run.

A line with ``type: ignore`` must be an error: both checkers report an ignore that is not needed.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import assert_type

from zuora_client import (
    EntityConnectionsApi,
    GETEntityConnectionsArrayItemsType,
    Hierarchy,
    Step,
    ensure_connected,
    ensure_disconnected,
    plan_connections,
)
from zuora_client.plan import PlannedConnection, ProgressLine


def plans(api: EntityConnectionsApi, hierarchy: Hierarchy) -> None:
    plan = plan_connections(api, [("Head office", "Branch")], hierarchy=hierarchy)
    assert_type(plan.unwanted, tuple[GETEntityConnectionsArrayItemsType, ...])
    assert_type(plan.summary(), str)
    assert_type(plan.to_dict(), dict[str, Any])
    assert_type(plan.to_mermaid(changes_only=True), str)
    assert_type(len(plan), int)
    for pair in plan:
        assert_type(pair, PlannedConnection)
        assert_type(pair.source_name, str | None)
    with ProgressLine() as progress:
        for result in plan.apply(progress, workers=4):
            assert_type(result.surplus, tuple[GETEntityConnectionsArrayItemsType, ...])
    plan.apply(None, 4)  # type: ignore[call-arg]
    plan.apply(workers="4")  # type: ignore[arg-type]
    plan_connections(api, [], hierarchy="Head office")  # type: ignore[arg-type]


def pairs(api: EntityConnectionsApi, hierarchy: Hierarchy, step: Step) -> None:
    ensure_connected(api, "Head office", b"Branch", hierarchy=hierarchy, on_step=ProgressLine())
    ensure_disconnected(api, "Head office", "Branch", break_sharing=True, hierarchy=hierarchy)
    assert_type(step.pairs_done, int)
    assert_type(step.target_name, str | None)
