"""Apply a plan in phases: list the sources, request what is missing, list, accept, list.

The phases replace the listings of each pair by those of its source. The `Reconciler` of a pair decides what may be sent
to it, as in a run over one pair. A pair that another program has changed leaves the phases and continues alone.
"""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from ..exceptions import (
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    RequestRejectedError,
    TlsError,
)
from .listing import is_active, is_connected, list_connections
from .pairs import CONNECTED, PENDING, active_status, normalize_id, state
from .planned_connection import incomplete_error
from .reconciler import POLL_DELAYS, TO_CONNECTED, Reconciler, shows_effect
from .workers import Interrupted, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..api import EntityConnectionsApi
    from ..models import GETEntityConnectionsArrayItemsType
    from .listing import Listing
    from .planned_connection import PlannedConnection
    from .steps import EnsureResult, Step

    Row = GETEntityConnectionsArrayItemsType

DEFAULT_WORKERS = 8
# Zuora's default limit of concurrent requests is 40; more workers would only wait for each other.
_MAX_WORKERS = 64
# Pairs that go through the phases together. The largest hierarchy has 512 entities, so one source fits.
_BATCH_PAIRS = 512

# Zuora refused a call for reasons of its pair.
_REFUSALS = (RequestRejectedError, ConflictError, NotFoundError, PermissionDeniedError)
# Every further call would fail too.
_ENDING = (AuthenticationError, TlsError)
# Any other failure (a lost or unusable response, a server error) ends the run after this many calls in a row, which
# only an outage causes: each call has its own retries.
_MAX_FAILURES_IN_A_ROW = 10
# All calls share a limit, and a refused call counts too: two such failures in a row are enough.
_RATE_LIMIT_WEIGHT = 5
# After these the list is out of reach too.
_UNREACHABLE = (ApiConnectionError, ApiTimeoutError, RateLimitError)


def validate_workers(workers: Any) -> None:
    """Raise TypeError or ValueError if `workers` is not an integer from 1 to 64."""
    if isinstance(workers, bool) or not isinstance(workers, int):
        raise TypeError(f"workers must be an integer, not {type(workers).__name__}")
    if not 1 <= workers <= _MAX_WORKERS:
        raise ValueError(f"workers must be from 1 to {_MAX_WORKERS}, not {workers}")


def apply_pairs(
    api: EntityConnectionsApi,
    pairs: Sequence[PlannedConnection],
    names: Mapping[str, str],
    on_step: Callable[[Step], object] | None,
    workers: int,
) -> list[EnsureResult]:
    """Connect the pairs and return their results in order. See `ConnectionPlan.apply`."""
    if not pairs:
        return []
    return _Run(api, pairs, names, on_step, Workers(min(workers, len(pairs)))).run()


class _Pair:
    """One pair on its way through the phases.

    Attributes:
        row: the connection as last listed.
        before: the connection before the last write.
        action: the last write, or None.
        write_error: of the last write, if the list has to show whether it was done.
        result, error: how the pair ended; both None until then.
    """

    def __init__(self, planned: PlannedConnection, reconciler: Reconciler) -> None:
        self.planned = planned
        self.reconciler = reconciler
        self.target = reconciler.target
        self.row: Row | None = None
        self.before: Row | None = None
        self.action: str | None = None
        self.write_error: ApiException | None = None
        self.result: EnsureResult | None = None
        self.error: ApiException | None = None

    @property
    def is_open(self) -> bool:
        return self.result is None and self.error is None


