"""Reconcile one pair of entities: make sure that they are connected, or that they are not.

The connections are listed before the first write and after every write, and each decision is based on the list, not on
the response to a write. One run never sends the same write to the same connection twice. A run may therefore be
interrupted at any point, or run concurrently with others: the next run continues from the listed state.

    none, Disconnected      -- initiate, as the source -->  Pending
    Pending                 -- accept, as the target   -->  Connected
    Pending                 -- deny, as the target     -->  gone or Disconnected
    Connected               -- disconnect, as the source --> gone or Disconnected

Zuora does not document how soon the list shows a change, what becomes of a denied request, or whether one pair can have
two requests. Nothing here relies on it: a change has a few seconds to appear, every status other than Connected and
Pending counts as no connection, and the most advanced of several rows is used.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .._base.parameters import ENTITY_CONNECTIONS_PATH, without_hyphens
from .._base.text import single_line
from .._call.responses import error_from_model
from ..exceptions import (
    ANSWERED,
    UNKNOWN,
    ApiException,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    RequestRejectedError,
)
from ..models import POSTEntityConnectionsType
from .listing import is_active, is_connected, list_connections
from .pairs import CONNECTED, PENDING, active_status, state, validate_api, validate_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..api import EntityConnectionsApi
    from ..models import GETEntityConnectionsArrayItemsType

# Status -> next action. None stands for every inactive status.
_TO_CONNECTED: dict[str | None, str] = {None: "initiate", PENDING: "accept"}
_TO_DISCONNECTED: dict[str | None, str] = {PENDING: "deny", CONNECTED: "disconnect"}

_STEP_DETAILS = {
    "initiate": "requested as the source",
    "accept": "accepted as the target",
    "deny": "denied as the target",
    "disconnect": "disconnected as the source",
}

_RERUN_ADVICE = "Running it again is safe: it lists the connections first and only does what is missing."
# A second disconnect could end a connection that was established after the first one.
_WAIT_BEFORE_RERUN_ADVICE = (
    "Before you run it again, wait 120 s, the longest that Zuora works on one request, and list the connection."
)

# Seconds before each listing after a write. Our choice: Zuora does not document how soon the list shows a change.
_POLL_DELAYS = (0.0, 0.5, 1.0, 2.0)
# A run needs at most two writes; a higher count means a concurrent writer.
_MAX_WRITES = 8


class Step:
    """One listing or one write of a run. ``str()`` returns one line for a log.

    Attributes:
        action: ``"look"`` (a listing), ``"initiate"``, ``"accept"``, ``"deny"`` or ``"disconnect"``.
        source_entity_id, target_entity_id: the pair, as the caller passed it.
        connection_id: the connection that was listed or changed, or None.
        detail: the result, as text.
    """

    __module__ = "zuora_client.topology"  # The documented path, for pickles and tracebacks.
    __slots__ = ("action", "connection_id", "detail", "source_entity_id", "target_entity_id")

    def __init__(
        self, action: str, source_entity_id: str, target_entity_id: str, connection_id: str | None, detail: str
    ) -> None:
        self.action = action
        self.source_entity_id = source_entity_id
        self.target_entity_id = target_entity_id
        self.connection_id = connection_id
        self.detail = detail

    def __str__(self) -> str:
        pair = f"{single_line(self.source_entity_id)} -> {single_line(self.target_entity_id)}"
        connection = f" (connection {single_line(self.connection_id)})" if self.connection_id else ""
        return f"{pair}: {single_line(self.detail)}{connection}"

    def __repr__(self) -> str:
        return f"<Step {self}>"


class EnsureResult:
    """The result of a completed run.

    Attributes:
        changed: whether this run changed the connection. A write without a response counts if the list shows its
            effect.
        connection: the connection as last listed, or None if there is none.
        steps: the `Step` objects of the run, in order.
    """

    __module__ = "zuora_client.topology"  # The documented path, for pickles and tracebacks.
    __slots__ = ("changed", "connection", "steps")

    def __init__(self, changed: bool, connection: GETEntityConnectionsArrayItemsType | None, steps: list[Step]) -> None:
        self.changed = changed
        self.connection = connection
        self.steps = steps

    def __repr__(self) -> str:
        state = (
            "no connection"
            if self.connection is None
            else single_line(f"{self.connection.status} {self.connection.id}")
        )
        return f"<EnsureResult {state}, {'changed' if self.changed else 'nothing to do'}>"


def ensure_connected(
    api: EntityConnectionsApi,
    source_entity_id: str | bytes,
    target_entity_id: str | bytes,
    *,
    target_api: EntityConnectionsApi | None = None,
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
        source_entity_id, target_entity_id: ids, with or without hyphens.
        target_api: has access to the target entity; `api` if None, which then needs access to both entities.
        on_step: called with each `Step` when it is complete; an exception that it raises ends the run.

    Raises:
        ApiException: the pair is not connected, or its state is unknown. `advice` names the writes that were done;
            run it again to continue.
        OutcomeUnknownError: a write may have been done, and the list did not show it within 3.5 seconds.
        TypeError, ValueError: an invalid argument; nothing was sent.

    Source: Zuora's reference and its guide to setting up a connection: administrators of the source request it,
    administrators of the target accept it.
    """
    return _Reconciler(api, source_entity_id, target_entity_id, target_api, on_step).run(_TO_CONNECTED)


