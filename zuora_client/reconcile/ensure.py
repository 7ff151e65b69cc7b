"""The job, not the calls: make sure that one entity is connected to another, or no longer is.

What it keeps: the connections are looked at before anything is written and after every write, and what the look shows
decides, never what an answer should have meant. In one run no write is sent twice to the same connection. So it does
not matter where a run was cut, or who else does the same at the same time: the next run goes on from what is there.

    nothing, Disconnected   -- initiate, as the source -->  Pending
    Pending                 -- accept, as the target   -->  Connected
    Pending                 -- deny, as the target     -->  gone or Disconnected
    Connected               -- disconnect, as the source --> gone or Disconnected

Zuora documents neither how soon a list shows a change, nor what becomes of a denied request, nor whether two requests
for one pair can stand side by side. So nothing here relies on it: a change has some seconds to show, only Connected and
Pending count (any other status is as good as nothing), and of several rows the one that is further along is taken.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .._base.parameters import without_hyphens
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
from .pairs import (
    CONNECTED,
    PENDING,
    active_status,
    list_outbound,
    most_advanced,
    normalize_id,
    validate_api,
    validate_pair,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..api import EntityConnectionsApi
    from ..models import GETEntityConnectionsArrayItemsType

# What is done about a status, on the way to what is wanted; None is everything but Connected and Pending.
_TO_CONNECTED: dict[str | None, str] = {None: "initiate", PENDING: "accept"}
_TO_DISCONNECTED: dict[str | None, str] = {PENDING: "deny", CONNECTED: "disconnect"}

_DONE = {
    "initiate": "asked the target for a connection",
    "accept": "accepted as the target",
    "deny": "denied as the target",
    "disconnect": "disconnected as the source",
}

_WHAT_NEXT = {
    False: "Running it again is safe: it looks first, and does only what is missing.",
    # A second disconnect may end a connection that somebody has made anew.
    True: "Before you run it again, wait until Zuora must be done with the first (120 s), and list once more.",
}

# Seconds between the looks after a write. Our choice: Zuora does not say how soon a list shows what was done.
_PATIENCE = (0.0, 0.5, 1.0, 2.0)
# Two are needed. More only happen when somebody else keeps changing the same pair.
_MOST_WRITES = 8


class Step:
    """One thing that a run saw or did; ``str()`` of it is a line for a log.

    Attributes:
        action: ``"look"``, ``"initiate"``, ``"accept"``, ``"deny"`` or ``"disconnect"``.
        source_entity_id, target_entity_id: the pair, as the caller named it.
        connection_id: the connection that was seen or changed, or None.
        detail: what came of it.
    """

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
        about = f" (connection {single_line(self.connection_id)})" if self.connection_id else ""
        return f"{pair}: {single_line(self.detail)}{about}"

    def __repr__(self) -> str:
        return f"<Step {self}>"


class EnsureResult:
    """What a run that reached its end found and did.

    Attributes:
        changed: whether this run wrote. After an answer that was lost it says True when the change is there.
        connection: the connection as it was listed last, or None when there is none.
        steps: the `Step` objects of the run, in order.
    """

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
    """Make sure that the source entity is connected to the target entity. Run it as often as you like.

    It looks, asks for the connection as the source, accepts as the target, and looks whether it is so. Before it asks,
    it lists as the target too, so that credentials which do not hold the target fail before anything is written. What
    is there already is not done again: a connection that stands costs no write, a pending one only the accept. The
    direction counts: the source is the entity that shares. An answer that gets lost, and a refusal because somebody
    else was faster, are settled by looking, never by sending again.

    Args:
        api: speaks for the source entity.
        source_entity_id, target_entity_id: ids in either spelling.
        target_api: speaks for the target entity; `api` when None, whose credentials then must hold both.
        on_step: called with each `Step` as soon as it is done; what it raises ends the run.

    Raises:
        ApiException: it is not connected, or nobody knows. `advice` tells what the run had done before; the way on is
            to run it again.
        OutcomeUnknownError: a write may have been done, and 3.5 seconds of looking did not show it.
        TypeError, ValueError: a wrong argument; nothing was sent.

    Source: Zuora's reference and its guide to setting up a connection; administrators of the source ask, those of the
    target accept.
    """
    return _Run(api, source_entity_id, target_entity_id, target_api, on_step).towards(_TO_CONNECTED)


def ensure_disconnected(
    api: EntityConnectionsApi,
    source_entity_id: str | bytes,
    target_entity_id: str | bytes,
    *,
    break_sharing: bool = False,
    target_api: EntityConnectionsApi | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> EnsureResult:
    """Make sure that the source entity is not connected to the target entity. This cannot be undone.

    A connection is disconnected, as the source. A pending request is denied, as the target: left alone, it could still
    be accepted. The direction counts: a connection from target to source stays. Where there is nothing, nothing is
    written. When the answer to a disconnect gets lost, it looks; it does not send the disconnect again, because a list
    that still says Connected does not prove that the first one is not being done.

    Args:
        api: speaks for the source entity.
        source_entity_id, target_entity_id: ids in either spelling.
        break_sharing: must be True. When the source has shared objects with the target, the mapping between them is
            lost for good, and the target alone controls what was shared.
        target_api: speaks for the target entity; `api` when None.
        on_step: called with each `Step` as soon as it is done; what it raises ends the run.

    Raises:
        ValueError: `break_sharing` is not True, or another argument is wrong; nothing was sent.
        OutcomeUnknownError: the disconnect may have been done, and 3.5 seconds of looking did not show it.
        ApiException: any other failure; see `ensure_connected`.
    """
    if break_sharing is not True:
        raise ValueError(
            "a disconnect cannot be undone: if the source has shared objects (products, accounting periods) with the "
            "target, the mapping between them is lost for good and the target alone controls them. Say "
            "break_sharing=True if that is meant"
        )
    return _Run(api, source_entity_id, target_entity_id, target_api, on_step).towards(_TO_DISCONNECTED)


class _Run:
    """One run over one pair: what it saw, what it sent."""

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
        self._from_on_step: ApiException | None = None

    def towards(self, moves: dict[str | None, str]) -> EnsureResult:
        """Make one move after the other until there is none for what the list shows."""
        try:
            row = self._look()
            doubt: ApiException | None = None
            while True:
                action = moves.get(active_status(row))
                if action is None:
                    return EnsureResult(bool(self._done), row, self._steps)
                self._refuse_to_repeat(action, row, doubt)
                if action == "initiate":
                    self._reach_target()
                doubt = self._write(action, row)
                row = self._look_until_moved(action, row, doubt)
        except ApiException as error:
            if error is self._from_on_step:
                raise
            before = f" Done before in this run: {', '.join(self._done)}." if self._done else ""
            error.advice += f"{before} {_WHAT_NEXT[moves is _TO_DISCONNECTED and error.outcome == UNKNOWN]}"
            raise

    # -- look -------------------------------------------------------------------------------------------------------

    def _look(self) -> GETEntityConnectionsArrayItemsType | None:
        found: GETEntityConnectionsArrayItemsType | None = None
        for row in list_outbound(self._api, self._source):
            if normalize_id(row.target_entity_id) == normalize_id(self._target):
                found = most_advanced(found, row)
        self._tell("look", found, f"the list shows {found.status}" if found else "the list shows no connection")
        return found

    def _reach_target(self) -> None:
        """Fail before the first write, not between the two, when these credentials cannot speak for the target."""
        rows = self._target_api.iter_entity_connections(zuora_entity_ids=self._target, type="inbound", page_size=1)
        next(rows, None)

    def _look_until_moved(
        self, action: str, before: GETEntityConnectionsArrayItemsType | None, doubt: ApiException | None
    ) -> GETEntityConnectionsArrayItemsType | None:
        """Look until the list shows what was written, and raise what it meant if nothing changes.

        A list that went another way is believed only when it stays: it may come from a copy that lags behind.
        """
        row = before
        for seconds in _PATIENCE:
            if seconds:
                self._api.api_client.clock.sleep(seconds)
            try:
                row = self._look()
            except ApiException as error:
                if doubt is None or error is self._from_on_step:
                    raise
                # What is not known about the write matters more than why the look failed, and keeps its own cause.
                raise doubt from doubt.__cause__
            if _arrived(action, before, row):
                break
        else:
            if _state(row) == _state(before):
                raise doubt or self._invisible(action, before)
        if doubt is not None and doubt.outcome == UNKNOWN:
            self._done.append(action)
        return row

    # -- write ------------------------------------------------------------------------------------------------------

    def _write(self, action: str, row: GETEntityConnectionsArrayItemsType | None) -> ApiException | None:
        """Send one write. Return None after Zuora's yes, or an error that may only mean that a look is needed."""
        call, method, path = self._call(action, row)
        try:
            answer = call()
            refused = error_from_model(answer, method, path)
            if refused is not None:
                raise refused
        except (OutcomeUnknownError, RequestRejectedError, ConflictError, NotFoundError) as error:
            unknown = error.outcome == UNKNOWN
            fate = "no answer says whether it was done" if unknown else f"refused ({_words(error)})"
            self._tell(action, row, f"{action}: {fate}; looking")
            return error
        self._done.append(action)
        made = getattr(answer, "id", None)
        self._tell(action, row, _DONE[action], made)
        return None

    def _call(self, action: str, row: GETEntityConnectionsArrayItemsType | None) -> tuple[Callable[[], Any], str, str]:
        path = "/v1/entity-connections"
        if action == "initiate" or row is None:
            request = POSTEntityConnectionsType(without_hyphens(self._target))
            initiate = self._api.p_ost_entity_connections
            return partial(initiate, zuora_entity_ids=self._source, request=request), "POST", path
        call: Callable[..., Any]
        if action == "disconnect":
            call, entity = self._api.p_ut_entity_connections_disconnect, self._source
        elif action == "deny":
            call, entity = self._target_api.p_ut_entity_connections_deny, self._target
        else:
            call, entity = self._target_api.p_ut_entity_connections_accept, self._target
        return partial(call, row.id, zuora_entity_ids=entity), "PUT", f"{path}/{row.id}/{action}"

    def _refuse_to_repeat(
        self, action: str, row: GETEntityConnectionsArrayItemsType | None, doubt: ApiException | None
    ) -> None:
        write = (action, row.id if row is not None and active_status(row) else None)
        if write in self._sent or len(self._sent) == _MOST_WRITES:
            if doubt is not None:
                raise doubt
            error = ConflictError(
                reason="somebody else is changing the connection of this pair at the same time, or it has very many",
                outcome=ANSWERED,
            )
            _, error.method, error.path = self._call(action, row)
            raise error
        self._sent.add(write)

    def _invisible(self, action: str, row: GETEntityConnectionsArrayItemsType | None) -> OutcomeUnknownError:
        error = OutcomeUnknownError(
            reason=f"Zuora said yes to {action}, and {sum(_PATIENCE):g} s later its list still does not show it"
        )
        _, error.method, error.path = self._call(action, row)
        return error

    # -- tell -------------------------------------------------------------------------------------------------------

    def _tell(
        self, action: str, row: GETEntityConnectionsArrayItemsType | None, detail: str, made: str | None = None
    ) -> None:
        step = Step(action, self._source, self._target, made or (row.id if row is not None else None), detail)
        self._steps.append(step)
        if self._on_step is not None:
            try:
                self._on_step(step)
            except ApiException as error:
                # It is the caller's own, and ends the run as it is.
                self._from_on_step = error
                raise


def _arrived(
    action: str, before: GETEntityConnectionsArrayItemsType | None, row: GETEntityConnectionsArrayItemsType | None
) -> bool:
    """Whether the list shows what `action` makes of a pair."""
    if action == "initiate":
        return active_status(row) is not None
    if action == "accept":
        return active_status(row) == CONNECTED
    return _state(row) == (None, None) or _state(row)[1] != _state(before)[1]


def _state(row: GETEntityConnectionsArrayItemsType | None) -> tuple[str | None, str | None]:
    status = active_status(row)
    return (None, None) if row is None or status is None else (status, row.id)


def _words(error: ApiException) -> str:
    return "; ".join(str(reason) for reason in error.reasons) or single_line(error.reason)
