"""The emulator answers as docs/openapi.yaml says, whatever it is asked: right, wrong, or by somebody unknown."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.openapi import description, operations

from zuora_client.emulator import Fault, ZuoraEmulator, faults

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(description())
OPERATIONS = [(path, method) for path, method, _ in operations()]

# A generated header of one of these names would break the connection, not the description.
FRAMING = {"connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"}

WRONG_ENTITY = 90000020

# The same data as long as versions and loaded modules are the same: Hypothesis picks constants out of those.
generated = hypothesis.settings(
    max_examples=15,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much],
)

generated_wrong = hypothesis.settings(generated, max_examples=25)


def exchange(case: Any, who: str, fault: Fault | None = None) -> Any:
    """Send a generated request to a new tenant, hold the answer against the file and return it.

    A stranger has no credentials. A client has a token for one entity, so that its requests come to the operation even
    where generated headers name none. What an insider sends is reduced to what the tenant knows: its ids, and no
    headers beside the needed ones. Generated ids exist nowhere.
    """
    with ZuoraEmulator() as zuora:
        source, target, other = zuora.entities
        row = zuora.add_connection(source, target, "Connected" if case.path.endswith("disconnect") else "Pending")
        if fault is not None:
            zuora.fail_next(fault, path="/*")
        headers = {}
        if who != "stranger" and case.path != "/oauth/token":
            headers["Authorization"] = f"Bearer {zuora.issue_token(target)}"
        if who == "client" and case.method == "PUT":
            # Without it every one of them would end at 415.
            headers["Content-Type"] = "application/json"
        if who == "insider":
            known = {"connection-id": row.id, "id": other.id, "targetEntityId": other.id}
            known.update(client_id=zuora.client_id, client_secret=zuora.client_secret)
            case.path_parameters = {name: known[name] for name in case.path_parameters or {}}
            if isinstance(case.body, dict):
                case.body = {name: known.get(name, value) for name, value in case.body.items()}
            case.headers = {"Content-Type": "application/json"} if case.method == "PUT" else {}
            headers["Zuora-Entity-Ids"] = target.uuid
        # What frames a message is HTTP's own, and the description says nothing of it.
        case.headers = {name: value for name, value in (case.headers or {}).items() if name.lower() not in FRAMING}
        answer = case.call(base_url=zuora.url, headers=headers)
        case.validate_response(answer, checks=CHECKS)
        return answer


def said_yes(answer: Any) -> bool:
    return answer.status_code == 200 and answer.json().get("success", True)


@pytest.mark.parametrize(("who", "expected"), [("stranger", 401), ("client", None), ("insider", "yes")])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_sound_requests_are_answered_as_described(path: str, method: str, who: str, expected: Any) -> None:
    seen = set()

    @generated
    @hypothesis.given(case=SCHEMA[path][method].as_strategy(GenerationMode.POSITIVE))
    def ask(case: Any) -> None:
        answer = exchange(case, who)
        seen.update([None, answer.status_code, "yes" if said_yes(answer) else "no"])

    ask()
    # The kind of answer that this is about must have come.
    assert expected in seen


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_wrong_requests_are_answered_as_described(path: str, method: str) -> None:
    refused = set()
    codes = set()

    @generated_wrong
    @hypothesis.given(case=SCHEMA[path][method].as_strategy(GenerationMode.NEGATIVE))
    def ask(case: Any) -> None:
        answer = exchange(case, "client")
        refused.add(not said_yes(answer))
        if answer.headers["content-type"][0].startswith("application/json"):
            codes.update(reason["code"] for reason in answer.json().get("reasons", ()))

    ask()
    assert True in refused
    # Not all were sent back at the door.
    assert path == "/oauth/token" or codes - {WRONG_ENTITY}, codes


def test_a_list_of_more_than_one_page_is_answered_as_described() -> None:
    with ZuoraEmulator() as zuora:
        source, target = zuora.entities[:2]
        for status in ("Disconnected", "Connected"):
            zuora.add_connection(source, target, status)
        case = SCHEMA["/v1/entity-connections"]["GET"].Case(query={"pageSize": 1})
        answer = case.call(base_url=zuora.url, headers={"Authorization": f"Bearer {zuora.issue_token(source)}"})
        case.validate_response(answer, checks=CHECKS)
        assert "nextPage" in answer.json()


# -- the checks are awake -------------------------------------------------------------------------------------------

NO = {"success": False, "reasons": []}


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (faults.answer(500, {"reasons": []}), "ServerError"),
        (faults.answer(418, NO), "UndefinedStatusCode"),
        (faults.answer(200, "<html></html>", {"Content-Type": "text/html"}), "UndefinedContentType"),
        (faults.answer(200, {"success": False}), "JsonSchemaError"),
        (faults.answer(200, {"success": True, "entityConnections": [{"id": 7}]}), "JsonSchemaError"),
        (faults.answer(200, {"success": True}, {"RateLimit-Remaining": "many"}), "JsonSchemaError"),
    ],
    ids=["server error", "status", "content type", "refusal", "row", "header"],
)
def test_an_answer_that_breaks_the_file_is_reported(fault: Fault, complaint: str) -> None:
    @hypothesis.settings(generated, max_examples=1)
    @hypothesis.given(case=SCHEMA["/v1/entity-connections"]["GET"].as_strategy())
    def ask(case: Any) -> None:
        with pytest.raises(FailureGroup) as caught:
            exchange(case, "insider", fault)
        assert complaint in [type(failure).__name__ for failure in caught.value.exceptions]

    ask()
