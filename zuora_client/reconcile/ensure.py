"""Reconcile one pair of entities: make sure that they are connected, or that they are not.

The connections are listed before the first write and after every write, and each decision is based on the list, not on
the response to a write. One run never sends the same write to the same connection twice. A run may therefore be
interrupted at any point, or run concurrently with others: the next run continues from the listed state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .entities import names_of, resolve_pair, validate_hierarchy
from .pairs import validate_api
from .reconciler import TO_CONNECTED, TO_DISCONNECTED, Reconciler
from .steps import EnsureResult as EnsureResult
from .steps import Step as Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..api import EntityConnectionsApi
    from .hierarchy import Hierarchy


def ensure_connected(
    api: EntityConnectionsApi,
    source_entity_id: str | bytes,
    target_entity_id: str | bytes,
    *,
    target_api: EntityConnectionsApi | None = None,
    hierarchy: Hierarchy | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> EnsureResult:
    """Make sure that the source entity is connected to the target entity. Idempotent.

    A run lists the connections, requests one as the source, accepts it as the target, and lists again to confirm.
    Whatever already exists is left alone: an existing connection needs no write, a pending one only the accept. Before
    a request the run also lists as the target, so that credentials without access to the target fail before the first
    write. The direction matters: the source is the entity that shares. If a response is lost, or a write is refused
    because another program was faster, the run lists the connections and does not repeat the write.

    Args:
        api: has access to the source entity.
        source_entity_id, target_entity_id: ids, with or without hyphens; names too if a hierarchy is given.
        target_api: has access to the target entity; `api` if None, which then needs access to both entities.
        hierarchy: a `Hierarchy`. Both entities must be in it, and its names appear in steps and errors. Without one,
            ids are sent unchecked.
        on_step: called with each `Step` when it is complete; an exception that it raises ends the run.

    Raises:
        ApiException: the pair is not connected, or its state is unknown. `advice` names the writes that were done;
            run it again to continue.
        OutcomeUnknownError: a write may have been done, and the list did not show it within 3.5 seconds.
        TypeError, ValueError: an invalid argument, or an entity that is not in the hierarchy; nothing was sent.

    Source: Zuora's reference and its guide to setting up a connection: administrators of the source request it,
    administrators of the target accept it.
    """
    return _reconciler(api, source_entity_id, target_entity_id, target_api, hierarchy, on_step, TO_CONNECTED).run()


def ensure_disconnected(
    api: EntityConnectionsApi,
    source_entity_id: str | bytes,
    target_entity_id: str | bytes,
    *,
    break_sharing: bool = False,
    target_api: EntityConnectionsApi | None = None,
    hierarchy: Hierarchy | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> EnsureResult:
    """Make sure that the source entity is not connected to the target entity. Irreversible.

    A connection is disconnected as the source. A pending request is denied as the target; otherwise it could still be
    accepted. Without either, nothing is written. The direction matters: a connection from target to source is left
    alone. If the response to a disconnect is lost, the run lists the connections and does not repeat the disconnect: a
    list that still shows Connected does not prove that the first one will have no effect.

    Args:
        api: has access to the source entity.
        source_entity_id, target_entity_id: ids, with or without hyphens; names too if a hierarchy is given.
        break_sharing: must be True. If the source has shared objects with the target, the mapping between them is
            permanently lost, and only the target controls the shared objects.
        target_api: has access to the target entity; `api` if None.
        hierarchy: a `Hierarchy`. Both entities must be in it, and its names appear in steps and errors. Without one,
            ids are sent unchecked.
        on_step: called with each `Step` when it is complete; an exception that it raises ends the run.

    Raises:
        ValueError: `break_sharing` is not True, or another argument is invalid; nothing was sent.
        OutcomeUnknownError: the disconnect may have been done, and the list did not show it within 3.5 seconds.
        ApiException: any other failure; see `ensure_connected`.
    """
    if break_sharing is not True:
        raise ValueError(
            "a disconnect cannot be undone: if the source has shared objects (products, accounting periods) with the "
            "target, the mapping between them is permanently lost and only the target controls them. Pass "
            "break_sharing=True to confirm"
        )
    return _reconciler(api, source_entity_id, target_entity_id, target_api, hierarchy, on_step, TO_DISCONNECTED).run()


def _reconciler(
    api: EntityConnectionsApi,
    source_entity_id: Any,
    target_entity_id: Any,
    target_api: EntityConnectionsApi | None,
    hierarchy: Hierarchy | None,
    on_step: Callable[[Step], object] | None,
    transitions: dict[str | None, str],
) -> Reconciler:
    pair = resolve_pair(source_entity_id, target_entity_id, validate_hierarchy(hierarchy))
    validate_api("api", api)
    api_of_target = api if target_api is None else validate_api("target_api", target_api)
    validate_on_step(on_step)
    return Reconciler(api, api_of_target, pair, transitions, names_of(pair, hierarchy), on_step)


def validate_on_step(on_step: Any) -> None:
    """Raise TypeError if `on_step` is neither callable nor None."""
    if on_step is not None and not callable(on_step):
        raise TypeError(f"on_step must be callable, not {type(on_step).__name__}")
