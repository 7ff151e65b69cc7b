"""The commands. Each takes the parsed arguments and the console, and returns its exit status."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from .. import ConnectionPlan, PlanIncompleteError, ensure_connected, ensure_disconnected, plan_connections
from .._base.text import single_line
from ..exceptions import WRONG_ENTITY, ApiException
from ..reconcile.pairs import PENDING, active_status, normalize_id
from . import errors
from .announced_writes import AnnouncedWrites
from .console import table
from .errors import UsageError
from .files import read_pairs
from .session import Session, open_session

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from ..models import GETEntityConnectionsArrayItemsType as Row
    from ..plan import PlannedConnection
    from ..topology import EnsureResult
    from .console import Console

_SHARING = (
    "A disconnect cannot be undone: if {source} has shared objects (products, accounting periods) with {target}, the "
    "mapping between them is permanently lost, and only {target} controls them from then on."
)
_SHOWN_UNWANTED = 40


def list_entities(arguments: Namespace, console: Console) -> int:
    """`entities`: the entities of the tenant."""
    with open_session(debug=arguments.debug) as session:
        entities = [entity.to_dict() for entity in session.hierarchy]
        console.result(str(session.hierarchy), {"entities": entities})
    return errors.DONE


def list_connections(arguments: Namespace, console: Console) -> int:
    """`list`: the connections of an entity."""
    with open_session(debug=arguments.debug) as session:
        entity_id = None if arguments.entity is None else session.find("ENTITY", arguments.entity).id
        try:
            found = list(session.api.iter_entity_connections(zuora_entity_ids=entity_id, page_size=300))
        except ApiException as error:
            if entity_id is None and any(reason.code == WRONG_ENTITY for reason in error.reasons):
                error.advice = "The token is valid for several entities: name one, zuora-connections list ENTITY."
            raise
        rows = [
            (session.name_of(row.source_entity_id), session.name_of(row.target_entity_id), row.status, row.id)
            for row in found
        ]
        text = table(("source", "target", "status", "connection"), rows) if rows else "no connections"
        console.result(text, {"connections": [_row_to_dict(session, row) for row in found]})
    return errors.DONE


def show_plan(arguments: Namespace, console: Console) -> int:
    """`plan`: what is missing to connect the pairs of a file."""
    rows = read_pairs(arguments.file)
    with open_session(debug=arguments.debug) as session:
        plan = _make_plan(session, session.find_pairs(arguments.file, rows))
        console.result(_plan_text(session, plan), plan.to_dict())
    return errors.DONE


def apply_plan(arguments: Namespace, console: Console) -> int:
    """`apply`: connect the pairs of a file."""
    rows = read_pairs(arguments.file)
    # Each worker keeps its connection.
    with open_session(debug=arguments.debug, connection_pool_maxsize=arguments.workers) as session:
        pairs = session.find_pairs(arguments.file, rows)
        plan = _make_plan(session, pairs)
        console.note(_plan_text(session, plan))
        confirmed = _confirm_plan(session, plan, console, yes=arguments.yes)
        if confirmed is None:
            return _decline(console)
        results: list[EnsureResult] = []
        failure: PlanIncompleteError | None = None
        if confirmed.changes:
            console.if_interrupted = (
                f"Writes may have been done: look with `zuora-connections plan {shlex.quote(arguments.file)}`. "
                "Applying it again is safe."
            )
            try:
                with console.progress(session.name_of) as on_step:
                    results = confirmed.apply(on_step, workers=arguments.workers)
            except PlanIncompleteError as error:
                failure, results = error, error.results
                console.note(str(failure).rstrip())
        _print_applied(confirmed, results, failure, console)
    return errors.DONE if failure is None else errors.exit_status(failure)


def connect(arguments: Namespace, console: Console) -> int:
    """`connect`: connect one pair."""
    with open_session(debug=arguments.debug) as session:
        pair = session.find_pair(arguments.source, arguments.target)
        plan = _make_plan(session, [pair])
        if not plan.changes:
            _print_pair(session, pair, plan.pairs[0].connection, console, changed=False)
            return errors.DONE
        console.note(str(plan))
        if _confirm_plan(session, plan, console, yes=arguments.yes) is None:
            return _decline(console)
        result = ensure_connected(
            AnnouncedWrites(session, pair, console),
            *pair,
            hierarchy=session.hierarchy,
            on_step=lambda step: console.print_step(step, session.name_of),
        )
        _print_result(session, pair, result, console)
    return errors.DONE


def disconnect(arguments: Namespace, console: Console) -> int:
    """`disconnect`: disconnect one pair, or deny its pending request."""
    if not arguments.break_sharing:
        explanation = _SHARING.format(source="the source", target="the target")
        raise UsageError(f"{explanation} Add --break-sharing if that is what you want.")
    with open_session(debug=arguments.debug) as session:
        pair = session.find_pair(arguments.source, arguments.target)
        source, target = map(session.name_of, pair)
        (planned,) = _make_plan(session, [pair])
        status = active_status(planned.connection)
        if status is None:
            reverse = _reverse_status(session, pair)
            if reverse is not None:
                console.note(f"The other direction is {reverse}: {target} -> {source}")
            _print_pair(session, pair, planned.connection, console, changed=False)
            return errors.DONE
        console.note(f"{source} -> {target}: {status}")
        if status == PENDING:
            console.note(f"The request is denied as {target}. If it is accepted meanwhile, the pair is disconnected.")
        console.note(_SHARING.format(source=source, target=target))
        if not (arguments.yes or console.ask(f"Disconnect {source} from {target}?")):
            return _decline(console)
        result = ensure_disconnected(
            AnnouncedWrites(session, pair, console),
            *pair,
            break_sharing=True,
            hierarchy=session.hierarchy,
            on_step=lambda step: console.print_step(step, session.name_of),
        )
        _print_result(session, pair, result, console)
    return errors.DONE


COMMANDS = {
    "apply": apply_plan,
    "connect": connect,
    "disconnect": disconnect,
    "entities": list_entities,
    "list": list_connections,
    "plan": show_plan,
}


# -- plans ------------------------------------------------------------------------------------------------------------


def _make_plan(session: Session, pairs: Iterable[tuple[str, str]]) -> ConnectionPlan:
    return plan_connections(session.api, pairs, names=session.names, hierarchy=session.hierarchy)


def _plan_text(session: Session, plan: ConnectionPlan) -> str:
    lines = [str(plan)]
    if plan.unwanted:
        lines.append(f"\nNot among these pairs, and left alone: {len(plan.unwanted)}")
        lines += [f"  {_arrow(session, row)}: {single_line(row.status)}" for row in plan.unwanted[:_SHOWN_UNWANTED]]
        if len(plan.unwanted) > _SHOWN_UNWANTED:
            lines.append(f"  ... and {len(plan.unwanted) - _SHOWN_UNWANTED} more")
    return "\n".join(lines)


def _confirm_plan(session: Session, shown: ConnectionPlan, console: Console, *, yes: bool) -> ConnectionPlan | None:
    """Return the plan to apply, or None if it is declined.

    An answer may take hours. The connections are then read again, and the changes since are shown. If more is to be
    done than was shown, that is another question.
    """
    while shown.changes and not yes:
        if not console.ask(f"Connect {_count(len(shown.changes), 'pair')}?"):
            return None
        current = _make_plan(session, [(pair.source_entity_id, pair.target_entity_id) for pair in shown])
        has_more_to_do = False
        for before, now in zip(shown, current, strict=True):
            if before.to_do != now.to_do:
                console.note(f"Changed meanwhile: {_arrow(session, now)}: was {_status(before)}, is {_status(now)}")
            has_more_to_do = has_more_to_do or not before.to_do.endswith(now.to_do)
        if not has_more_to_do:
            return current
        shown = current
    return shown


def _decline(console: Console) -> int:
    console.note("Declined: nothing was changed.")
    if console.is_json:
        console.result("", {"declined": True})
    return errors.FAILED


def _print_applied(
    plan: ConnectionPlan, results: list[EnsureResult], failure: PlanIncompleteError | None, console: Console
) -> None:
    """Print what became of each pair."""
    failed = {} if failure is None else {id(pair): error for pair, error in failure.failures}
    untried = set() if failure is None else {id(pair) for pair in failure.untried}
    remaining = iter(results)  # in the order of the pairs, without the failed and untried ones
    documents = plan.to_dict()["pairs"]
    for pair, document in zip(plan, documents, strict=True):
        del document["to_do"]
        document.update(result="connected", changed=False)
        if id(pair) in failed:
            document.update(result="failed", error=failed[id(pair)].to_dict())
        elif id(pair) in untried:
            document.update(result="not tried")
        elif (result := next(remaining, None)) is not None:
            document.update(_state(result.connection), changed=result.changed, surplus=_surplus(result))
    changed = sum(document["changed"] for document in documents)
    connected = sum(document["result"] == "connected" for document in documents)
    text = f"{connected} of {_count(len(plan), 'pair')} connected, {changed} of them now."
    console.result(text, {"pairs": documents, "connected": connected, "changed": changed})


# -- pairs ------------------------------------------------------------------------------------------------------------


def _print_result(session: Session, pair: tuple[str, str], result: EnsureResult, console: Console) -> None:
    _print_pair(session, pair, result.connection, console, changed=result.changed, surplus=_surplus(result))
    if result.surplus:
        console.note(f"The pair has more connections that are Connected or Pending: {', '.join(_surplus(result))}")


def _print_pair(
    session: Session, pair: tuple[str, str], row: Row | None, console: Console, *, changed: bool, surplus: Any = ()
) -> None:
    state = "no connection" if row is None else f"{single_line(row.status)} (connection {single_line(row.id)})"
    text = f"{session.name_of(pair[0])} -> {session.name_of(pair[1])}: {state}{'' if changed else ', nothing to do'}"
    document = {**_names(session, *pair), **_state(row), "changed": changed, "surplus": list(surplus)}
    console.result(text, document)


def _reverse_status(session: Session, pair: tuple[str, str]) -> str | None:
    """Return the status of an active connection from the target of a pair to its source."""
    for row in session.api.iter_entity_connections(zuora_entity_ids=pair[0], type="inbound", page_size=300):
        if normalize_id(row.source_entity_id) == normalize_id(pair[1]) and active_status(row):
            return active_status(row)
    return None


def _row_to_dict(session: Session, row: Row) -> dict[str, Any]:
    return {**_names(session, row.source_entity_id, row.target_entity_id), **_state(row)}


def _names(session: Session, source: str | None, target: str | None) -> dict[str, Any]:
    name_of = session.hierarchy.name_of
    return {
        "source_entity_id": source,
        "source_name": name_of(source),
        "target_entity_id": target,
        "target_name": name_of(target),
    }


def _state(row: Row | None) -> dict[str, Any]:
    return {"connection_id": row.id if row is not None else None, "status": row.status if row is not None else None}


def _surplus(result: EnsureResult) -> list[str]:
    return [str(row.id) for row in result.surplus]


def _arrow(session: Session, pair: PlannedConnection | Row) -> str:
    return f"{session.name_of(pair.source_entity_id)} -> {session.name_of(pair.target_entity_id)}"


def _status(pair: PlannedConnection) -> str:
    return active_status(pair.connection) or "not connected"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