def ensure_disconnected(
    api: EntityConnectionsApi,
    source_entity_id: str | bytes,
    target_entity_id: str | bytes,
    *,
    break_sharing: bool = False,
    target_api: EntityConnectionsApi | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> EnsureResult:
    """Make sure that the source entity is not connected to the target entity. Irreversible.

    A connection is disconnected as the source. A pending request is denied as the target; otherwise it could still be
    accepted. Without either, nothing is written. The direction matters: a connection from target to source is left
    alone. If the response to a disconnect is lost, the run lists the connections and does not repeat the disconnect: a
    list that still shows Connected does not prove that the first one will have no effect.

    Args:
        api: has access to the source entity.
        source_entity_id, target_entity_id: ids, with or without hyphens.
        break_sharing: must be True. If the source has shared objects with the target, the mapping between them is
            permanently lost, and only the target controls the shared objects.
        target_api: has access to the target entity; `api` if None.
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
    return _Reconciler(api, source_entity_id, target_entity_id, target_api, on_step).run(_TO_DISCONNECTED)


class _Reconciler:
    """One run over one pair: the steps so far, the writes that were sent and those that were done."""

    def __init__(
        self,
        api: EntityConnectionsApi,
        source_entity_id: Any,
        target_entity_id: Any,
        target_api: EntityConnectionsApi | None,
        on_step: Callable[[Step], object] | None,
    ) -> None:
        self._source, self._target = validate_pair(source_entity_id, target_entity_id)
        self._api = validate_api("api", api)
        self._target_api = api if target_api is None else validate_api("target_api", target_api)
        if on_step is not None and not callable(on_step):
            raise TypeError(f"on_step must be callable, not {type(on_step).__name__}")
        self._on_step = on_step
        self._steps: list[Step] = []
        self._sent: set[tuple[str, str | None]] = set()
        self._done: list[str] = []
        self._on_step_error: ApiException | None = None

    def run(self, transitions: dict[str | None, str]) -> EnsureResult:
        """Apply transitions until there is none for the listed status."""
        try:
            row = self._list(is_connected if transitions is _TO_CONNECTED else is_active)
            write_error: ApiException | None = None
            while True:
                action = transitions.get(active_status(row))
                if action is None:
                    return EnsureResult(bool(self._done), row, self._steps)
                self._check_not_repeated(action, row, write_error)
                if action == "initiate":
                    self._check_target_access()
                write_error = self._write(action, row)
                row = self._poll_until_changed(action, row, write_error)
        except ApiException as error:
            if error is self._on_step_error:
                raise
            if self._done:
                error.advice += f" Already done in this run: {', '.join(self._done)}."
            must_wait = transitions is _TO_DISCONNECTED and error.outcome == UNKNOWN
            error.advice += f" {_WAIT_BEFORE_RERUN_ADVICE if must_wait else _RERUN_ADVICE}"
            raise

    # -- list -------------------------------------------------------------------------------------------------------

    def _list(
        self, is_conclusive: Callable[[GETEntityConnectionsArrayItemsType | None], bool]
    ) -> GETEntityConnectionsArrayItemsType | None:
        found = list_connections(self._api, self._source, [self._target], is_conclusive).find(self._target)
        self._notify("look", found, f"the list shows {found.status}" if found else "the list shows no connection")
        return found

    def _check_target_access(self) -> None:
        """Check access to the target before the first write."""
        rows = self._target_api.iter_entity_connections(zuora_entity_ids=self._target, type="inbound", page_size=1)
        next(rows, None)

    def _poll_until_changed(
        self, action: str, before: GETEntityConnectionsArrayItemsType | None, write_error: ApiException | None
    ) -> GETEntityConnectionsArrayItemsType | None:
        """List until the effect of a write shows. Raises if the state is unchanged after the last delay.

        A change other than that effect is accepted after the last delay only: a stale replica may have served it.
        """
        row = before
        for delay in _POLL_DELAYS:
            if delay:
                self._api.api_client.clock.sleep(delay)
            try:
                row = self._list(is_connected if action == "accept" else is_active)
            except ApiException as error:
                if write_error is None or error is self._on_step_error:
                    raise
                # The error of the write matters more than that of the listing, and keeps its own cause.
                raise write_error from write_error.__cause__
            if _shows_effect(action, before, row):
                break
        else:
            if state(row) == state(before):
                raise write_error or self._unconfirmed(action, before)
        if write_error is not None and write_error.outcome == UNKNOWN:
            self._done.append(action)
        return row

    # -- write ------------------------------------------------------------------------------------------------------

    def _write(self, action: str, row: GETEntityConnectionsArrayItemsType | None) -> ApiException | None:
        """Send one write. Return None on success, or an error whose effect the list has to show."""
        call, method, path = self._prepare(action, row)
        try:
            response = call()
            failure = error_from_model(response, method, path)
            if failure is not None:
                raise failure
        except (OutcomeUnknownError, RequestRejectedError, ConflictError, NotFoundError) as error:
            result = "outcome unknown" if error.outcome == UNKNOWN else f"refused ({_reasons_text(error)})"
            self._notify(action, row, f"{action}: {result}, checking the list")
            return error
        self._done.append(action)
        self._notify(action, row, _STEP_DETAILS[action], getattr(response, "id", None))
        return None

    def _prepare(
        self, action: str, row: GETEntityConnectionsArrayItemsType | None
    ) -> tuple[Callable[[], Any], str, str]:
        """Return the call of an action, its method and its path."""
        if action == "initiate" or row is None:
            request = POSTEntityConnectionsType(without_hyphens(self._target))
            initiate = partial(self._api.p_ost_entity_connections, zuora_entity_ids=self._source, request=request)
            return initiate, "POST", ENTITY_CONNECTIONS_PATH
        call: Callable[..., Any]
        if action == "disconnect":
            call, entity = self._api.p_ut_entity_connections_disconnect, self._source
        elif action == "deny":
            call, entity = self._target_api.p_ut_entity_connections_deny, self._target
        else:
            call, entity = self._target_api.p_ut_entity_connections_accept, self._target
        return partial(call, row.id, zuora_entity_ids=entity), "PUT", f"{ENTITY_CONNECTIONS_PATH}/{row.id}/{action}"

    def _check_not_repeated(
        self, action: str, row: GETEntityConnectionsArrayItemsType | None, write_error: ApiException | None
    ) -> None:
        write = (action, state(row)[1])
        if write in self._sent or len(self._sent) == _MAX_WRITES:
            if write_error is not None:
                raise write_error
            error = ConflictError(
                reason="another program is changing the connection of this pair, or the pair has too many connections",
                outcome=ANSWERED,
            )
            _, error.method, error.path = self._prepare(action, row)
            raise error
        self._sent.add(write)

    def _unconfirmed(self, action: str, row: GETEntityConnectionsArrayItemsType | None) -> OutcomeUnknownError:
        error = OutcomeUnknownError(
            reason=f"Zuora confirmed {action}, but its list still does not show it after {sum(_POLL_DELAYS):g} s"
        )
        _, error.method, error.path = self._prepare(action, row)
        return error

    # -- notify -----------------------------------------------------------------------------------------------------

    def _notify(
        self, action: str, row: GETEntityConnectionsArrayItemsType | None, detail: str, new_id: str | None = None
    ) -> None:
        step = Step(action, self._source, self._target, new_id or (row.id if row is not None else None), detail)
        self._steps.append(step)
        if self._on_step is not None:
            try:
                self._on_step(step)
            except ApiException as error:
                # Raised by the caller's own code: ends the run unchanged.
                self._on_step_error = error
                raise


def _shows_effect(
    action: str, before: GETEntityConnectionsArrayItemsType | None, row: GETEntityConnectionsArrayItemsType | None
) -> bool:
    """Whether a row shows the effect of `action`."""
    if action == "initiate":
        return active_status(row) is not None
    if action == "accept":
        return active_status(row) == CONNECTED
    return state(row) == (None, None) or state(row)[1] != state(before)[1]


def _reasons_text(error: ApiException) -> str:
    return "; ".join(str(reason) for reason in error.reasons) or single_line(error.reason)
