"""Models survive JSON, copy and pickle unchanged, and are validated for callers only."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.effort import examples
from support.json_documents import documents

from zuora_client import (
    ApiClient,
    GETEntitiesType,
    GETEntityConnectionsArrayItemsType,
    POSTEntityConnectionsType,
    models,
)
from zuora_client._base.parameters import without_hyphens

TEXT = st.none() | st.text(st.characters(), max_size=20)
ROWS = st.builds(GETEntityConnectionsArrayItemsType, TEXT, TEXT, TEXT, TEXT)
ENTITIES = st.builds(GETEntitiesType, *[TEXT] * len(GETEntitiesType.swagger_types))
FIELDS = {
    "str": TEXT,
    "bool": st.none() | st.booleans(),
    "list[GETEntitiesType]": st.none() | st.lists(ENTITIES | st.none(), max_size=4),
    "list[GETEntityConnectionsArrayItemsType]": st.none() | st.lists(ROWS | st.none(), max_size=4),
}
CLASSES = [getattr(models, name) for name in models.__all__ if name != "POSTEntityConnectionsType"]


class Response:
    """The part of a response that `deserialize` reads."""

    def __init__(self, document: Any) -> None:
        self.data = json.dumps(document)


def model_of(cls: Any) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{name: FIELDS[kind] for name, kind in cls.swagger_types.items()})


def test_models_survive_json_copy_and_pickle() -> None:
    with ApiClient() as client:

        @examples(70)
        @given(st.one_of(*map(model_of, CLASSES)), st.dictionaries(st.text(max_size=5), documents, max_size=3))
        def holds(model: Any, extras: dict[str, Any]) -> None:
            cls = type(model)
            extras = {key: value for key, value in extras.items() if key not in cls.attribute_map.values()}
            sent = client.sanitize_for_serialization(model)
            assert None not in sent.values()
            received = client.deserialize(Response({**sent, **extras}), cls.__name__)
            assert type(received) is cls
            assert received == model
            assert repr(received) == repr(model)
            assert repr(received.additional_properties) == repr(extras)
            for other in (copy.copy(received), copy.deepcopy(received), pickle.loads(pickle.dumps(received))):
                assert other == model
                assert repr(other.additional_properties) == repr(extras)
            # Unknown fields are not sent.
            assert client.sanitize_for_serialization(received) == sent

        holds()


@given(ROWS, st.dictionaries(st.text(max_size=5), documents, max_size=2))
def test_deepcopy_shares_nothing(row: Any, extras: dict[str, Any]) -> None:
    row.additional_properties.update(extras, own=[1])
    other = copy.deepcopy(row)
    other.additional_properties["own"].append(2)
    other.status = "changed"
    assert row.additional_properties["own"] == [1]
    assert row.status != "changed"


def test_additional_properties_are_not_shared() -> None:
    first, second = GETEntityConnectionsArrayItemsType(), GETEntityConnectionsArrayItemsType()
    first.additional_properties["a"] = 1
    assert second.additional_properties == {}
    # As in generated clients, unknown fields are ignored by == and to_dict.
    assert first == second
    assert "a" not in first.to_dict()


# -- the request model ----------------------------------------------------------------------------------------------


@given(st.none() | st.text(st.characters(), max_size=40) | st.uuids().map(str) | st.binary(max_size=40) | documents)
@example("x" * 32)
@example("x" * 33)
@example("8A808255-56FF-28A4-0157-08BA29312ECC")
@example("8A808255-56FF-28A4-0157-08BA29312ECCC")
@example(b"\xff")
@example("")
def test_target_is_accepted_or_rejected(value: Any) -> None:
    existing = POSTEntityConnectionsType("before")
    try:
        model = POSTEntityConnectionsType(value)
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error), match="target_entity_id"):
            existing.target_entity_id = value
        assert existing.target_entity_id == "before"
        return
    text = value.decode() if isinstance(value, bytes) else value
    assert isinstance(text, str)
    assert len(without_hyphens(text)) <= 32
    assert model.target_entity_id == text
    existing.target_entity_id = value
    for other in (existing, copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other == model
        assert other.target_entity_id == text


@given(documents)
def test_received_target_is_not_validated(value: Any) -> None:
    with ApiClient() as client:
        model = client.deserialize(Response({"targetEntityId": value}), "POSTEntityConnectionsType")
    assert repr(model.target_entity_id) == repr(json.loads(json.dumps(value)))
    other = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    assert repr(other) == repr(model)
