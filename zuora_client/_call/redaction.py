"""Redaction: errors and log lines do not show secrets, although a response may echo what was sent."""

from __future__ import annotations

import base64
import contextlib
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .._base.text import KEPT_CHARACTERS
from .._codec.headers import SECRET_HEADERS
from ..exceptions import ApiException, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..configuration import Configuration

_MASK = "[redacted]"
# Masking shorter secrets would mask ordinary words.
_MIN_LENGTH = 6
# A candidate token: at least 16 token characters, either following the word `token` or mixing letters and digits.
# Compiled on first use, which keeps the import fast.
_AFTER_TOKEN = r"""(?i)token[\\"'\s]*[:=>][\\"'\s]*(?:bearer\s+)?([^\\"'\s<>&,}]{16,})"""
# Text that was escaped three times has seven. Without a limit a run of them would take quadratic time.
_MAX_BACKSLASHES = 8
_LONG_TEXT = r"[A-Za-z0-9_.~+/=%-]{16,}"


def find_token_candidates(error: ApiException) -> list[str]:
    """Return the text in an error of the token endpoint that may be a live token.

    Such a token was never stored, so it cannot be found by its value. The ids for Zuora's support are not tokens.
    """
    ids = {error.request_id, error.track_id, error.process_id}
    shown = [error.reason, error.body, *(reason.message for reason in error.reasons), *(error.headers or {}).values()]
    text = "\n".join(map(str, shown))
    # The first character is not considered: a capitalized word is an ordinary word.
    mixed = (match for match in re.findall(_LONG_TEXT, text) if _mixes_characters(match[1:]))
    return [match for match in (*re.findall(_AFTER_TOKEN, text), *mixed) if match not in ids]


def _mixes_characters(text: str) -> bool:
    # One alternation with `.*` between a lower and an upper case letter would be quadratic.
    return bool(re.search("[0-9]", text) or (re.search("[a-z]", text) and re.search("[A-Z]", text)))


