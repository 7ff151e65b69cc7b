"""Redaction: no secret remains in the text, the attributes, the causes or the pickle of an error."""

from __future__ import annotations

import base64
import html
import json
import pickle
from urllib.parse import quote, quote_plus

import pytest
from support import answer
from support.calls import failure_of
from support.operations import CONNECTION_ID
from support.wire import Wire
from urllib3._collections import HTTPHeaderDict

from zuora_client import Configuration
from zuora_client._call.redaction import configured_secrets, find_token_candidates, make_redactor, redact
from zuora_client.exceptions import ApiConnectionError, ApiException, AttemptRecord, InvalidResponseError, Reason

SECRET = "s3cr&t/+ \"v'lue<é>"
# Letters and digits only, so that each encoding leaves it unchanged.
ALPHANUMERIC = "alphanum3ricToken"
PUNCTUATED = "Qw+er/ty=Zx&cv%bn"


def shown_by(error: BaseException | None) -> str:
    """Return all text of an error, and of its causes and contexts."""
    shown = ""
    while error is not None:
        shown += f"{error}{error!r}{error.args!r}{vars(error)!r}{getattr(error, 'reasons', '')}"
        shown += repr(list((getattr(error, "headers", None) or {}).items()))
        error = error.__cause__ or error.__context__
    return shown


def error_with(secret: str) -> ApiException:
    """Return an error that holds a secret in all its attributes."""
    error = InvalidResponseError(400, f"refused {secret}")
    error.body = f"you sent {secret}!"
    error.headers = HTTPHeaderDict({"X-Echo": secret, "X-Other": "kept"})
    error.reasons = (Reason(secret, f"wrong: {secret}"), Reason(53100020, "kept"))
    error.request_id = error.track_id = error.process_id = error.path = error.advice = secret
    error.attempts = [AttemptRecord(1, 0.5, 400, "InvalidResponseError")]
    return error


ENCODINGS = {
    "plain": SECRET,
    "percent-encoded": quote(SECRET, safe=""),
    "percent-encoded in lower case": quote(SECRET, safe="").lower(),
    "percent-encoded twice": quote(quote(SECRET, safe=""), safe=""),
    "in a form": quote_plus(SECRET),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in HTML": html.escape(SECRET),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_secret_is_masked_everywhere(encoding: str) -> None:
    """A secret is masked in each encoding, in all attributes of an error and of its pickle."""
    error = error_with(ENCODINGS[encoding])
    redact(error, [SECRET])
    for shown in (shown_by(error), shown_by(pickle.loads(pickle.dumps(error)))):
        assert ENCODINGS[encoding] not in shown
        assert "s3cr" not in shown
    assert error.body == "you sent [redacted]!"
    assert dict(error.headers or {}) == {"X-Echo": "[redacted]", "X-Other": "kept"}
    assert error.reasons[1] == Reason(53100020, "kept")


def test_secret_split_into_header_line() -> None:
    """A secret that was parsed as header name and value is masked."""
    error = ApiException(400, "No")
    error.headers = HTTPHeaderDict({"s3cr": "et-of-a-header", "X-Other": "kept"})
    redact(error, ["s3cr:et-of-a-header"])
    assert dict(error.headers) == {"[redacted]": "", "X-Other": "kept"}


def test_causes_are_redacted_or_removed() -> None:
    """Causes of ours are redacted, and other causes that show a secret are removed."""
    error, cause = error_with(ALPHANUMERIC), error_with(ALPHANUMERIC)
    error.__cause__ = cause
    cause.__cause__ = OSError(f"cannot reach {ALPHANUMERIC}")
    redact(error, [ALPHANUMERIC])
    assert ALPHANUMERIC not in shown_by(error)
    assert error.__cause__ is cause
    assert cause.__cause__ is None


def test_harmless_foreign_cause_is_kept() -> None:
    error = ApiConnectionError(reason="broke")
    error.__cause__ = cause = OSError("reset")
    redact(error, [ALPHANUMERIC])
    assert error.__cause__ is cause


def test_cyclic_causes() -> None:
    first, second = error_with(ALPHANUMERIC), error_with(ALPHANUMERIC)
    first.__cause__, second.__cause__ = second, first
    redact(first, [ALPHANUMERIC])
    assert ALPHANUMERIC not in f"{first}{second}{first.body}{second.body}"


def test_short_and_empty_secrets() -> None:
    error = error_with("no")
    redact(error, ["no", ""])
    assert error.body == "you sent no!"
    assert make_redactor([])("text") == "text"


LIVE = "1f0c2a5b9d3e4c6f8a7b1f0c2a5b9d3e"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"access_token": LIVE, "expires_in": 3599}),
        json.dumps({"access_token": {"value": LIVE}}),
        json.dumps({"error_description": f'upstream said {{"access_token":"{LIVE}"}}'}),
        f'<access_token type="bearer">{LIVE}</access_token>',
        f'"access_token"  :          "{LIVE}"',
        f"ACCESS_TOKEN: Bearer {LIVE}",
        f'{{"accessToken":"Bearer {LIVE}',
        f"id_token=x&refresh_token={LIVE}",
    ],
)
def test_token_candidates_are_masked(body: str) -> None:
    """Text in a token response that looks like a token is masked; the ids for support are kept."""
    error = ApiException(200, "no use of " + body)
    error.body, error.request_id = body, "17b5be40-e343-40c3-bcfb-495d8dbb2450"
    error.headers = HTTPHeaderDict({"Location": f"/#access_token={LIVE}", "Zuora-Request-Id": error.request_id})
    redact(error, find_token_candidates(error))
    assert LIVE not in shown_by(error)
    assert error.request_id == error.headers["Zuora-Request-Id"] == "17b5be40-e343-40c3-bcfb-495d8dbb2450"


