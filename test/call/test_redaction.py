"""Redaction: no secret remains in the text, the attributes, the causes or the pickle of an error.

What the encodings of servers do to a secret is written here a second time, as encoders: the code decodes.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import pickle
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from support import respond
from support.calls import failure_of
from support.operations import CONNECTION_ID
from support.wire import Wire
from urllib3._collections import HTTPHeaderDict

from zuora_client import Configuration
from zuora_client._call.redaction import WITHHELD, Redactor, configured_secrets, redact, redact_json, redact_response
from zuora_client.exceptions import ApiConnectionError, ApiException, AttemptRecord, InvalidResponseError, Reason
from zuora_client.rest import RESTResponse

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "s3cr&t/+ \"v'lue<é>"
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


def every_character(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(ord(character)) for character in text)


# Encodings that may be nested.
ESCAPES: dict[str, Callable[[str], str]] = {
    "percent": lambda text: quote(text, safe=""),
    "percent in lower case": lambda text: quote(text, safe="").lower(),
    "every character percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "every character JSON": every_character("\\u{:04x}"),
    "JSON in upper case": every_character("\\u{:04X}"),
    "HTML": html.escape,
    "every character HTML": every_character("&#{};"),
    "HTML hexadecimal": every_character("&#x{:X};"),
    "HTML with zeros": every_character("&#0000{};"),
}
# Encodings of the bytes of a text.
BLOBS: dict[str, Callable[[bytes], str]] = {
    "base64": lambda data: base64.b64encode(data).decode(),
    "base64 without padding": lambda data: base64.b64encode(data).decode().rstrip("="),
    "base64 in lines": lambda data: base64.encodebytes(data).decode(),
    "base64url": lambda data: base64.urlsafe_b64encode(data).decode(),
    "hexadecimal": bytes.hex,
    "upper-case hexadecimal": lambda data: data.hex().upper(),
    "bytes as text": lambda data: data.decode("latin-1"),
}
CHARSETS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be")


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("escape", ESCAPES)
def test_escaped_secret_is_withheld(escape: str, times: int) -> None:
    """A secret is found under up to three layers of one escape."""
    echo = SECRET
    for _ in range(times):
        echo = ESCAPES[escape](echo)
    assert Redactor([SECRET])(f"you sent {echo}!") == WITHHELD


@pytest.mark.parametrize(("inner", "outer"), [*itertools.permutations(ESCAPES, 2)])
def test_nested_escapes(inner: str, outer: str) -> None:
    """Escapes are undone in any order."""
    echo = SECRET
    for escape in (inner, outer, inner, outer):
        echo = ESCAPES[escape](echo)
    assert Redactor([SECRET])(f"you sent {echo}!") == WITHHELD


@pytest.mark.parametrize("order", [*itertools.permutations(["percent", "JSON", "HTML"])])
def test_nine_layers_of_escapes(order: tuple[str, ...]) -> None:
    """Each kind of escapes is undone three times."""
    echo = SECRET
    for escape in order * 3:
        echo = ESCAPES[escape](echo)
    assert Redactor([SECRET])(f"you sent {echo}!") == WITHHELD


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("blob", BLOBS)
def test_secret_in_bytes_is_withheld(blob: str, charset: str) -> None:
    """A secret is found wherever in the encoded bytes, and in the text around them, it begins."""
    redactor = Redactor([SECRET])
    for before, within in itertools.product(range(4), range(4)):
        data = ("y" * within + SECRET + "zz").encode(charset)
        assert redactor("x" * before + BLOBS[blob](data) + "xx") == WITHHELD
        assert redactor("x" * before + BLOBS[blob](data[: 2 * len(SECRET)][::-1])) != WITHHELD


@pytest.mark.parametrize("escape", ["percent", "JSON", "HTML"])
def test_escape_around_base64(escape: str) -> None:
    encoded = base64.b64encode((SECRET + ALPHANUMERIC).encode()).decode()
    assert Redactor([ALPHANUMERIC])(ESCAPES[escape](encoded)) == WITHHELD
    encoded = base64.b64encode(ESCAPES[escape](SECRET).encode()).decode()
    assert Redactor([SECRET])(encoded) == WITHHELD


@pytest.mark.parametrize(
    ("secret", "echo"),
    [
        (PUNCTUATED, "Qw&plus;er&sol;ty&equals;Zx&amp;cv&percnt;bn"),
        (PUNCTUATED, "Qw&#043;er&#x02F;ty&#61Zx&cv%bn"),
        (PUNCTUATED, "Qw\\\\u002ber\\\\/ty\\u003DZx\\\\u0026cv%bn"),
        (PUNCTUATED, "QW+ER/TY=ZX&CV%BN"),
        (PUNCTUATED, "Qw+er/\r\n ty=Zx&cv%bn"),
        ("P\u00e4ssw\u00f6rtchen", "P\u00e4ssw\u00f6rtchen".encode().decode("latin-1")),
        ("P\u00e4ssw\u00f6rtchen", "P\u00e4ssw\u00f6rtchen".encode("latin-1").decode("utf-8", "replace")),
        ("open\U0001f600sesame", "open\\ud83d\\ude00sesame"),
        ("\u043f\u0430\u0440\u043e\u043b\u044c12", "%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C12"),
        ("back\\slash\\nine", "back\\\\slash\\\\nine"),
        ("per%41cent%42sign", "per%41cent%42sign"),
        ("per%41cent%42sign", "per%2541cent%2542sign"),
        ("twelve-chars", "&#" + "0" * 5000 + f"{ord('t')};welve-chars"),
        (ALPHANUMERIC, "&#" + "9" * 5000 + ";" + ALPHANUMERIC),
        (ALPHANUMERIC, repr(ALPHANUMERIC.encode("utf-16-be"))),
    ],
)
def test_encodings_of_servers(secret: str, echo: str) -> None:
    assert Redactor([secret])(f"<{echo}>") == WITHHELD


def test_twelve_characters_are_withheld() -> None:
    """Any twelve characters of a secret are a leak, any eleven are not."""
    secret = "Zq8wYx7vUt6sRr5pOn4mLk"
    redactor = Redactor([secret])
    for before, start in itertools.product(range(8), range(len(secret) - 11)):
        assert redactor("-" * before + secret[start : start + 12] + "-") == WITHHELD
        assert redactor("-" * before + secret[start : start + 11] + "-") != WITHHELD


@pytest.mark.parametrize("secret", ["8letters", "9-letters", "11-letters!"])
def test_secret_of_eight_to_eleven_characters(secret: str) -> None:
    """Such a secret is withheld if all of it is there."""
    redactor = Redactor([secret])
    assert redactor(f"<{secret}>") == redactor(quote(secret)) == redactor(secret.encode().hex()) == WITHHELD
    assert redactor(secret[:-1]) == secret[:-1]


def test_limits_of_decoding() -> None:
    """Bytes are decoded once: hexadecimal digits in base64 are not searched."""
    echo = base64.b64encode(ALPHANUMERIC.encode().hex().encode()).decode()
    assert Redactor([ALPHANUMERIC])(echo) == echo


def test_short_secret_is_masked() -> None:
    """A secret of fewer than eight characters is masked where it is a word of its own; it is not decoded."""
    redactor = Redactor(["secret", "a", "+x", "", "a b+c\\d e"])
    assert redactor("a secret, secrets, b+x, + x, Secret") == "[masked] [masked], secrets, b[masked], + x, Secret"
    assert redactor("736563726574 %73ecret") == "736563726574 %73ecret"
    # Spaces, plus signs and backslashes are not compared, so they do not count.
    assert redactor("<a b+c\\d e>") == "<[masked]>"
    assert Redactor([])("text") == "text"


def test_ordinary_text_is_kept() -> None:
    """Text with every kind of escape, but without a secret, stays as it is."""
    text = 'A&amp;B "quoted" \\u0041 100%25 &#65; %zz & \\ dGVzdA== 74657374 ' * 50
    assert Redactor([SECRET, ALPHANUMERIC, PUNCTUATED])(text) == text


def test_repr_shows_no_secret() -> None:
    assert ALPHANUMERIC.lower() not in repr(Redactor([ALPHANUMERIC])).lower()


# -- errors -----------------------------------------------------------------------------------------------------------


def test_secret_is_withheld_everywhere() -> None:
    """A secret is withheld in all attributes of an error and of its pickle. Other fields are kept."""
    error = error_with(SECRET)
    redact(error, Redactor([SECRET]))
    for shown in (shown_by(error), shown_by(pickle.loads(pickle.dumps(error)))):
        assert "s3cr" not in shown
    assert error.reason == error.body == error.request_id == error.track_id == error.process_id == WITHHELD
    assert dict(error.headers or {}) == {"X-Echo": WITHHELD, "X-Other": "kept"}
    assert error.reasons == (Reason(WITHHELD, WITHHELD), Reason(53100020, "kept"))
    assert error.outcome == "answered"


def test_withheld_reason_keeps_its_code() -> None:
    """Withholding the text of a reason keeps its code, and the other reasons."""
    error = ApiException(400, "No")
    error.reasons = (Reason(53100020, f"not {ALPHANUMERIC}"), Reason("INVALID_ID", "kept"), Reason(123456789012, "x"))
    redact(error, Redactor([ALPHANUMERIC, "123456789012"]))
    assert error.reasons == (Reason(53100020, WITHHELD), Reason("INVALID_ID", "kept"), Reason(WITHHELD, "x"))
    assert error.reasons[0].category == 20
    assert "53100020 (invalid format or value): [withheld: it contains a secret]" in str(error)


def test_words_of_the_library_are_kept() -> None:
    """A secret that equals a word that programs compare does not change it."""
    error = ApiException(400, "unknown POST")
    error.method, error.outcome = "POST", "unknown"
    redact(error, Redactor(["unknown", "POST"]))
    assert (error.outcome, error.method, error.reason) == ("unknown", "POST", "[masked] [masked]")


@pytest.mark.parametrize("secret", ["s3cr:et-of-a-header", "sixsix:sixsix"])
def test_secret_split_into_header_line(secret: str) -> None:
    """A secret that was parsed as header name and value is withheld."""
    error = ApiException(400, "No")
    name, _, value = secret.partition(":")
    error.headers = HTTPHeaderDict({name: value, "X-Other": "kept", f"X-{ALPHANUMERIC}": "x"})
    redact(error, Redactor([secret, ALPHANUMERIC]))
    assert [*error.headers.items()] == [(name, WITHHELD), ("X-Other", "kept"), (WITHHELD, WITHHELD)]


def test_new_session_is_withheld() -> None:
    """A cookie that a response sets is a credential that is not known before."""
    error = ApiException(400, "No")
    error.headers = HTTPHeaderDict({"set-cookie": "ZSession=new"})
    redact(error, Redactor([]))
    assert error.headers["Set-Cookie"] == WITHHELD


def test_causes_are_redacted_or_removed() -> None:
    """Causes of ours are redacted, and other causes that show a secret are removed."""
    error, cause = error_with(ALPHANUMERIC), error_with(ALPHANUMERIC)
    error.__cause__ = cause
    cause.__cause__ = OSError(f"cannot reach {ALPHANUMERIC}")
    redact(error, Redactor([ALPHANUMERIC]))
    assert ALPHANUMERIC not in shown_by(error)
    assert error.__cause__ is cause
    assert cause.__cause__ is None


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_group_with_secret_is_removed() -> None:
    """A cause is removed if an exception that it is linked to shows a secret."""
    member = OSError("reset")
    member.__cause__ = OSError(f"cannot reach {ALPHANUMERIC}")
    error = ApiConnectionError(reason="broke")
    error.__cause__ = ExceptionGroup("both", [OSError("reset"), member])  # noqa: F821
    redact(error, Redactor([ALPHANUMERIC]))
    assert error.__cause__ is None


def test_ours_behind_a_foreign_cause() -> None:
    """An error of ours is redacted behind a foreign cause, which then stays."""
    inner = error_with(ALPHANUMERIC)
    error = ApiException(400, "No")
    error.__cause__ = cause = OSError("reset")
    cause.__context__ = inner
    redact(error, Redactor([ALPHANUMERIC]))
    assert error.__cause__ is cause
    assert inner.body == WITHHELD


def test_harmless_foreign_cause_is_kept() -> None:
    error = ApiConnectionError(reason="broke")
    error.__cause__ = cause = OSError("reset")
    redact(error, Redactor([ALPHANUMERIC]))
    assert error.__cause__ is cause


def test_cyclic_causes() -> None:
    first, second = error_with(ALPHANUMERIC), error_with(ALPHANUMERIC)
    first.__cause__, second.__cause__ = second, first
    redact(first, Redactor([ALPHANUMERIC]))
    assert ALPHANUMERIC not in f"{first}{second}{first.body}{second.body}"


def test_unprintable_cause_is_removed() -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    error = ApiException(400, "no")
    error.__cause__ = Unprintable()
    redact(error, Redactor([ALPHANUMERIC]))
    assert error.__cause__ is None


@pytest.mark.parametrize("start", [65530, 65536, 65536 - 11])
def test_secret_at_truncation_boundary(start: int) -> None:
    """A body is withheld for a secret that the cut at the limit of the kept body would hide."""
    body = "x" * start + ALPHANUMERIC + "y" * 100_000
    with Wire(respond(400, body.encode()), access_token=ALPHANUMERIC) as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert error.body == WITHHELD


# -- token requests ---------------------------------------------------------------------------------------------------

LIVE = "1f0c2a5b9d3e4c6f8a7b1f0c2a5b9d3e"
TOKEN_WITHHELD = "[withheld: it may contain a token]"


@pytest.mark.parametrize("escape", [str, *ESCAPES.values()])
@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"access_token": LIVE, "expires_in": 3599}),
        json.dumps({"access_token": {"value": LIVE}}),
        json.dumps({"error_description": f'upstream said {{"access_token":"{LIVE}"}}'}),
        f'<access_token type="bearer">{LIVE}</access_token>',
        f"ACCESS_TOKEN: Bearer {LIVE}",
        f"id_token=x&refresh_token={LIVE}",
        "token eyJhbGciOiJub25lIn0.e30.",
        "token QWxhZGRpbjpvcGVuIHNl",
    ],
)
def test_unknown_token_is_withheld(body: str, escape: Callable[[str], str]) -> None:
    """Text of a failed token response that may be a token is withheld; the ids for support are kept."""
    error = ApiException(200, "no use of " + escape(body))
    error.body, error.request_id = escape(body), "17b5be40-e343-40c3-bcfb-495d8dbb2450"
    error.reasons = (Reason(50000020, escape(body)), Reason("invalid_client", "no such client"))
    error.headers = HTTPHeaderDict({"Location": escape(body), "Zuora-Request-Id": error.request_id})
    redact(error, Redactor([]), is_token_request=True)
    assert error.reason == error.body == error.headers["Location"] == TOKEN_WITHHELD
    assert error.reasons == (Reason(50000020, TOKEN_WITHHELD), Reason("invalid_client", "no such client"))
    assert error.request_id == error.headers["Zuora-Request-Id"] == "17b5be40-e343-40c3-bcfb-495d8dbb2450"


def test_message_without_token_is_kept() -> None:
    message = '{"status":400,"error":"Bad Request","message":"Invalid token: expired","path":"/oauth/token"}'
    error = ApiException(400, message)
    error.headers = HTTPHeaderDict({"Content-Type": "application/json;charset=UTF-8", "Retry-After": "3"})
    kept = dict(error.headers)
    redact(error, Redactor([]), is_token_request=True)
    assert (error.reason, dict(error.headers)) == (message, kept)


def test_token_request_without_response_keeps_its_reason() -> None:
    """Without a response nothing came from the server: the name of a proxy is no token."""
    error = ApiConnectionError(reason="could not connect to https://x through http://proxy10.corp.example.com:3128")
    redact(error, Redactor([]), is_token_request=True)
    assert "proxy10.corp" in str(error.reason)


# -- responses --------------------------------------------------------------------------------------------------------


def test_response_is_redacted() -> None:
    """Of a JSON document the fields with a secret are withheld, names and numbers too."""
    document: dict[str, Any] = {"a": [f"x{ALPHANUMERIC}", 1, True, None, 1.5, ""], "n": 123456789012, ALPHANUMERIC: "y"}
    headers = HTTPHeaderDict({"X-Echo": ALPHANUMERIC, "Set-Cookie": "new", "X-Other": "kept"})
    response = RESTResponse(200, ALPHANUMERIC, headers, json.dumps(document).encode())
    redacted = redact_response(response, Redactor([ALPHANUMERIC, "123456789012"]))
    assert json.loads(redacted.content) == {"a": [WITHHELD, 1, True, None, 1.5, ""], "n": WITHHELD, WITHHELD: "y"}
    assert dict(redacted.headers) == {"X-Echo": WITHHELD, "Set-Cookie": WITHHELD, "X-Other": "kept"}
    assert (redacted.status, redacted.reason) == (200, WITHHELD)


def test_secret_hidden_from_the_parser() -> None:
    """A secret in a name that the document has twice is in no field, but in the bytes of the body."""
    content = f'{{"a": "{ALPHANUMERIC}", "a": "kept"}}'.encode()
    redacted = redact_response(RESTResponse(200, None, HTTPHeaderDict(), content), Redactor([ALPHANUMERIC]))
    assert json.loads(redacted.content) == {"a": "kept"}
    assert ALPHANUMERIC not in redacted.data


def test_harmless_response_is_unchanged() -> None:
    content = b'{ "a":"\\u00e9" }'
    redacted = redact_response(RESTResponse(200, "OK", HTTPHeaderDict(), content), Redactor([ALPHANUMERIC]))
    assert redacted.content == content
    assert redact_json({"a": [1]}, Redactor([])) == {"a": [1]}


# -- which texts are secrets ------------------------------------------------------------------------------------------


def test_secrets_of_headers() -> None:
    """The parts of a header that are secrets are withheld without the rest of it; the user name is shown."""
    pair = base64.b64encode(b"user-name-of-billing:pass-word").decode()
    headers = {"Authorization": f"Bearer {ALPHANUMERIC}", "Proxy-Authorization": f"Basic {pair}"}
    headers |= {"Cookie": 'ZSession="session-id"; theme=dark', "apiSecretAccessKey": "key-of-access"}
    headers |= {"apiAccessKeyId": "id-of-access-key", "Idempotency-Key": "a-key-of-idempotency"}
    redactor = Redactor(configured_secrets(Configuration(), [headers]))
    for secret in (ALPHANUMERIC, pair, "pass-word", "session-id", "key-of-access", "theme=dark"):
        assert redactor(f"<{secret}>") == WITHHELD
    for shown in ("user-name-of-billing", "id-of-access-key", "a-key-of-idempotency", "dark", "Bearer", "Basic realm"):
        assert redactor(f"<{shown}>") == f"<{shown}>"


def test_short_value_of_a_cookie() -> None:
    """It is masked together with its name only, so that it does not mask ordinary words."""
    redactor = Redactor(configured_secrets(Configuration(), [{"Cookie": "a=true; lang=en"}]))
    assert redactor("true: a=true, en") == "true: [masked], en"


@pytest.mark.parametrize("value", ["Basic abcde", "Basic ====", "Basic", "basic \xe9\xe9\xe9\xe9"])
def test_malformed_basic_header(value: str) -> None:
    """The error of a call with a malformed Basic header is raised as usual, without the header."""
    redactor = Redactor(configured_secrets(Configuration(), [{"Authorization": value}]))
    assert value not in redactor(f"<{value}>")


def test_malformed_basic_header_keeps_error() -> None:
    with Wire(respond(403, b"Basic abcde is not welcome")) as wire:
        wire.client.set_default_header("Authorization", "Basic abcde")
        error = failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
    assert error.body == WITHHELD
    assert error.status == 403


def test_configured_secrets() -> None:
    configuration = Configuration(client_id="an-id", client_secret=b"of-client", access_token="of-token")
    configuration.username, configuration.password = "a-user", "of-basic"
    configuration.api_key = {"apiAccessKeyId": "of-key", "apiSecretAccessKey": "of-secret-key"}
    assert set(configured_secrets(configuration, [{"Accept": "no secret"}])) == {
        b"of-client",
        "of-token",
        "of-basic",
        "of-secret-key",
    }
    configuration.access_token = lambda: "asked for when needed"
    assert not any(callable(secret) for secret in configured_secrets(configuration, []))
    assert "of-token" not in configured_secrets(configuration, [])
