"""Hierarchy: entities by id and by name."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from support.scripted import respond_json
from support.tenant import api_for
from support.wire import Wire

from zuora_client import (
    ApiException,
    EntitiesApi,
    EntityConnectionsApi,
    GETEntitiesType,
    Hierarchy,
    InvalidResponseError,
    RequestRejectedError,
)
from zuora_client.emulator import ZuoraEmulator

ROOT_ID = "8a808255557baba1015580e12fa5083a"
ROOT_UUID = "8a808255-557b-aba1-0155-80e12fa5083a"
US_ID = "8a80825555a3c7a10155b46120d058e7"


def entity(id: Any, name: Any = None, parent_id: Any = None, status: Any = "Provisioned") -> GETEntitiesType:
    return GETEntitiesType(id=id, name=name, parent_id=parent_id, status=status)


def numbered(count: int) -> Hierarchy:
    return Hierarchy([entity(f"{number:032x}", f"Unit {number:03d}") for number in range(count)])


@pytest.fixture
def hierarchy(api: EntityConnectionsApi) -> Hierarchy:
    """The hierarchy of Zuora's published sample."""
    return Hierarchy.load(api)


# -- load -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda api: api, id="EntityConnectionsApi"),
        pytest.param(lambda api: api.api_client, id="ApiClient"),
        pytest.param(lambda api: EntitiesApi(api.api_client), id="EntitiesApi"),
    ],
)
def test_load_reads_once(zuora: ZuoraEmulator, api: EntityConnectionsApi, convert: Callable[[Any], Any]) -> None:
    hierarchy = Hierarchy.load(convert(api))
    assert [entity.to_dict() for entity in hierarchy] == [
        {name: getattr(expected, name) for name in GETEntitiesType.swagger_types} for expected in zuora.entities
    ]
    assert [(request.method, request.path) for request in zuora.requests if request.path.startswith("/v1/")] == [
        ("GET", "/v1/entities")
    ]


def test_load_names_the_entity(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    assert len(Hierarchy.load(api, zuora_entity_ids=zuora.entities[1].id)) == 6
    assert zuora.requests[-1].entity_id == zuora.entities[1].id


def test_load_keeps_an_override() -> None:
    """An EntitiesApi is used as it is, so that a subclass or a mock takes effect."""

    class Override(EntitiesApi):
        def g_et_entities(self, **options: Any) -> Any:
            return EntitiesApi.g_et_entities(self, provisioned=True, **options)

    with ZuoraEmulator(6) as zuora, api_for(zuora) as api:
        assert len(Hierarchy.load(Override(api.api_client))) == 4


@pytest.mark.parametrize("client", [None, "https://rest.zuora.com", object()])
def test_load_needs_a_client(client: Any) -> None:
    with pytest.raises(TypeError, match=rf"ApiClient or an API object, not {type(client).__name__}"):
        Hierarchy.load(client)


@pytest.mark.parametrize("raise_on_failure", [True, False])
def test_load_raises_refusals(raise_on_failure: bool) -> None:
    refusal = {"success": False, "reasons": [{"code": 50000020, "message": "not enabled"}]}
    wire = Wire(respond_json(refusal), raise_on_failure=raise_on_failure)
    with wire, pytest.raises(RequestRejectedError, match="not enabled") as caught:
        Hierarchy.load(wire.client)
    assert (caught.value.method, caught.value.path) == ("GET", "/v1/entities")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"success": True}, "no `entities`"),
        ({"success": True, "entities": None}, "no `entities`"),
        ({"success": True, "entities": {}}, "an object where a list should be"),
        ({"success": True, "entities": [None]}, r"entities\[0\] must be a GETEntitiesType, not NoneType"),
        ({"success": True, "entities": [{"id": "a"}, {"name": "Acme"}]}, r"entities\[1\] has no id"),
        ({"success": True, "entities": [{"id": "a"}, {"id": "A"}]}, r"entities\[1\] has the id of another entity: A"),
        ([], "."),
    ],
)
def test_load_raises_for_unusable_list(response: Any, reason: str) -> None:
    with Wire(respond_json(response)) as wire, pytest.raises(ApiException, match=reason) as caught:
        Hierarchy.load(wire.client)
    assert isinstance(caught.value, InvalidResponseError)
    assert (caught.value.method, caught.value.path) == ("GET", "/v1/entities")


def test_values_that_are_not_text() -> None:
    """Values are kept as Zuora sends them, so a number for a name does not end the load."""
    rows = [{"id": 7, "name": 12}, {"id": "8", "name": None, "parentId": 7}]
    with Wire(respond_json({"entities": rows, "success": True})) as wire:
        hierarchy = Hierarchy.load(wire.client)
    assert hierarchy.find("12") is hierarchy.find("7")
    assert hierarchy.parent_of("8") is hierarchy.find("7")
    assert str(hierarchy) == "7  12\n8    (no name)"