def configured_secrets(configuration: Configuration, sent_headers: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the secrets of the configuration, and those in the headers of all attempts of a call."""
    values = [
        configuration.client_secret,
        configuration.access_token,
        configuration.password,
        configuration.get_basic_auth_token() if configuration.password else None,
        *configuration.api_key.values(),
        *(value for headers in sent_headers for name, value in headers.items() if name.lower() in SECRET_HEADERS),
    ]
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
    return [text for text in texts if isinstance(text, str)]


def make_redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that masks these secrets in a text, in any encoding in which servers echo them."""
    parts = {part for secret in secrets for part in _secret_parts(secret) if len(part) >= _MIN_LENGTH}
    if not parts:
        return str
    ordered = sorted(parts, key=len, reverse=True)
    patterns = ("".join(map(_encodings, re.findall(r"\\+|[^\\]", part))) for part in ordered)
    return partial(re.compile("|".join(patterns), re.IGNORECASE).sub, _MASK)


def redact_json(value: Any, redactor: Callable[[str], str]) -> Any:
    """Return a JSON document with all strings in it redacted."""
    if isinstance(value, dict):
        return {redactor(name): redact_json(item, redactor) for name, item in value.items()}
    if isinstance(value, list):
        return [redact_json(item, redactor) for item in value]
    return redactor(value) if isinstance(value, str) else value


def redact(error: ApiException, secrets: Iterable[str]) -> None:
    """Mask the secrets in all that `error`, its causes and its contexts hold or print.

    A cause or context that is not an `ApiException` is removed if it shows a secret.
    """
    redactor = make_redactor(secrets)
    todo, done = [error], set()
    while todo:
        error = todo.pop()
        done.add(id(error))
        _redact_error(error, redactor)
        for name in ("__cause__", "__context__"):
            linked = getattr(error, name)
            if isinstance(linked, ApiException):
                todo += [linked] if id(linked) not in done else []
            elif linked is not None and _leaks_secret(linked, redactor):
                setattr(error, name, None)


def _redact_error(error: ApiException, redactor: Callable[[str], str]) -> None:
    for name, value in vars(error).items():
        if isinstance(value, str):
            setattr(error, name, redactor(value))
    # Truncated after redaction: a secret that is cut in two would not be found.
    error.body = error.body and error.body[:KEPT_CHARACTERS]
    # Shown by repr().
    error.args = (error.status, error.reason)
    error.reasons = tuple(_redact_reason(reason, redactor) for reason in error.reasons)
    if error.headers and "Set-Cookie" in error.headers:
        # A session of Zuora: a credential that is not among the configured secrets.
        without_session: Any = error.headers.copy()  # type: ignore[attr-defined]
        without_session["Set-Cookie"] = _MASK
        error.headers = without_session
    # Name and value are redacted together, because the colon between them may be part of a secret.
    lines = [f"{name}:{error.headers[name]}" for name in error.headers] if error.headers else []
    if error.headers and any(redactor(line) != line for line in lines):
        redacted: Any = type(error.headers)()
        for line in lines:
            name, _, value = redactor(line).partition(":")
            redacted[name] = value
        error.headers = redacted


def _redact_reason(reason: Reason, redactor: Callable[[str], str]) -> Reason:
    return Reason(redactor(reason.code) if isinstance(reason.code, str) else reason.code, redactor(reason.message))


def _leaks_secret(error: BaseException, redactor: Callable[[str], str]) -> bool:
    todo: list[BaseException | None] = [error]
    done = set()
    while todo:
        linked = todo.pop()
        if linked is None or id(linked) in done:
            continue
        done.add(id(linked))
        try:
            shown = f"{linked} {linked.args!r} {vars(linked)!r}"
        except Exception:  # It cannot be checked.
            return True
        if redactor(shown) != shown:
            return True
        todo += (linked.__cause__, linked.__context__, *getattr(linked, "exceptions", ()))
    return False


def _secret_parts(secret: str) -> Iterable[str]:
    """Yield a header value and the parts of it that are secrets: credentials, a password, the values of cookies."""
    yield secret
    yield secret.partition(" ")[2]
    for cookie in secret.split(";"):
        yield cookie.partition("=")[2].strip('"')
    scheme, _, encoded = secret.partition(" ")
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            pair = base64.b64decode(encoded + "===").decode("utf-8", "replace")
            yield from (pair, pair.partition(":")[2])


@cache
def _encodings(character: str) -> str:
    """Return a pattern for one character (or a run of backslashes) and its encodings.

    They are: percent-encoding (once and twice), JSON escapes (also nested), HTML references, and UTF-8 decoded with
    another charset.
    """
    if character.isascii() and character.isalnum():
        return character
    if character[0] == "\\":
        # One repetition for the whole run: several of them in a row would take polynomial time.
        return rf"(?:\\u005c|\\|%5c|%255c|&#0*92;?|&#x0*5c;?|&bsol;){{1,{_MAX_BACKSLASHES * len(character)}}}"
    # Imported here to keep the import of the package fast; redaction is only needed for errors.
    from html.entities import html5

    number, utf8, utf16 = ord(character), character.encode("utf-8", "replace"), character.encode("utf-16-be", "replace")
    json = "".join(
        rf"\\{{1,{_MAX_BACKSLASHES}}}u{high:02x}{low:02x}" for high, low in zip(utf16[::2], utf16[1::2], strict=True)
    )
    patterns = [json, rf"&#0*{number};?", rf"&#x0*{number:x};?", rf"\\{{1,{_MAX_BACKSLASHES}}}" + re.escape(character)]
    encoded = "".join(f"%{byte:02x}" for byte in utf8)
    forms = {character, encoded, quote(encoded), *(f"&{name}" for name, value in html5.items() if value == character)}
    if character == " ":
        forms.add("+")
    if not character.isascii():
        forms |= {"\ufffd", utf8.decode("latin-1"), utf8.decode("cp1252", "replace")}
    return f"(?:{'|'.join(patterns + [re.escape(form) for form in sorted(forms, key=len, reverse=True)])})"
