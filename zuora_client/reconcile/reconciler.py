"""One run over one pair: which write follows from the listed status, and what is known after each write.

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
from .._call.error_context import describe
from .._call.response_errors import error_from_model
from ..exceptions import (
    ANSWERED,
    NOT_SENT,
    UNKNOWN,
    ApiException,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    RequestRejectedError,
)
from ..models import POSTEntityConnectionsType
from .entities import name_entities
from .listing import is_active, is_connected, list_connections
from .pairs import CONNECTED, PENDING, active_status, normalize_id, state
from .steps import EnsureResult, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..api import EntityConnectionsApi
    from ..models import GETEntityConnectionsArrayItemsType
    from .listing import Listing

    Row = GETEntityConnectionsArrayItemsType

# Status -> next action. None stands for every inactive status.
TO_CONNECTED: dict[str | None, str] = {None: "initiate", PENDING: "accept"}
TO_DISCONNECTED: dict[str | None, str] = {PENDING: "deny", CONNECTED: "disconnect"}

# Seconds before each listing after a write. Our choice: Zuora does not document how soon the list shows a change.
POLL_DELAYS = (0.0, 0.5, 1.0, 2.0)

# A run needs at most two writes; a higher count means a concurrent writer.
_MAX_WRITES = 8

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


class Reconciler:
    """One run over one pair: the steps so far, the writes that were sent and those that were done.

    Args:
        transitions: `TO_CONNECTED` or `TO_DISCONNECTED`.
        names: normalized entity id to name, for steps and errors.
        notify: called with each step.
    """

    def __init__(
        self,
        api: EntityConnectionsApi,
        target_api: EntityConnectionsApi,
        pair: tuple[str, str],
        transitions: dict[str | None, str],
        names: Mapping[str, str],
        notify: Callable[[Step], object] | None,
    ) -> None:
        self.source, self.target = pair
        self._api = api
        self._target_api = target_api
        self._transitions = transitions
        self._names = names
        self._notify = notify
        self._steps: list[Step] = []
        self._sent: set[tuple[str, str | None]] = set()
        self._done: list[str] = []
        self._surplus: list[Row] = []
        self._on_step_error: ApiException | None = None

    def run(self) -> EnsureResult:
        """List the pair, and apply transitions until there is none for the listed status."""
        try:
            return self._follow(self._list(self._transitions is TO_CONNECTED), None)
        except ApiException as error:
            if error is not self._on_step_error:
                self.explain(error)
            raise

    def resume(self, row: Row | None, write_error: ApiException | None) -> EnsureResult:
        """Like `run`, from the row that was listed after a write."""
        try:
            return self._follow(row, write_error)
        except ApiException as error:
            if error is not self._on_step_error:
                self.explain(error)
            raise

    def explain(self, error: ApiException) -> None:
        """Name the pair in an error, and add to its advice what was done in this run, and what to do next."""
        error.source_entity_id, error.target_entity_id = map(without_hyphens, (self.source, self.target))
        name_entities(error, self._names)
        must_wait = self._transitions is TO_DISCONNECTED and error.outcome == UNKNOWN
        if isinstance(error, OutcomeUnknownError) and not must_wait:
            error.advice = "It is not known whether the write was done."
        if self._done:
            error.advice += f" Already done in this run: {', '.join(self._done)}."
        error.advice += f" {_WAIT_BEFORE_RERUN_ADVICE if must_wait else _RERUN_ADVICE}"

    def _name(self, entity_id: str) -> str | None:
        return self._names.get(normalize_id(entity_id))

    def _follow(self, row: Row | None, write_error: ApiException | None) -> EnsureResult:
        while True:
            action = self._transitions.get(active_status(row))
            if action is None:
                return self.result(row)
            self.claim(action, row, write_error)
            if action == "initiate":
                self.check_target_access()
            write_error = self.write(action, row)
            row = self._poll_until_changed(action, row, write_error)

    def result(self, row: Row | None) -> EnsureResult:
        """Return the result of a run that ends with this row."""
        return EnsureResult(bool(self._done), row, self._steps, self._surplus)

    # -- list -------------------------------------------------------------------------------------------------------

    def find(self, listing: Listing) -> Row | None:
        """Return the connection of the pair in a listing, and remember its surplus connections."""
        self._surplus = listing.surplus(self.target)
        return listing.find(self.target)

    def _list(self, only_connected: bool) -> Row | None:
        is_conclusive = is_connected if only_connected else is_active
        found = self.find(list_connections(self._api, self.source, [self.target], is_conclusive, self._names))
        self.notify_look(found)
        return found

    def check_target_access(self) -> None:
        """Check access to the target before the first write."""
        rows = self._target_api.iter_entity_connections(zuora_entity_ids=self.target, type="inbound", page_size=1)
        next(rows, None)

    def _poll_until_changed(self, action: str, before: Row | None, write_error: ApiException | None) -> Row | None:
        """List until the effect of a write shows. Raises if the state is unchanged after the last delay.

        A change other than that effect is accepted after the last delay only: a stale replica may have served it.
        """
        row = before
        for delay in POLL_DELAYS:
            if delay:
                self._api.api_client.clock.sleep(delay)
            try:
                row = self._list(action == "accept")
            except ApiException as error:
                if write_error is None or error is self._on_step_error:
                    raise
                # The error of the write matters more than that of the listing, and keeps its own cause.
                raise write_error from write_error.__cause__
            if shows_effect(action, before, row):
                break
        else:
            if state(row) == state(before):
                raise write_error or self.unconfirmed(action, before)
        self.confirm(action, write_error)
        return row

    def confirm(self, action: str, write_error: ApiException | None) -> None:
        """Note that the list showed a change after a write."""
        if write_error is not None and write_error.outcome == UNKNOWN:
            self._done.append(action)

    # -- write ------------------------------------------------------------------------------------------------------

    def write(self, action: str, row: Row | None) -> ApiException | None:
        """Send one write. Return None on success, or an error whose effect the list has to show."""
        call, *request = self._prepare(action, row)
        try:
            response = call()
            failure = error_from_model(response, *request)
            if failure is not None:
                raise failure
        except (OutcomeUnknownError, RequestRejectedError, ConflictError, NotFoundError) as error:
            result = "outcome unknown" if error.outcome == UNKNOWN else f"refused ({_reasons_text(error)})"
            self._add_step(action, row, f"{action}: {result}, checking the list")
            return error
        self._done.append(action)
        self._add_step(action, row, _STEP_DETAILS[action], getattr(response, "id", None))
        return None

    def _prepare(self, action: str, row: Row | None) -> tuple[Callable[[], Any], str, str, str]:
        """Return the call of an action, its method, its path, and the entity that it acts for."""
        if action == "initiate" or row is None:
            request = POSTEntityConnectionsType(without_hyphens(self.target))
            initiate = partial(self._api.p_ost_entity_connections, zuora_entity_ids=self.source, request=request)
            return initiate, "POST", ENTITY_CONNECTIONS_PATH, self.source
        call: Callable[..., Any]
        if action == "disconnect":
            call, entity = self._api.p_ut_entity_connections_disconnect, self.source
        elif action == "deny":
            call, entity = self._target_api.p_ut_entity_connections_deny, self.target
        else:
            call, entity = self._target_api.p_ut_entity_connections_accept, self.target
        path = f"{ENTITY_CONNECTIONS_PATH}/{row.id}/{action}"
        return partial(call, row.id, zuora_entity_ids=entity), "PUT", path, entity

    def claim(self, action: str, row: Row | None, write_error: ApiException | None = None) -> None:
        """Note that a write follows. Raises `write_error` or ConflictError if the run has sent it before."""
        write = (action, state(row)[1])
        if write in self._sent or len(self._sent) == _MAX_WRITES:
            if write_error is not None:
                raise write_error
            error = ConflictError(
                reason="another program is changing the connection of this pair, or the pair has too many connections",
                outcome=ANSWERED,
            )
            describe(error, *self._prepare(action, row)[1:])
            raise error
        self._sent.add(write)

    def unconfirmed(self, action: str, row: Row | None) -> OutcomeUnknownError:
        """Return the error for a confirmed write that the list does not show."""
        error = OutcomeUnknownError(
            reason=f"Zuora confirmed {action}, but its list still does not show it after {sum(POLL_DELAYS):g} s"
        )
        describe(error, *self._prepare(action, row)[1:])
        return error

    def unfinished(self) -> ApiException | None:
        """Return the error for a pair whose run was ended after a write; None if nothing was sent."""
        if not self._sent:
            return None
        error = ApiException(reason="the run ended before the list showed the result for this pair", outcome=NOT_SENT)
        describe(error, "GET", ENTITY_CONNECTIONS_PATH, self.source)
        error.advice = "Fix the failure that ended the run."
        self.explain(error)
        return error

    # -- notify -----------------------------------------------------------------------------------------------------

    def notify_look(self, row: Row | None) -> None:
        """Report a listing of the pair."""
        self._add_step("look", row, f"the list shows {row.status}" if row else "the list shows no connection")

    def _add_step(self, action: str, row: Row | None, detail: str, new_id: str | None = None) -> None:
        is_done = action == "look" and self._transitions.get(active_status(row)) is None
        step = Step(
            action,
            self.source,
            self.target,
            new_id or (row.id if row is not None else None),
            detail,
            source_name=self._name(self.source),
            target_name=self._name(self.target),
            pairs_done=int(is_done),
        )
        self._steps.append(step)
        if self._notify is not None:
            try:
                self._notify(step)
            except ApiException as error:
                # Raised by the caller's own code: ends the run unchanged.
                self._on_step_error = error
                raise


def shows_effect(action: str, before: Row | None, row: Row | None) -> bool:
    """Whether a row shows the effect of `action`."""
    if action == "initiate":
        return active_status(row) is not None
    if action == "accept":
        return active_status(row) == CONNECTED
    return state(row) == (None, None) or state(row)[1] != state(before)[1]


def _reasons_text(error: ApiException) -> str:
    return "; ".join(str(reason) for reason in error.reasons) or single_line(error.reason)
