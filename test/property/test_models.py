"""Models go through JSON, a copy and a pickle unchanged, and are strict with callers only."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.json_documents import documents

from zuora_client import ApiClient, GETEntityConnectionsArrayItemsType, POSTEntityConnectionsType, models
from zuora_client._base.parameters import without_hyphens

TEXT = st.none() | st.text(st.characters(), max_size=20)
ROWS = st.builds(GETEntityConnectionsArrayItemsType, TEXT, TEXT, TEXT, TEXT)
FIELDS = {
    "str": TEXT,
    "bool": st.none() | st.booleans(),
    "list[GETEntityConnectionsArrayItemsType]": st.none() | st.lists(ROWS | st.none(), max_size=4),
}
CLASSES = [getattr(models, name) for name in models.__all__ if name != "POSTEntityConnectionsType"]


class Answer:
    """What `deserialize` reads."""

    def __init__(self, document: Any) -> None:
        self.data = json.dumps(document)


def model_of(cls: Any) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{name: FIELDS[kind] for name, kind in cls.swagger_types.items()})


def test_every_model_goes_through_json_a_copy_and_a_pickle() -> None:
    with ApiClient() as client:

        @settings(max_examples=200)
        @given(st.one_of(*map(model_of, CLASSES)), st.dictionaries(st.text(max_size=5), documents, max_size=3))
        def holds(model: Any, extras: dict[str, Any]) -> None:
            cls = type(model)
            extras = {key: value for key, value in extras.items() if key not in cls.attribute_map.values()}
            sent = client.sanitize_for_serialization(model)
            assert None not in sent.values()
            back = client.deserialize(Answer({**sent, **extras}), cls.__name__)
            assert type(back) is cls
            assert back == model
            assert repr(back) == repr(model)
            assert repr(back.additional_properties) == repr(extras)
            for other in (copy.copy(back), copy.deepcopy(back), pickle.loads(pickle.dumps(back))):
                assert other == model
                assert repr(other.additional_properties) == repr(extras)
            # What a model does not know is not sent.
            assert client.sanitize_for_serialization(back) == sent

        holds()


@given(ROWS, st.dictionaries(st.text(max_size=5), documents, max_size=2))
def test_a_deep_copy_shares_nothing(row: Any, extras: dict[str, Any]) -> None:
    row.additional_properties.update(extras, mine=[1])
    other = copy.deepcopy(row)
    other.additional_properties["mine"].append(2)
    other.status = "changed"
    assert row.additional_properties["mine"] == [1]
    assert row.status != "changed"


def test_additional_properties_are_of_one_model_alone() -> None:
    first, second = GETEntityConnectionsArrayItemsType(), GETEntityConnectionsArrayItemsType()
    first.additional_properties["a"] = 1
    assert second.additional_properties == {}
    # As generated: what Zuora adds makes no difference.
    assert first == second
    assert "a" not in first.to_dict()


# -- the one model that callers make --------------------------------------------------------------------------------


@given(st.none() | st.text(st.characters(), max_size=40) | st.uuids().map(str) | st.binary(max_size=40) | documents)
@example("x" * 32)
@example("x" * 33)
@example("8A808255-56FF-28A4-0157-08BA29312ECC")
@example("8A808255-56FF-28A4-0157-08BA29312ECCC")
@example(b"\xff")
@example("")
def test_a_target_is_taken_or_refused_by_name(value: Any) -> None:
    known = POSTEntityConnectionsType("before")
    try:
        model = POSTEntityConnectionsType(value)
    except (TypeError, ValueError) as refusal:
        error: Exception = refusal
        with pytest.raises(type(error), match="target_entity_id"):
            known.target_entity_id = value
        assert known.target_entity_id == "before"
        return
    text = value.decode() if isinstance(value, bytes) else value
    assert isinstance(text, str)
    assert len(without_hyphens(text)) <= 32
    assert model.target_entity_id == text
    known.target_entity_id = value
    for other in (known, copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other == model
        assert other.target_entity_id == text


@given(documents)
def test_what_an_answer_holds_is_kept_even_where_callers_may_not_say_it(value: Any) -> None:
    with ApiClient() as client:
        model = client.deserialize(Answer({"targetEntityId": value}), "POSTEntityConnectionsType")
    assert repr(model.target_entity_id) == repr(json.loads(json.dumps(value)))
    other = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    assert repr(other) == repr(model)
