"""What counts as success: the table in docs/reliability.md.

HTTP 200 proves nothing: a response to one of the five operations that does not say `success` leaves a write in doubt.
"""

from __future__ import annotations

from typing import Any

from ..exceptions import SERVER_FAULT_CATEGORIES
from .operations import Operation

# A response with one of these beside a true `success` needs a closer look.
_UNUSUAL_BESIDE_SUCCESS = frozenset(("Success", "reasons", "Errors", "errors"))


def is_success(operation: Operation | None, status: int, document: Any) -> bool:
    """Whether a response says that Zuora did what was asked.

    For the five operations: a 200 with a true `success`, or without one but with the result of the operation (rows of a
    list, id of a new connection); a 204 to a write. For any other path: a 2xx that is not a failure in a known form.

    Args:
        operation: the operation that was called, None for any other path.
        document: the body as JSON, None if it is empty or not JSON.
    """
    is_usual = isinstance(document, dict) and _UNUSUAL_BESIDE_SUCCESS.isdisjoint(document)
    if status == 200 and is_usual and document.get("success") is True:
        return True
    if operation is None:
        return 200 <= status <= 299 and not _is_failure(document)
    if status == 204:
        # The transport refuses one that announces a body or is followed by bytes.
        return operation is not Operation.LIST and document is None
    return status == 200 and isinstance(document, dict) and _says_success(operation, document)


def _is_failure(document: Any) -> bool:
    # Imported here, as below: it costs start-up time, and a plain success does not need it.
    from .envelopes import is_failure

    return is_failure(document)


def _says_success(operation: Operation, document: dict[str, Any]) -> bool:
    from .envelopes import REASON_LISTS, Success, is_failure, read_success, reasons_of

    success = read_success(document)
    if success is not Success.TRUE:
        return success is Success.ABSENT and _has_result(operation, document) and not is_failure(document)
    # Server faults go first: they put a write in doubt whatever else a response says.
    categories = {reason.category for reason in reasons_of([document.get(name) for name in REASON_LISTS])}
    return operation is Operation.LIST or categories.isdisjoint(SERVER_FAULT_CATEGORIES)


def _has_result(operation: Operation, document: dict[str, Any]) -> bool:
    if operation is Operation.LIST:
        return isinstance(document.get("entityConnections"), list)
    return operation is Operation.INITIATE and bool(document.get("id")) and isinstance(document["id"], str)