def test_message_without_token_is_kept() -> None:
    message = '{"status":400,"error":"Bad Request","message":"Invalid token: expired","path":"/oauth/token"}'
    error = ApiException(400, message)
    redact(error, find_token_candidates(error))
    assert error.reason == message


def test_longest_secret_first() -> None:
    assert make_redactor(["abcdef", "abcdefGHIJKL"])("<abcdefGHIJKL>") == "<[redacted]>"


def test_minimum_secret_length() -> None:
    assert make_redactor(["12345", "abcdef"])("12345 abcdef") == "12345 [redacted]"


@pytest.mark.parametrize(
    ("secret", "echo"),
    [
        (PUNCTUATED, "Qw&plus;er&sol;ty&equals;Zx&amp;cv&percnt;bn"),
        (PUNCTUATED, "Qw&#043;er&#x02F;ty&#61Zx&cv%bn"),
        (PUNCTUATED, "Qw\\\\u002ber\\\\/ty\\u003DZx\\\\u0026cv%bn"),
        ("P\u00e4ssw\u00f6rtchen", "P\u00e4ssw\u00f6rtchen".encode().decode("latin-1")),
        ("P\u00e4ssw\u00f6rtchen", "P\u00e4ssw\u00f6rtchen".encode("latin-1").decode("utf-8", "replace")),
        ("open\U0001f600sesame", "open\\ud83d\\ude00sesame"),
        ('ZSession="the-session"', "the-session"),
    ],
)
def test_encodings_of_servers(secret: str, echo: str) -> None:
    assert make_redactor([secret])(f"<{echo}>") == "<[redacted]>"


def test_secret_at_truncation_boundary() -> None:
    """A secret across the limit of the kept body is masked before the body is truncated."""
    body = "x" * 65530 + ALPHANUMERIC + "y" * 100_000
    with Wire(answer(400, body.encode()), access_token=ALPHANUMERIC) as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert error.body == ("x" * 65530 + "[redacted]")[:65536]


def test_unprintable_cause_is_removed() -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    error = ApiException(400, "no")
    error.__cause__ = Unprintable()
    redact(error, [ALPHANUMERIC])
    assert error.__cause__ is None


def test_secret_parts_of_headers() -> None:
    """The secret parts of a header value are masked without the rest of it."""
    pair = base64.b64encode(b"user-name:pass-word").decode()
    redactor = make_redactor([f"Bearer {ALPHANUMERIC}", f"Basic {pair}", "ZSession=session-id; other=value-of-it"])
    for secret in (ALPHANUMERIC, pair, "user-name:pass-word", "pass-word", "session-id", "value-of-it"):
        assert redactor(f"<{secret}>") == "<[redacted]>"


@pytest.mark.parametrize("value", ["Basic abcde", "Basic ====", "Basic", "basic \xe9\xe9\xe9\xe9"])
def test_malformed_basic_header(value: str) -> None:
    assert value not in make_redactor([value])(f"<{value}>") or len(value) < 6


def test_malformed_basic_header_keeps_error() -> None:
    """The error of a call with a malformed Basic header is raised as usual."""
    with Wire(answer(403, b"Basic abcde is not welcome")) as wire:
        wire.client.set_default_header("Authorization", "Basic abcde")
        error = failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
    assert error.body == "[redacted] is not welcome"


def test_configured_secrets() -> None:
    configuration = Configuration(client_id="an-id", client_secret=b"of-client", access_token="of-token")
    configuration.password = "of-basic"
    configuration.api_key = {"apiAccessKeyId": "of-key", "apiSecretAccessKey": "of-secret-key"}
    headers = {"COOKIE": "of-cookie", "authorization": "of-header", "Accept": "no secret"}
    assert set(configured_secrets(configuration, [headers])) == {
        "of-client",
        "of-token",
        "of-basic",
        configuration.get_basic_auth_token(),
        "of-key",
        "of-secret-key",
        "of-cookie",
        "of-header",
    }
    configuration.access_token = lambda: "asked for when needed"
    assert not any(callable(secret) for secret in configured_secrets(configuration, []))
    assert "of-token" not in configured_secrets(configuration, [])
