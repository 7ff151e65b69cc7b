"""The emulator's responses to generated requests conform to docs/openapi.yaml."""

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
from support.effort import FACTOR, examples
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

# A generated header with one of these names would change the framing of the message.
FRAMING = {"connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"}

WRONG_ENTITY = 90000020

# The data is the same as long as versions and loaded modules are: Hypothesis takes constants from these.
generated = hypothesis.settings(
    examples(6),
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much],
)

generated_invalid = hypothesis.settings(generated, max_examples=10 * FACTOR)


def exchange(case: Any, caller: str, fault: Fault | None = None) -> Any:
    """Send a generated request to a new tenant, validate the response and return it.

    Args:
        caller: `anonymous` sends no credentials. `client` has a token for one entity, so that its requests reach the
            operation even without an entity header. `valid` sends ids that exist, and only the required headers.
    """
    with ZuoraEmulator() as zuora:
        source, target, other = zuora.entities
        row = zuora.add_connection(source, target, "Connected" if case.path.endswith("disconnect") else "Pending")
        if fault is not None:
            zuora.fail_next(fault, path="/*")
        headers = {}
        if caller != "anonymous" and case.path != "/oauth/token":
            headers["Authorization"] = f"Bearer {zuora.issue_token(target)}"
        if caller == "client" and case.method == "PUT":
            # Without it, every PUT would be a 415.
            headers["Content-Type"] = "application/json"
        if caller == "valid":
            known = {"connection-id": row.id, "id": other.id, "targetEntityId": other.id}
            known.update(client_id=zuora.client_id, client_secret=zuora.client_secret)
            case.path_parameters = {name: known[name] for name in case.path_parameters or {}}
            if isinstance(case.body, dict):
                case.body = {name: known.get(name, value) for name, value in case.body.items()}
            case.headers = {"Content-Type": "application/json"} if case.method == "PUT" else {}
            headers["Zuora-Entity-Ids"] = target.uuid
        case.headers = {name: value for name, value in (case.headers or {}).items() if name.lower() not in FRAMING}
        response = case.call(base_url=zuora.url, headers=headers)
        case.validate_response(response, checks=CHECKS)
        return response


def is_success(response: Any) -> bool:
    return bool(response.status_code == 200 and response.json().get("success", True))


@pytest.mark.parametrize(("caller", "expected"), [("anonymous", 401), ("client", None), ("valid", "success")])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_valid_requests_conform(path: str, method: str, caller: str, expected: Any) -> None:
    """The responses to valid requests are as described."""
    seen: set[Any] = set()

    @generated
    @hypothesis.given(case=SCHEMA[path][method].as_strategy(GenerationMode.POSITIVE))
    def send(case: Any) -> None:
        response = exchange(case, caller)
        seen.update([None, response.status_code, "success" if is_success(response) else "failure"])

    send()
    assert expected in seen, "no response of this kind was checked"


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_invalid_requests_conform(path: str, method: str) -> None:
    """The responses to invalid requests are as described."""
    successes: set[bool] = set()
    codes: set[Any] = set()

    @generated_invalid
    @hypothesis.given(case=SCHEMA[path][method].as_strategy(GenerationMode.NEGATIVE))
    def send(case: Any) -> None:
        response = exchange(case, "client")
        successes.add(is_success(response))
        if response.headers["content-type"][0].startswith("application/json"):
            codes.update(reason["code"] for reason in response.json().get("reasons", ()))

    send()
    assert False in successes
    # Some requests were refused by the operation, not already for their entity.
    assert path == "/oauth/token" or codes - {WRONG_ENTITY}, codes


def test_response_with_next_page_conforms() -> None:
    with ZuoraEmulator() as zuora:
        source, target = zuora.entities[:2]
        for status in ("Disconnected", "Connected"):
            zuora.add_connection(source, target, status)
        case = SCHEMA["/v1/entity-connections"]["GET"].Case(query={"pageSize": 1})
        response = case.call(base_url=zuora.url, headers={"Authorization": f"Bearer {zuora.issue_token(source)}"})
        case.validate_response(response, checks=CHECKS)
        assert "nextPage" in response.json()


@pytest.mark.parametrize("hint", [True, False])
def test_token_limit_conforms(hint: bool) -> None:
    with ZuoraEmulator() as zuora:
        zuora.faults.add(faults.token_limit(limit=0, hint=hint))
        case = SCHEMA["/oauth/token"]["POST"].Case(body={}, media_type="application/x-www-form-urlencoded")
        response = case.call(base_url=zuora.url)
        case.validate_response(response, checks=CHECKS)
        assert response.status_code == 429


def test_concurrency_limit_conforms() -> None:
    with ZuoraEmulator() as zuora:
        zuora.faults.add(faults.max_concurrent(limit=0))
        case = SCHEMA["/v1/entity-connections"]["GET"].Case()
        headers = {"Authorization": f"Bearer {zuora.issue_token(zuora.entities[0])}"}
        response = case.call(base_url=zuora.url, headers=headers)
        case.validate_response(response, checks=CHECKS)
        assert response.status_code == 429


@pytest.mark.parametrize("provisioned", ["true", "false", "", "yes"])
def test_entity_lists_conform(provisioned: str) -> None:
    with ZuoraEmulator(6) as zuora:
        case = SCHEMA["/v1/entities"]["GET"].Case(query={"provisioned": provisioned})
        response = case.call(base_url=zuora.url, headers={"Authorization": f"Bearer {zuora.issue_token()}"})
        case.validate_response(response, checks=CHECKS)
        assert is_success(response) is (provisioned in ("true", "false"))


def test_every_entity_conforms() -> None:
    with ZuoraEmulator(6) as zuora:
        for entity in zuora.entities:
            case = SCHEMA["/v1/entities/{id}"]["GET"].Case(path_parameters={"id": entity.id})
            response = case.call(base_url=zuora.url, headers={"Authorization": f"Bearer {zuora.issue_token()}"})
            case.validate_response(response, checks=CHECKS)
            assert response.json()["id"] == entity.id


# -- the checks themselves --------------------------------------------------------------------------------------------

FAILURE = {"success": False, "reasons": []}


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (faults.answer(500, {"reasons": []}), "ServerError"),
        (faults.answer(418, FAILURE), "UndefinedStatusCode"),
        (faults.answer(200, "<html></html>", {"Content-Type": "text/html"}), "UndefinedContentType"),
        (faults.answer(200, {"success": False}), "JsonSchemaError"),
        (faults.answer(200, {"success": True, "entityConnections": [{"id": 7}]}), "JsonSchemaError"),
        (faults.answer(200, {"success": True}, {"RateLimit-Remaining": "many"}), "JsonSchemaError"),
    ],
    ids=["server error", "status", "content type", "refusal", "row", "header"],
)
def test_nonconforming_response_is_reported(fault: Fault, failure: str) -> None:
    @hypothesis.settings(generated, max_examples=1)
    @hypothesis.given(case=SCHEMA["/v1/entity-connections"]["GET"].as_strategy())
    def send(case: Any) -> None:
        with pytest.raises(FailureGroup) as caught:
            exchange(case, "valid", fault)
        assert failure in [type(exception).__name__ for exception in caught.value.exceptions]

    send()
