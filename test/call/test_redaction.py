"""An error that was told a secret tells nobody: not its text, its attributes, its causes, a copy or a pickle."""

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
# In words, so that no percent sign or escape makes a difference.
PLAIN = "tok3nOfNobody"
ODD = "Qw+er/ty=Zx&cv%bn"


def all_of(error: BaseException | None) -> str:
    """Everything that an error and what hangs on it could show."""
    shown = ""
    while error is not None:
        shown += f"{error}{error!r}{error.args!r}{vars(error)!r}{getattr(error, 'reasons', '')}"
        shown += repr(list((getattr(error, "headers", None) or {}).items()))
        error = error.__cause__ or error.__context__
    return shown


def a_teller(secret: str) -> ApiException:
    error = InvalidResponseError(400, f"refused {secret}")
    error.body = f"you sent {secret}!"
    error.headers = HTTPHeaderDict({"X-Echo": secret, "X-Other": "kept"})
    error.reasons = (Reason(secret, f"wrong: {secret}"), Reason(53100020, "kept"))
    error.request_id = error.track_id = error.process_id = error.path = error.advice = secret
    error.attempts = [AttemptRecord(1, 0.5, 400, "InvalidResponseError")]
    return error


SPELLINGS = {
    "as it is": SECRET,
    "percent-encoded": quote(SECRET, safe=""),
    "percent-encoded in small letters": quote(SECRET, safe="").lower(),
    "twice": quote(quote(SECRET, safe=""), safe=""),
    "in a form": quote_plus(SECRET),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in HTML": html.escape(SECRET),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_masked_in_every_spelling_and_place(spelling: str) -> None:
    error = a_teller(SPELLINGS[spelling])
    redact(error, [SECRET])
    for shown in (all_of(error), all_of(pickle.loads(pickle.dumps(error)))):
        assert SPELLINGS[spelling] not in shown
        assert "s3cr" not in shown
    assert error.body == "you sent [redacted]!"
    assert dict(error.headers or {}) == {"X-Echo": "[redacted]", "X-Other": "kept"}
    assert error.reasons[1] == Reason(53100020, "kept")


def test_a_secret_that_came_as_a_line_of_the_head_is_not_found_in_two_halves() -> None:
    error = ApiException(400, "No")
    error.headers = HTTPHeaderDict({"s3cr": "et-of-the-house", "X-Other": "kept"})
    redact(error, ["s3cr:et-of-the-house"])
    assert dict(error.headers) == {"[redacted]": "", "X-Other": "kept"}


def test_causes_of_ours_are_cleaned_and_foreign_ones_that_tell_are_cut_off() -> None:
    error, cause = a_teller(PLAIN), a_teller(PLAIN)
    error.__cause__ = cause
    cause.__cause__ = OSError(f"cannot reach {PLAIN}")
    redact(error, [PLAIN])
    assert PLAIN not in all_of(error)
    assert error.__cause__ is cause
    assert cause.__cause__ is None


def test_a_foreign_cause_that_tells_nothing_stays() -> None:
    error = ApiConnectionError(reason="broke")
    error.__cause__ = cause = OSError("reset")
    redact(error, [PLAIN])
    assert error.__cause__ is cause


def test_a_circle_of_causes_comes_to_an_end() -> None:
    first, second = a_teller(PLAIN), a_teller(PLAIN)
    first.__cause__, second.__cause__ = second, first
    redact(first, [PLAIN])
    assert PLAIN not in f"{first}{second}{first.body}{second.body}"


def test_short_words_are_no_secrets_and_no_secret_changes_nothing() -> None:
    error = a_teller("no")
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
def test_what_looks_like_a_token_in_an_answer_that_gives_one_away_is_a_secret(body: str) -> None:
    error = ApiException(200, "no use of " + body)
    error.body, error.request_id = body, "17b5be40-e343-40c3-bcfb-495d8dbb2450"
    error.headers = HTTPHeaderDict({"Location": f"/#access_token={LIVE}", "Zuora-Request-Id": error.request_id})
    redact(error, find_token_candidates(error))
    assert LIVE not in all_of(error)
    assert error.request_id == error.headers["Zuora-Request-Id"] == "17b5be40-e343-40c3-bcfb-495d8dbb2450"


def test_words_of_an_answer_without_a_token_stay() -> None:
    said = '{"status":400,"error":"Bad Request","message":"Invalid token: expired","path":"/oauth/token"}'
    error = ApiException(400, said)
    redact(error, find_token_candidates(error))
    assert error.reason == said


def test_a_longer_secret_is_masked_before_a_shorter_one_that_it_begins_with() -> None:
    assert make_redactor(["abcdef", "abcdefGHIJKL"])("<abcdefGHIJKL>") == "<[redacted]>"


def test_the_shortest_text_that_is_a_secret_has_six_characters() -> None:
    assert make_redactor(["12345", "abcdef"])("12345 abcdef") == "12345 [redacted]"


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (ODD, "Qw&plus;er&sol;ty&equals;Zx&amp;cv&percnt;bn"),
        (ODD, "Qw&#043;er&#x02F;ty&#61Zx&cv%bn"),
        (ODD, "Qw\\\\u002ber\\\\/ty\\u003DZx\\\\u0026cv%bn"),
        ("P\u00e4ssw\u00f6rtchen", "P\u00e4ssw\u00f6rtchen".encode().decode("latin-1")),
        ("P\u00e4ssw\u00f6rtchen", "P\u00e4ssw\u00f6rtchen".encode("latin-1").decode("utf-8", "replace")),
        ("open\U0001f600sesame", "open\\ud83d\\ude00sesame"),
        ('ZSession="the-session"', "the-session"),
    ],
)
def test_a_secret_is_known_in_every_spelling_that_servers_use(secret: str, said: str) -> None:
    assert make_redactor([secret])(f"<{said}>") == "<[redacted]>"


def test_a_secret_that_stands_across_the_end_of_what_is_kept_does_not_leave_its_head() -> None:
    body = "x" * 65530 + PLAIN + "y" * 100_000
    with Wire(answer(400, body.encode()), access_token=PLAIN) as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert error.body == ("x" * 65530 + "[redacted]")[:65536]


def test_a_cause_that_cannot_be_shown_is_cut_off() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    error = ApiException(400, "no")
    error.__cause__ = Mute()
    redact(error, [PLAIN])
    assert error.__cause__ is None


def test_what_is_secret_by_itself_in_a_header_is_masked_alone() -> None:
    pair = base64.b64encode(b"user-name:pass-word").decode()
    clean = make_redactor([f"Bearer {PLAIN}", f"Basic {pair}", "ZSession=session-id; other=value-of-it"])
    for secret in (PLAIN, pair, "user-name:pass-word", "pass-word", "session-id", "value-of-it"):
        assert clean(f"<{secret}>") == "<[redacted]>"


@pytest.mark.parametrize("value", ["Basic abcde", "Basic ====", "Basic", "basic \xe9\xe9\xe9\xe9"])
def test_a_basic_header_that_is_none_is_masked_and_nothing_worse(value: str) -> None:
    assert value not in make_redactor([value])(f"<{value}>") or len(value) < 6


def test_an_odd_basic_header_hides_no_error() -> None:
    with Wire(answer(403, b"Basic abcde is not welcome")) as wire:
        wire.client.set_default_header("Authorization", "Basic abcde")
        error = failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
    assert error.body == "[redacted] is not welcome"


def test_every_configured_secret_is_known() -> None:
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