# -- constructor ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", [None, "Acme", {"id": "a", "name": "Acme"}, ("a", "Acme")])
def test_items_must_be_entities(item: Any) -> None:
    with pytest.raises(TypeError, match=rf"entities\[1\] must be a GETEntitiesType, not {type(item).__name__}"):
        Hierarchy([entity("a"), item])


@pytest.mark.parametrize("id_", [None, "", "-"])
def test_entities_need_ids(id_: Any) -> None:
    with pytest.raises(ValueError, match=r"entities\[1\] has no id"):
        Hierarchy([entity("a"), entity(id_, "Acme")])


def test_ids_are_unique() -> None:
    with pytest.raises(ValueError, match=r"entities\[1\] has the id of another entity"):
        Hierarchy([entity(ROOT_ID), entity(ROOT_UUID.upper())])


def test_entities_of_the_emulator(zuora: ZuoraEmulator) -> None:
    """Any objects with `id`, `name` and `parent_id` will do."""
    hierarchy = Hierarchy(zuora.entities)  # type: ignore[arg-type]
    assert hierarchy.find("Acme-US").id == US_ID


# -- find -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        "Acme Corporation",
        b"Acme Corporation",
        "acme corporation",
        "  ACME Corporation \n",
        ROOT_ID,
        ROOT_ID.encode(),
        ROOT_ID.upper(),
        ROOT_UUID,
        ROOT_UUID.upper(),
    ],
)
def test_find_by_name_or_id(hierarchy: Hierarchy, given: Any) -> None:
    assert hierarchy.find(given).id == ROOT_ID


@pytest.mark.parametrize("given", [ROOT_ID, ROOT_UUID])
def test_id_precedes_equal_name(given: str) -> None:
    hierarchy = Hierarchy([entity(US_ID, given), entity(ROOT_ID, "Acme Corporation")])
    assert hierarchy.find(given).id == ROOT_ID


def test_exact_name_precedes_similar_names() -> None:
    hierarchy = Hierarchy([entity("1", "ACME"), entity("2", "acme"), entity("3", " acme")])
    assert [hierarchy.find(name).id for name in ("ACME", "acme", " acme")] == ["1", "2", "3"]
    with pytest.raises(ValueError, match=r"^3 entities have the name 'Acme': use an id; the entities are:"):
        hierarchy.find("Acme")


def test_duplicate_names_are_ambiguous() -> None:
    """Zuora's documentation says that names are unique, but two matches are never guessed between."""
    others = [entity(f"other-{number}", f"Acme {number}") for number in range(20)]
    hierarchy = Hierarchy([*others, entity("1", "Acme"), entity("2", "Acme")])
    with pytest.raises(ValueError, match=r"^2 entities have the name 'Acme': use an id; they are:") as caught:
        hierarchy.find("Acme")
    assert str(caught.value).splitlines()[1:] == ["  1  Acme", "  2  Acme"]
    assert hierarchy.find("2").id == "2"


def test_unknown_name_lists_all_of_few(hierarchy: Hierarchy) -> None:
    with pytest.raises(ValueError, match="no entity") as caught:
        hierarchy.find("Acme America")
    lines = str(caught.value).splitlines()
    assert lines[0] == "no entity has the name or id 'Acme America'; the entities are:"
    assert lines[1] == "  8a80825555a3c7a10155b460f53858e6  Acme-Americas"
    assert sorted(lines[1:]) == sorted(f"  {entity.id}  {entity.name}" for entity in hierarchy)


@pytest.mark.parametrize(
    ("count", "shown", "more"), [(10, 10, None), (11, 10, "  and 1 more"), (512, 10, "  and 502 more")]
)
def test_unknown_name_lists_ten_nearest(count: int, shown: int, more: str | None) -> None:
    with pytest.raises(ValueError, match="no entity has the name or id 'Unit 007x'") as caught:
        numbered(count).find("Unit 007x")
    lines = str(caught.value).splitlines()[1:]
    assert lines[0] == f"  {7:032x}  Unit 007"
    assert lines[shown:] == ([more] if more else [])


@pytest.mark.parametrize("given", ["", " ", "(no name)"])
def test_missing_names_match_nothing(given: str) -> None:
    hierarchy = Hierarchy([entity("1"), entity("2", "")])
    with pytest.raises(ValueError, match=r"no entity has the name or id[^\n]*\n  1  \(no name\)\n  2  \(no name\)"):
        hierarchy.find(given)


def test_find_in_empty_hierarchy() -> None:
    with pytest.raises(ValueError, match="no entity has the name or id 'Acme'; the hierarchy has no entities"):
        Hierarchy([]).find("Acme")


@pytest.mark.parametrize("given", [None, 1.5, ["Acme"], object()])
def test_find_needs_text(hierarchy: Hierarchy, given: Any) -> None:
    with pytest.raises(TypeError, match="name_or_id"):
        hierarchy.find(given)


