"""One pair of a plan, and the error that names the pairs of a plan which are not connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._base.text import single_line
from ..exceptions import ANSWERED, NOT_SENT, UNKNOWN, ApiException
from .entities import label
from .pairs import CONNECTED, PENDING, active_status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..exceptions import Outcome
    from ..models import GETEntityConnectionsArrayItemsType
    from .steps import EnsureResult, Step

_ACTIONS: dict[str | None, str] = {None: "initiate, accept", PENDING: "accept", CONNECTED: ""}


class PlannedConnection:
    """One pair of a plan, and its state when the plan was created.

    Attributes:
        source_entity_id, target_entity_id: with a hierarchy the ids, otherwise as the caller passed them.
        source_name, target_name: the names in the hierarchy; None without one.
        connection: the most advanced connection of the pair, or None.
        to_do: ``"initiate, accept"``, ``"accept"``, or ``""`` if the pair is connected.
    """

    __module__ = "zuora_client.plan"  # The documented path, for pickles and tracebacks.
    __slots__ = ("connection", "source_entity_id", "source_name", "target_entity_id", "target_name", "to_do")

    def __init__(
        self,
        source_entity_id: str,
        target_entity_id: str,
        connection: GETEntityConnectionsArrayItemsType | None,
        source_name: str | None = None,
        target_name: str | None = None,
    ) -> None:
        self.source_entity_id = source_entity_id
        self.target_entity_id = target_entity_id
        self.source_name = source_name
        self.target_name = target_name
        self.connection = connection
        self.to_do = _ACTIONS[active_status(connection)]

    def __repr__(self) -> str:
        return f"<PlannedConnection {_arrow(self)}: {self.to_do or 'nothing to do'}>"


class PlanIncompleteError(ApiException):
    """Some pairs of a plan could not be connected.

    ``__cause__`` is the failure that ended the run, otherwise the first one; this error has its attributes.

    `outcome` covers the failed pairs only: ``"unknown"`` if it is unknown for any of them.

    Attributes:
        results: an `EnsureResult` for each pair that was connected.
        failures: a list of ``(PlannedConnection, ApiException)``.
        untried: the pairs for which nothing was sent.
    """

    __module__ = "zuora_client.plan"  # The documented path, for pickles and tracebacks.
    _default_sentence = "Some pairs of a plan could not be connected."
    advice = "Fix the failures, then apply the plan again: connected pairs are left alone."

    def __init__(self, status: int | None = None, reason: str | None = None, http_resp: Any = None) -> None:
        super().__init__(status, reason, http_resp)
        self.results: list[EnsureResult] = []
        self.failures: list[tuple[PlannedConnection, ApiException]] = []
        self.untried: list[PlannedConnection] = []

    def _sentence(self) -> str:
        if not self.failures:
            return self._default_sentence
        results, failures, untried = self.results, self.failures, self.untried
        unknown = sum(error.outcome == UNKNOWN for _, error in failures)
        # `__cause__` is lost if a program raises this error again from one of its own.
        first = self.__cause__ if isinstance(self.__cause__, ApiException) else failures[0][1]
        in_doubt = f" (outcome unknown for {unknown})" if unknown else ""
        total = len(results) + len(failures) + len(untried)
        return (
            f"Plan of {total} {'pair' if total == 1 else 'pairs'}: {len(results)} connected, "
            f"{len(failures)} failed{in_doubt}, {len(untried)} not tried; first failure: {first._sentence()}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Like `ApiException.to_dict`, with the pairs of the three lists; a failed pair has its ``error``."""
        return {
            **super().to_dict(),
            "results": [_pair_to_dict(result.steps[-1]) for result in self.results],
            "failures": [{**_pair_to_dict(pair), "error": error.to_dict()} for pair, error in self.failures],
            "untried": [_pair_to_dict(pair) for pair in self.untried],
        }

    def __str__(self) -> str:
        lines = [super().__str__().rstrip("\n"), f"Connected: {len(self.results)}"]
        lines += [f"  {_arrow(result.steps[-1])}" for result in self.results]
        lines.append(f"Failed: {len(self.failures)}")
        for pair, error in self.failures:
            reasons = "; ".join(str(reason) for reason in error.reasons) or error.reason
            lines.append(f"  {_arrow(pair)}: {type(error).__name__}, {single_line(reasons)}")
        lines.append(f"Not tried: {len(self.untried)}")
        lines += [f"  {_arrow(pair)}" for pair in self.untried]
        return "\n".join(lines) + "\n"


def incomplete_error(
    first: ApiException,
    results: list[EnsureResult],
    failures: list[tuple[PlannedConnection, ApiException]],
    untried: list[PlannedConnection],
) -> PlanIncompleteError:
    """Return the error for a plan with at least one failure, with the attributes of `first`."""
    error = first.as_type(PlanIncompleteError, outcome=_worst_outcome(error for _, error in failures))
    error.results, error.failures, error.untried = results, failures, untried
    missing = len(failures) + len(untried)
    result = "could not be connected"
    if error.outcome == UNKNOWN:
        result = "were not connected, or it is unknown whether they were"
        error.advice = "Apply the plan again, which is safe: it lists the connections and only does what is missing."
        if any(failure.outcome != UNKNOWN for _, failure in failures):
            error.advice += " Fix the failures whose outcome is known first."
    error.reason = f"{missing} of {missing + len(results)} pairs {result}; the first failure: {first.reason}"
    return error


def _worst_outcome(errors: Iterable[ApiException]) -> Outcome:
    outcomes = {error.outcome for error in errors}
    return next(outcome for outcome in (UNKNOWN, ANSWERED, NOT_SENT) if outcome in outcomes)


def _pair_to_dict(pair: PlannedConnection | Step) -> dict[str, str | None]:
    keys = ("source_entity_id", "source_name", "target_entity_id", "target_name")
    return {key: getattr(pair, key) for key in keys}


def _arrow(pair: PlannedConnection | Step) -> str:
    return f"{label(pair.source_entity_id, pair.source_name)} -> {label(pair.target_entity_id, pair.target_name)}"