class _TargetCheck:
    """The check of the access to one target: made once, by the first worker that needs it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_done = False
        self.error: ApiException | None = None


class _Run:
    """One call of `apply`."""

    def __init__(
        self,
        api: EntityConnectionsApi,
        pairs: Sequence[PlannedConnection],
        names: Mapping[str, str],
        on_step: Callable[[Step], object] | None,
        workers: Workers,
    ) -> None:
        self._workers = workers
        self._api = workers.view(api)
        self._names = names
        self._on_step = on_step
        self._on_step_error: BaseException | None = None
        self._lock = threading.Lock()
        self._done = 0
        self._failures_in_a_row = 0
        self._can_list = True
        # The pair whose failure ended the run.
        self._ending: _Pair | None = None
        self._pairs = [self._create(pair) for pair in pairs]
        self._checks = {normalize_id(pair.target): _TargetCheck() for pair in self._pairs}

    def _create(self, planned: PlannedConnection) -> _Pair:
        pair = (planned.source_entity_id, planned.target_entity_id)
        return _Pair(planned, Reconciler(self._api, self._api, pair, TO_CONNECTED, self._names, self._notify))

    def run(self) -> list[EnsureResult]:
        """Connect all pairs, batch by batch."""
        try:
            for batch in self._batches():
                self._run_batch(batch)
                if self._workers.stopping:
                    break
            if self._workers.stopping and self._can_list:
                with contextlib.suppress(ApiException):
                    self._list_written()
        except Interrupted:
            # Raised for an error of `on_step`, which continues below, without this exception as its context.
            pass
        finally:
            try:
                self._workers.close()
            except BaseException:
                # A signal handler interrupted it.
                self._workers.close()
                raise
        if self._on_step_error is not None:
            raise self._on_step_error
        return self._finish()

    def _batches(self) -> Iterable[list[list[_Pair]]]:
        """Yield lists of groups; a group has pairs of one source."""
        sources: dict[str, list[_Pair]] = {}
        for pair in self._pairs:
            sources.setdefault(normalize_id(pair.reconciler.source), []).append(pair)
        batch: list[list[_Pair]] = []
        for pairs in sources.values():
            for start in range(0, len(pairs), _BATCH_PAIRS):
                group = pairs[start : start + _BATCH_PAIRS]
                if batch and sum(map(len, batch)) + len(group) > _BATCH_PAIRS:
                    yield batch
                    batch = []
                batch.append(group)
        yield batch

    def _run_batch(self, batch: list[list[_Pair]]) -> None:
        run = self._workers.run
        run(partial(self._list, group) for group in batch)
        for action, status in (("initiate", None), ("accept", PENDING)):
            pairs = [pair for group in batch for pair in group if pair.is_open and active_status(pair.row) == status]
            run(partial(self._write, action, pair) for pair in pairs)
            run(partial(self._poll, action, group) for group in batch)
        run(partial(self._continue_alone, pair) for group in batch for pair in group if pair.is_open)

    # -- phases -----------------------------------------------------------------------------------------------------

    def _list(self, group: list[_Pair]) -> None:
        """List the pairs of one source."""
        for delay in POLL_DELAYS:
            listing = self._list_source(group, is_connected, delay)
            if listing is not None:
                for pair in group:
                    pair.row = pair.reconciler.find(listing)
                    self._complete(pair)
            if listing is not None or not group[0].is_open:
                return

    def _list_source(
        self, group: list[_Pair], is_conclusive: Callable[[Row | None], bool], delay: float
    ) -> Listing | None:
        """Return a list of the source of a group after a delay, or None if it failed.

        The group has failed too if another list would fail, or if this was the last one.
        """
        if delay:
            self._api.api_client.clock.sleep(delay)
        source, targets = group[0].reconciler.source, [pair.target for pair in group]
        try:
            listing = list_connections(self._api, source, targets, is_conclusive, self._names)
        except ApiException as error:
            self._record(error, group[0])
            if self._workers.stopping or isinstance(error, _REFUSALS) or delay == POLL_DELAYS[-1]:
                self._fail_group(group, error)
            return None
        self._record(None, group[0])
        return listing

    def _write(self, action: str, pair: _Pair) -> None:
        """Send one write to a pair."""
        try:
            if action == "initiate":
                self._check_target(pair)
                if self._workers.stopping:
                    return
            pair.reconciler.claim(action, pair.row)
            pair.action, pair.before = action, pair.row
            pair.write_error = pair.reconciler.write(action, pair.row)
            self._record(pair.write_error, pair)
        except ApiException as error:
            self._record(error, pair)
            self._fail(pair, error)

    def _check_target(self, pair: _Pair) -> None:
        check = self._checks[normalize_id(pair.target)]
        with check.lock:
            if not check.is_done and not self._workers.stopping:
                try:
                    pair.reconciler.check_target_access()
                except _REFUSALS as error:
                    check.error = _copy(error)
                    check.is_done = True
                    raise
                check.is_done = True
        if check.error is not None:
            raise _copy(check.error)

    def _poll(self, action: str, group: list[_Pair]) -> None:
        """List the pairs of one source until the effect of a write shows, as `Reconciler` does for one pair."""
        waiting = [pair for pair in group if pair.is_open and pair.action == action]
        for delay in POLL_DELAYS if waiting else ():
            listing = self._list_source(waiting, is_connected if action == "accept" else is_active, delay)
            if listing is None:
                if waiting[0].is_open:
                    continue
                return
            for pair in waiting:
                pair.row = pair.reconciler.find(listing)
            waiting = [pair for pair in waiting if not self._settle(action, pair)]
            if not waiting or self._workers.stopping:
                break
        for pair in waiting if not self._workers.stopping else ():
            if state(pair.row) == state(pair.before):
                self._fail(pair, pair.write_error or pair.reconciler.unconfirmed(action, pair.before))
            else:
                pair.reconciler.confirm(action, pair.write_error)

    def _settle(self, action: str, pair: _Pair) -> bool:
        """Return whether the listed row shows the effect of a write, and complete the pair if it is connected."""
        if not shows_effect(action, pair.before, pair.row):
            return False
        pair.reconciler.confirm(action, pair.write_error)
        pair.write_error = None
        self._complete(pair)
        return True

    def _continue_alone(self, pair: _Pair) -> None:
        """Continue a pair that another program has changed."""
        try:
            pair.result = pair.reconciler.resume(pair.row, pair.write_error)
        except ApiException as error:
            self._record(error, pair)
            self._fail(pair, error, explained=True)

    # -- results ----------------------------------------------------------------------------------------------------

    def _complete(self, pair: _Pair) -> None:
        """Complete a pair that is listed as connected."""
        if active_status(pair.row) == CONNECTED:
            pair.reconciler.notify_look(pair.row)
            pair.result = pair.reconciler.result(pair.row)

    def _fail(self, pair: _Pair, error: ApiException, *, explained: bool = False) -> None:
        if not explained:
            pair.reconciler.explain(error)
        pair.error = error
        with self._lock:
            self._done += 1

    def _fail_group(self, group: list[_Pair], error: ApiException) -> None:
        """Fail the pairs of a list that failed. The error of a write matters more than that of the listing after it."""
        for pair in group:
            if pair.action is not None or not self._workers.stopping or pair is group[0]:
                self._fail(pair, pair.write_error or _copy(error))

    def _record(self, error: ApiException | None, pair: _Pair) -> None:
        """Note how a call for a pair ended, and end the run if every further call would fail too."""
        if error is None or isinstance(error, _REFUSALS):
            self._failures_in_a_row = 0
            return
        # Without a lock: a lost update only delays the end.
        self._failures_in_a_row += _RATE_LIMIT_WEIGHT if isinstance(error, RateLimitError) else 1
        if isinstance(error, _ENDING) or self._failures_in_a_row >= _MAX_FAILURES_IN_A_ROW:
            self._workers.stopping = True
            self._ending = self._ending or pair
            failure = error.__cause__ if isinstance(error, OutcomeUnknownError) else error
            self._can_list = self._can_list and not isinstance(failure, _UNREACHABLE)

    def _list_written(self) -> None:
        """After a failure that ended the run, find the pairs that are connected nevertheless."""
        sources: dict[str, list[_Pair]] = {}
        for pair in self._pairs:
            if pair.is_open and pair.action is not None:
                sources.setdefault(normalize_id(pair.reconciler.source), []).append(pair)
        for pairs in sources.values():
            targets = [pair.target for pair in pairs]
            listing = list_connections(self._api, pairs[0].reconciler.source, targets, is_connected, self._names)
            for pair in pairs:
                pair.row = pair.reconciler.find(listing)
                self._settle(pair.action or "", pair)

    def _finish(self) -> list[EnsureResult]:
        results: list[EnsureResult] = []
        failures: list[tuple[PlannedConnection, ApiException]] = []
        untried: list[PlannedConnection] = []
        for pair in self._pairs:
            if pair.is_open and pair.write_error is not None:
                self._fail(pair, pair.write_error)
            error = pair.error or pair.reconciler.unfinished()
            if pair.result is not None:
                results.append(pair.result)
            elif error is not None:
                failures.append((pair.planned, error))
            else:
                untried.append(pair.planned)
        if failures:
            first = (self._ending.error if self._ending is not None else None) or failures[0][1]
            raise incomplete_error(first, results, failures, untried) from first
        return results

    def _notify(self, step: Step) -> None:
        """Count the step, and call `on_step`, by one thread at a time."""
        with self._lock:
            if self._workers.interrupted or self._on_step_error is not None:
                raise Interrupted
            self._done += step.pairs_done
            step.pairs_done, step.pairs = self._done, len(self._pairs)
            if self._on_step is not None:
                try:
                    self._on_step(step)
                except BaseException as error:
                    self._on_step_error = error
                    self._workers.stopping = True
                    raise Interrupted from None


def _copy(error: ApiException) -> ApiException:
    """Return a copy for another pair, whose advice may differ."""
    other = error.as_type(type(error))
    other.__cause__ = error.__cause__
    return other
