"""Hypothesis strategies: arbitrary JSON, and JSON that resembles a response of Zuora."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = (
    "success",
    "Success",
    "reasons",
    "Errors",
    "errors",
    "code",
    "Code",
    "message",
    "Message",
    "faultcode",
    "faultstring",
    "error",
    "error_description",
    "processId",
    "requestId",
    "entityConnections",
    "nextPage",
    "id",
    "sourceEntityId",
    "targetEntityId",
    "status",
    "_additional_properties",
    "self",
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**40, max_value=10**41)
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from([0, 70, "70", 53100020, "53100050", 50000070, "SystemError", "false", "true", "Connected", ""])
)
keys = st.sampled_from(NAMES) | st.text(st.characters(), max_size=8)
documents: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=15,
)

rows = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "sourceEntityId", "status", "targetEntityId", "since"), scalars)
)
reasons = st.fixed_dictionaries({}, optional={"code": scalars, "message": scalars, "more": documents})
answers = st.fixed_dictionaries(
    {},
    optional={
        "success": st.booleans() | documents,
        "entityConnections": st.lists(rows | st.none(), max_size=5) | documents,
        "id": scalars | documents,
        "nextPage": scalars | documents,
        "reasons": st.lists(reasons | documents, max_size=3) | documents,
        "processId": scalars | documents,
        "requestId": scalars,
        "extra": documents,
    },
)
"""Response bodies: objects with the keys of Zuora's responses and arbitrary JSON as values."""