def test_errors_escape_names() -> None:
    hierarchy = Hierarchy([entity("1", "Acme\n\x1b[31mred"), entity("2", "x" * 5000)])
    with pytest.raises(ValueError, match="no entity") as caught:
        hierarchy.find("y\n" * 5000)
    text = str(caught.value)
    assert "Acme ?[31mred" in text
    assert (len(text.splitlines()), len(text) < 1500) == (3, True)


# -- other access -----------------------------------------------------------------------------------------------------


def test_name_of(hierarchy: Hierarchy) -> None:
    for entity_id in (ROOT_ID, ROOT_UUID, ROOT_UUID.upper(), ROOT_ID.encode()):
        assert hierarchy.name_of(entity_id) == "Acme Corporation"
    for unknown in ("0" * 32, "Acme Corporation", "", None):
        assert hierarchy.name_of(unknown) is None


def test_contains(hierarchy: Hierarchy) -> None:
    assert all(id_ in hierarchy for id_ in (ROOT_ID, ROOT_UUID, ROOT_ID.upper(), ROOT_ID.encode()))
    assert all(entity in hierarchy for entity in hierarchy)
    assert not any(id_ in hierarchy for id_ in ("Acme Corporation", "0" * 32, "", None, 7, object(), entity(None)))


def test_parents_and_children(hierarchy: Hierarchy) -> None:
    root, americas, us = (hierarchy.find(name) for name in ("Acme Corporation", "Acme-Americas", "Acme-US"))
    assert hierarchy.parent_of(root) is None
    assert hierarchy.parent_of(americas) is hierarchy.parent_of("Acme-Europe") is root
    assert hierarchy.parent_of(us) is hierarchy.parent_of(US_ID) is americas
    assert [child.name for child in hierarchy.children_of(root)] == ["Acme-Americas", "Acme-Europe"]
    assert hierarchy.children_of("Acme-Americas") == [us]
    assert hierarchy.children_of(us) == []
    for method in (hierarchy.parent_of, hierarchy.children_of):
        with pytest.raises(ValueError, match="no entity"):
            method("Acme")


def test_parent_is_not_listed() -> None:
    hierarchy = Hierarchy([entity("1", "Acme-US", parent_id="0")])
    assert hierarchy.parent_of("1") is None
    assert str(hierarchy) == "1  Acme-US"


def test_largest_hierarchy() -> None:
    with ZuoraEmulator(512) as zuora, api_for(zuora) as api:
        hierarchy = Hierarchy.load(api)
        assert len(hierarchy) == len(list(hierarchy)) == len(str(hierarchy).splitlines()) == 512
        for expected in zuora.entities:
            assert hierarchy.find(expected.name) is hierarchy.find(expected.uuid)
            assert hierarchy.name_of(expected.id) == expected.name
        assert [entity.id for entity in hierarchy] == [entity.id for entity in zuora.entities]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copy_and_pickle(hierarchy: Hierarchy, duplicate: Callable[[Any], Any]) -> None:
    same = duplicate(hierarchy)
    assert list(same) == list(hierarchy)
    assert same.find("acme-us").id == US_ID


# -- display ----------------------------------------------------------------------------------------------------------


def test_text_is_an_outline(hierarchy: Hierarchy) -> None:
    assert str(hierarchy).splitlines() == [
        "8a808255557baba1015580e12fa5083a  Acme Corporation",
        "8a80825555a3c7a10155b460f53858e6    Acme-Americas",
        "8a80825555a3c7a10155b46120d058e7      Acme-US",
        "8a80825556ff28a4015708ba29312ecc    Acme-Europe",
        "8a80825556ff28a4015708bac1d8305f      Acme-UK (Unprovisioned)",
        "8a80825556ff28a4015708bb21963060      Acme-France (Unprovisioned)",
    ]
    assert str(Hierarchy([])) == "no entities"


def test_circular_parents_are_shown_once() -> None:
    hierarchy = Hierarchy([entity("1", "a", "2"), entity("2", "b", "1"), entity("3", "c", "3"), entity("4", "root")])
    assert str(hierarchy) == "4  root\n1  a\n2  b\n3  c"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "<Hierarchy of 0 entities>"),
        (1, "<Hierarchy of 1 entity: Unit 000>"),
        (3, "<Hierarchy of 3 entities: Unit 000, Unit 001, Unit 002>"),
        (512, "<Hierarchy of 512 entities: Unit 000, Unit 001, Unit 002, ...>"),
    ],
)
def test_repr(count: int, text: str) -> None:
    assert repr(numbered(count)) == text


def test_html_is_escaped() -> None:
    hierarchy = Hierarchy([entity("<i>", "<b>&", status="<s>"), entity("2", "child", parent_id="<i>")])
    html = hierarchy._repr_html_()
    assert "&lt;b&gt;&amp;" in html
    assert "<code>&lt;i&gt;</code></td><td>&lt;s&gt;</td>" in html
    assert 'padding-left: 2em">child</td>' in html
    assert not any(tag in html for tag in ("<b>", "<i>", "<s>"))
    assert html.count("<tr>") == 3
