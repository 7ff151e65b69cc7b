"""Redaction: errors, log lines, events and failures returned as models show no secret that a response echoes.

A field (a body, a header, the message or the code of a reason, an id) that contains a secret, or twelve characters of
one, is withheld as a whole. It is searched as received, and decoded from each encoding in which servers echo text.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import re
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .._base.secrets import Secret, held
from .._base.text import KEPT_CHARACTERS
from .._codec.headers import secrets_of_header
from .._codec.serialization import converter, parse_json
from .._http.response import RESTResponse
from ..exceptions import ApiException, InvalidResponseError, Reason
from .tracebacks import linked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..configuration import Configuration

WITHHELD = "[withheld: it contains a secret]"
# Ordinary text contains shorter secrets by accident: they are only masked where they are words of their own.
_MIN_LENGTH = 8
_AS_WORDS = r"(?:(?<!\w)|(?!\w))(?:{})(?:(?!\w)|(?<!\w))"
_PIECE = 12
# In every piece, one of the blocks that begin at multiples of the step is complete.
_BLOCK, _BLOCK_STEP = 6, 7
_JSON_ESCAPE = r"\\+(?:[ux]((?<=u)[0-9A-Fa-f]{4}|(?<=x)[0-9A-Fa-f]{2})|[bfnrt])?"


def configured_secrets(configuration: Configuration, sent_headers: Iterable[Mapping[str, Any]]) -> list[Secret]:
    """Return the secrets of the configuration, and those in the headers of all attempts of a call."""
    secrets: list[Any] = [held(configuration, name) for name in ("client_secret", "access_token", "password")]
    secrets += [value for name, value in dict.items(configuration.api_key) if name.lower() != "apiaccesskeyid"]
    secrets += [Secret(part) for sent in sent_headers for item in sent.items() for part in secrets_of_header(*item)]
    return [secret for secret in secrets if isinstance(secret, Secret)]


class Redactor:
    """Returns a text as it is, or `WITHHELD` if it contains a secret in any encoding. The repr shows none."""

    def __init__(self, secrets: Iterable[Secret | str]) -> None:
        pieces: set[str] = set()
        short: list[str] = []
        for secret in (holder.encode().decode("utf-8", "replace") for holder in secrets if len(holder)):
            forms = [form for text in _unescaped(secret) for form in _forms(text) if len(form) >= _MIN_LENGTH]
            pieces.update(form[i : i + _PIECE] for form in forms for i in range(max(1, len(form) - _PIECE + 1)))
            short += [] if forms else [secret]
        self._pieces = {piece for piece in pieces if len(piece) == _PIECE}
        self._blocks = {piece[i : i + _BLOCK] for piece in self._pieces for i in range(_BLOCK_STEP)}
        self._whole = pieces - self._pieces
        words = "|".join(map(re.escape, sorted(short, key=len, reverse=True)))
        self._mask = re.compile(_AS_WORDS.format(words) if words else "(?!)")

    def __call__(self, text: str) -> str:
        unescaped = [*_unescaped(text)]
        views = (form for view in (*unescaped, *_unescaped(_decoded(unescaped[-1]))) for form in _forms(view))
        return WITHHELD if any(map(self._is_in, views)) else self._mask.sub("[masked]", text)

    def _is_in(self, form: str) -> bool:
        has_block = not self._blocks.isdisjoint([form[i : i + _BLOCK] for i in range(0, len(form), _BLOCK_STEP)])
        has_piece = has_block and not self._pieces.isdisjoint(form[i : i + _PIECE] for i in range(len(form)))
        return has_piece or any(secret in form for secret in self._whole)


def _unescaped(text: str) -> Iterator[str]:
    """Yield the text, and again after each step that undoes HTML references, percent-encoding and JSON escapes."""
    # Imported here: its table of names costs start-up time.
    from html import unescape

    # Three kinds of escapes, each up to three times, in any order.
    for _ in range(9):
        yield text
        escaped = text
        # Zeros and numbers that are no characters are removed: Python does not convert thousands of digits.
        text = unquote(unescape(re.sub("&#0*(?:[0-9]{8,})?", "&#", text)))
        text = re.sub(_JSON_ESCAPE, lambda escape: chr(int(escape[1], 16)) if escape[1] else "", text)
        if text == escaped:
            return
    yield text


def _forms(text: str) -> list[str]:
    """Return what is compared of a text: lower case, also of ASCII alone, which survives a wrong charset."""
    # Forms encode a space as a plus sign, long lines are folded, and UTF-16 read as bytes contains NUL.
    form = re.sub(r"[\x00-\x20\x7f\\+]+", "", text.lower())
    return [form] if form.isascii() else [form, form.encode("ascii", "ignore").decode()]


def _decoded(text: str) -> str:
    """Return the text decoded from base64, base64url and hexadecimal digits, wherever in it they begin."""
    digits = re.sub("[^A-Za-z0-9+/]+", "", text.replace("-", "+").replace("_", "/"))
    decoded = [binascii.a2b_base64(digits[i : i + (len(digits) - i) // 4 * 4]) for i in range(4)]
    digits = re.sub("[^0-9A-Fa-f]+", "", text)
    decoded += [bytes.fromhex(digits[i : i + (len(digits) - i) // 2 * 2]) for i in range(2)]
    return b"|".join(decoded).decode("utf-8", "ignore")


def _withhold_tokens(text: str) -> str:
    """Withhold a text with a long word of digits, or of lower and upper case: it may be a token that nobody knows."""
    # Without its first character: a capitalized word is an ordinary one.
    words = (word[1:] for view in _unescaped(text) for word in re.findall("[A-Za-z0-9_.~+/=%-]{16,}", view))
    may_be_token = any(re.search("[0-9]", word) or word.lower() != word != word.upper() for word in words)
    return "[withheld: it may contain a token]" if may_be_token else text


def redact(error: ApiException, redactor: Callable[[str], str], *, is_token_request: bool = False) -> None:
    """Withhold the secrets in all that `error`, its causes and its contexts hold or print.

    A cause or context that is not an `ApiException` is removed if it, or one linked to it, shows a secret.
    """
    ours = [each for each in linked(error) if isinstance(each, ApiException)]
    for each in ours:
        _redact_error(each, redactor, may_hold_token=is_token_request and each.headers is not None)
    for each, name in product(ours, ("__cause__", "__context__")):
        other = getattr(each, name)
        if not isinstance(other, ApiException) and _shows_secret(other, redactor):
            setattr(each, name, None)


def _redact_error(error: ApiException, redactor: Callable[[str], str], *, may_hold_token: bool) -> None:
    of_response = (lambda text: _withhold_tokens(redactor(text))) if may_hold_token else redactor
    for name, value in vars(error).items():
        # Programs compare these words of the library, and a short secret may equal one of them.
        if isinstance(value, str) and name not in ("limit_type", "method", "outcome"):
            setattr(error, name, of_response(value) if name in ("body", "reason") else redactor(value))
    # Truncated only now: of a secret that is cut in two, a part would be too short to be found.
    error.body = error.body and error.body[:KEPT_CHARACTERS]
    # Shown by repr().
    error.args = (error.status, error.reason)
    error.reasons = tuple(Reason(redact_json(each.code, redactor), of_response(each.message)) for each in error.reasons)
    error.headers = error.headers and _redact_headers(error.headers, redactor, of_response)


def _redact_headers(headers: Any, redactor: Callable[[str], str], of_response: Callable[[str], str]) -> Any:
    redacted = type(headers)()
    for name in headers:
        value = (redactor if name.lower() in ("zuora-request-id", "zuora-track-id") else of_response)(headers[name])
        # A new session of Zuora is not among the known secrets; and the colon may be part of a secret.
        is_secret = name.lower() == "set-cookie" or redactor(f"{name}:{headers[name]}") == WITHHELD
        redacted[redactor(name)] = WITHHELD if is_secret else value
    return redacted


def redact_response(response: RESTResponse, redactor: Callable[[str], str]) -> RESTResponse:
    """Return a response without secrets. In a JSON document, each text is a field of its own."""
    content = response.content
    with contextlib.suppress(InvalidResponseError):
        document = converter(object)(parse_json(content))  # Raises if it is nested too deeply.
        redacted = redact_json(document, redactor)
        if redacted != document or redactor(response.data) == WITHHELD:
            content = json.dumps(redacted).encode()
    headers = _redact_headers(response.headers, redactor, redactor)
    return RESTResponse(response.status, response.reason and redactor(response.reason), headers, content)


def redact_json(value: Any, redactor: Callable[[str], str]) -> Any:
    """Return a JSON document in which all texts, names and numbers are redacted."""
    if isinstance(value, dict):
        return {redactor(name): redact_json(item, redactor) for name, item in value.items()}
    if isinstance(value, list):
        return [redact_json(item, redactor) for item in value]
    redacted = redactor(str(value)) if isinstance(value, (str, int, float)) else ""
    return value if isinstance(value, bool) or redacted in ("", str(value)) else redacted


def _shows_secret(error: BaseException | None, redactor: Callable[[str], str]) -> bool:
    try:
        shown = [f"{each} {each.args!r} {vars(each)!r}" for each in linked(error)]
    except Exception:  # It cannot be checked.
        return True
    return any(redactor(text) != text for text in shown)
