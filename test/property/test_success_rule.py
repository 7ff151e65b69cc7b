"""What counts as success, for responses that nobody listed: the table of docs/reliability.md, row by row."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.effort import examples
from support.json_documents import answers, documents, scalars
from support.operations import OPERATIONS, Operation
from support.socketless import Socketless

from zuora_client import ApiException, OutcomeUnknownError
from zuora_client.exceptions import SERVER_FAULT_CATEGORIES, Reason

WRITES = [operation for operation in OPERATIONS if operation.method != "GET"]
PUTS = [operation for operation in OPERATIONS if operation.method == "PUT"]
LIST = next(operation for operation in OPERATIONS if operation.method == "GET")
every_write = pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.readable)
every_put = pytest.mark.parametrize("operation", PUTS, ids=lambda operation: operation.readable)
both_modes = pytest.mark.parametrize("raise_on_failure", [True, False])

FAULTS = sorted(SERVER_FAULT_CATEGORIES)
FAULT_CODES = (
    st.sampled_from([*FAULTS, *map(str, FAULTS), "UNKNOWN_ERROR", "TRANSACTION_TIMEOUT", "TRANSACTION_TERMINATED"])
    | st.sampled_from(["TEMPORARY_ERROR", "SystemError"])
    | st.builds(
        lambda first, rest, last: int(f"{first}{rest:05d}{last}"),
        *map(st.sampled_from, ([4, 5, 6, 9],)),
        st.integers(0, 99999),
        st.sampled_from(FAULTS),
    )
)
OTHER_REASONS = st.lists(st.fixed_dictionaries({"code": scalars, "message": scalars}), max_size=3)
REPR = re.compile(r"\{'|\[\{'|\['|None")
NOT_JSON = st.sampled_from([b"", b"OK", b"true story", b"<html>fine</html>", b"{", b"\xff\xfe", b"null", b"[]", b"1"])


def call(operation: Operation, socketless: Socketless) -> Any:
    """Return the model or the error of one call, and check that the request was sent once."""
    before = len(socketless.sent)
    try:
        return operation.call(socketless.api)
    except ApiException as error:
        return error
    finally:
        assert len(socketless.sent) == before + 1


def succeeds(document: Any) -> bool:
    """Whether a document says `success` and nothing against it, by a rule that is written here a second time."""
    if not isinstance(document, dict):
        return False
    said = [document[name] for name in ("success", "Success") if name in document]
    return bool(said) and all(value is True or (isinstance(value, str) and value.lower() == "true") for value in said)


def refuses(document: Any) -> bool:
    said = [document[name] for name in ("success", "Success") if name in document]
    return any(value is False or (isinstance(value, str) and value.lower() == "false") for value in said)


@every_put
@both_modes
def test_put_needs_a_true_success(operation: Operation, raise_on_failure: bool) -> None:
    with Socketless(max_attempts=1, raise_on_failure=raise_on_failure) as socketless:

        @examples(50)
        @given(answers | documents)
        @example({"data": {"success": True}})
        @example({"success": 1})
        @example({"SUCCESS": True})
        @example([{"success": True}])
        @example({"success": True, "Success": False})
        @example({"id": "8a808255575bdae401576a914a140420"})
        def holds(document: Any) -> None:
            socketless.say(json.dumps(document).encode())
            found = call(operation, socketless)
            if isinstance(found, ApiException):
                if isinstance(document, dict) and not refuses(document):
                    assert found.outcome == "unknown"
            else:
                assert succeeds(document) or (not raise_on_failure and refuses(document) and found.success is False)

        holds()


def test_initiate_needs_success_or_a_text_id() -> None:
    initiate = next(operation for operation in WRITES if operation.method == "POST")
    with Socketless(max_attempts=1) as socketless:

        @examples(50)
        @given(answers | documents)
        @example({"id": ""})
        @example({"id": "x", "success": None})
        @example({"id": "x", "reasons": [{"code": 50000030}]})
        def holds(document: Any) -> None:
            socketless.say(json.dumps(document).encode())
            found = call(initiate, socketless)
            if not isinstance(found, ApiException) and not succeeds(document):
                assert document.keys().isdisjoint(("success", "Success"))
                assert isinstance(document["id"], str)
                assert document["id"]

        holds()


def test_list_needs_success_or_rows() -> None:
    with Socketless(max_attempts=1) as socketless:

        @examples(50)
        @given(answers | documents)
        @example({"entityConnections": []})
        @example({"entityConnections": [], "success": None})
        def holds(document: Any) -> None:
            socketless.say(json.dumps(document).encode())
            found = call(LIST, socketless)
            if not isinstance(found, ApiException) and not succeeds(document):
                assert document.keys().isdisjoint(("success", "Success"))
                assert isinstance(document["entityConnections"], list)

        holds()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
@both_modes
def test_other_2xx_promises_nothing(operation: Operation, raise_on_failure: bool) -> None:
    with Socketless(max_attempts=1, raise_on_failure=raise_on_failure) as socketless:

        @examples(30)
        @given(
            st.integers(201, 299).filter(lambda status: status != 204),
            st.just({"success": True, "id": "x"}) | answers | documents,
        )
        def holds(status: int, document: Any) -> None:
            socketless.say(json.dumps(document).encode(), status)
            found = call(operation, socketless)
            assert isinstance(found, ApiException)
            assert found.outcome == ("answered" if operation is LIST else "unknown")

        holds()


@every_write
def test_body_that_is_no_object_promises_nothing(operation: Operation) -> None:
    with Socketless(max_attempts=1) as socketless:

        @given(NOT_JSON | st.binary(max_size=30).filter(lambda body: b"true" not in body.lower()))
        def holds(body: bytes) -> None:
            socketless.say(body)
            assert isinstance(call(operation, socketless), OutcomeUnknownError)

        holds()


@every_write
def test_204_succeeds(operation: Operation) -> None:
    with Socketless() as socketless:
        socketless.say(b"", 204)
        assert not isinstance(call(operation, socketless), ApiException)
        found = call(LIST, socketless)
        assert isinstance(found, ApiException)


@every_write
@both_modes
def test_server_faults_go_first(operation: Operation, raise_on_failure: bool) -> None:
    with Socketless(max_attempts=1, raise_on_failure=raise_on_failure) as socketless:

        @examples(30)
        @given(
            st.sampled_from([200, 202, 400, 401, 403, 404, 409, 422, 423, 425, 429, 500, 502, 503]),
            FAULT_CODES,
            OTHER_REASONS,
            OTHER_REASONS,
            st.sampled_from(
                [("success", "reasons", "code"), ("Success", "Errors", "Code"), ("success", "errors", "code")]
            ),
            st.booleans(),
        )
        @example(200, 60, [], [], ("success", "reasons", "code"), True)
        @example(200, 60, [], [], ("Success", "Errors", "Code"), True)
        @example(200, 60, [], [], ("success", "errors", "code"), True)
        def holds(
            status: int, code: Any, before: Any, after: Any, names: tuple[str, str, str], says_success: bool
        ) -> None:
            success, reasons, code_name = names
            document = {success: says_success and status == 200, reasons: [*before, {code_name: code}, *after]}
            socketless.say(json.dumps(document).encode(), status, {"Retry-After": "0"})
            assert isinstance(call(operation, socketless), OutcomeUnknownError)

        holds()


@every_write
def test_gateway_that_gave_up_lost_the_response(operation: Operation) -> None:
    with Socketless(max_attempts=1) as socketless:

        @given(
            st.sampled_from([408, 499]), NOT_JSON | (answers | documents).map(lambda any_: json.dumps(any_).encode())
        )
        def holds(status: int, body: bytes) -> None:
            socketless.say(body, status)
            assert isinstance(call(operation, socketless), OutcomeUnknownError)

        holds()


@every_write
def test_requests_that_were_not_processed(operation: Operation) -> None:
    """After 407 nothing was sent to Zuora; 421, 423 and 425 refuse the request."""
    with Socketless(max_attempts=1) as socketless:

        @given(st.sampled_from([407, 421, 423, 425]), NOT_JSON)
        def holds(status: int, body: bytes) -> None:
            socketless.say(body, status)
            found = call(operation, socketless)
            assert found.outcome == ("not_sent" if status == 407 else "answered")

        holds()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
def test_page_in_front_of_zuora_blames_the_network(operation: Operation) -> None:
    with Socketless(max_attempts=1) as socketless:

        @given(
            st.integers(400, 499).filter(lambda status: status not in (407, 408, 409, 423, 425, 429, 499)),
            st.sampled_from([b"", b"<html>Access Denied</html>", b"no healthy upstream", b"Reference #18.d4"]),
        )
        @example(400, b"")
        @example(498, b"")
        def holds(status: int, body: bytes) -> None:
            socketless.say(body, status, {"Content-Type": "text/html"})
            advice = call(operation, socketless).advice
            assert "firewall" in advice
            assert "administrator" not in advice.lower()
            assert "client_id" not in advice
            socketless.say(body, status, {"Zuora-Request-Id": "0f3c2f4e-6e2b-4c88-9d3b-1f0e5a7c9b21"})
            assert "firewall" not in call(operation, socketless).advice

        holds()


ENVELOPES = st.one_of(
    st.builds(lambda code, text: {"FaultCode": code, "FaultMessage": text}, st.text(min_size=1), st.text()),
    st.builds(lambda code, text: {"error": {"code": code, "message": text}}, st.text(min_size=1), st.text(min_size=1)),
    st.builds(lambda code, text: {"errorCode": code, "message": text}, st.text(min_size=1), st.text()),
    st.builds(lambda text: {"success": False, "reasons": [{"code": 50000020, "message": text}]}, st.text()),
    st.builds(lambda text: {"Success": False, "Errors": [{"Code": "INVALID_ID", "Message": text}]}, st.text()),
)


@given(ENVELOPES, st.sampled_from(["one", "list", "mixed list"]), st.sampled_from([200, 201, 400]))
def test_known_failure_envelopes_on_other_paths(envelope: dict[str, Any], shape: str, status: int) -> None:
    """A list in which some items succeeded leaves a write in doubt: a part of it was done."""
    document = {"one": envelope, "list": [envelope], "mixed list": [{"Success": True, "Id": "1"}, envelope]}[shape]
    with Socketless(max_attempts=1) as socketless:
        socketless.say(json.dumps(document).encode(), status)
        with pytest.raises(ApiException) as caught:
            socketless.client.call_api("/v1/action/update", "PUT", response_type="object")
        assert caught.value.reasons
        assert caught.value.outcome == ("unknown" if shape == "mixed list" and status < 300 else "answered")


@given(documents.filter(lambda document: not REPR.search(json.dumps(document))))
def test_reasons_are_words(document: Any) -> None:
    """No reason and no error text shows the repr of a Python object."""
    with Socketless(max_attempts=1) as socketless:
        socketless.say(json.dumps({"success": False, "reasons": document, "errors": document}).encode())
        with pytest.raises(ApiException) as caught:
            socketless.client.call_api("/v1/any", "PUT", response_type="object")
        for reason in caught.value.reasons:
            assert isinstance(reason.code, (int, str, type(None)))
            assert not REPR.match(reason.message)


@given(st.integers(0, 10**9))
@example(99)
@example(100)
@example(9_999_999)
@example(10_000_000)
@example(40_000_000)
@example(60_000_050)
@example(99_999_999)
@example(100_000_000)
def test_category_of_a_numeric_code(code: int) -> None:
    """The last two digits count in codes of two digits, and of eight that begin with 4, 5, 6 or 9."""
    text = str(code)
    has_category = code <= 99 or (len(text) == 8 and text[0] in "4569")
    assert Reason(code, "").category == (code % 100 if has_category else None)
    assert Reason(code, "").resource == (int(text[:6]) if len(text) == 8 else None)


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("LOCK_COMPETITION", 50),
        ("REQUEST_EXCEEDED_LIMIT", 70),
        ("REQUEST_EXCEEDED_RATE", 70),
        ("TEMPORARY_ERROR", 61),
        ("UNKNOWN_ERROR", 60),
        ("TRANSACTION_TIMEOUT", 60),
        ("TRANSACTION_TERMINATED", 60),
        ("SystemError", 60),
        ("INVALID_SESSION", 11),
        ("API_DISABLED", 10),
        ("MISSING_REQUIRED_VALUE", 22),
        ("INVALID_VALUE", 20),
        ("INVALID_ANYTHING_ELSE", 20),
        ("ClientError", None),
        ("invalid_client", None),
    ],
)
def test_category_of_a_word_code(code: str, category: int | None) -> None:
    assert Reason(code, "").category == category
