"""Secrets do not come back. An answer may echo what was sent to it; an error or a log line must not carry that on."""

from __future__ import annotations

import base64
import contextlib
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .._base.text import KEPT_CHARACTERS
from .._codec.request import SECRET_HEADERS
from ..exceptions import ApiException, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..configuration import Configuration

_MASK = "[redacted]"
# Shorter text is no secret worth the name, and would turn harmless words into masks.
_SHORTEST = 6
# What may be a token: it is long, and stands behind that word or is no word itself.
# Compiled when they are needed: that costs start-up time.
_BEHIND_THE_WORD = r"""(?i)token[\\"'\s]*[:=>][\\"'\s]*(?:bearer\s+)?([^\\"'\s<>&,}]{16,})"""
_LONG = r"[A-Za-z0-9_.~+/=%-]{16,}"


def carries_secret(headers: Mapping[str, str]) -> bool:
    """Whether one of these headers says who calls, or is a secret for another reason."""
    return any(name.lower() in SECRET_HEADERS for name in headers)


def find_token_candidates(error: ApiException) -> list[str]:
    """Return what may be a live token in an error of the endpoint that gives tokens away: nobody has it, so nobody can
    name it. The ids for Zuora's support are none."""
    ids = {error.request_id, error.track_id, error.process_id}
    shown = [error.reason, error.body, *(reason.message for reason in error.reasons), *(error.headers or {}).values()]
    text = "\n".join(map(str, shown))
    no_words = (long for long in re.findall(_LONG, text) if re.search("[0-9]|[a-z].*[A-Z]|[A-Z].*[a-z]", long[1:]))
    return [found for found in (*re.findall(_BEHIND_THE_WORD, text), *no_words) if found not in ids]


def configured_secrets(configuration: Configuration, history: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the secrets that are configured, and those in the headers of all attempts of a call."""
    given = [
        configuration.client_secret,
        configuration.access_token,
        configuration.password,
        configuration.get_basic_auth_token() if configuration.password else None,
        *configuration.api_key.values(),
        *(value for headers in history for name, value in headers.items() if name.lower() in SECRET_HEADERS),
    ]
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in given]
    return [text for text in texts if isinstance(text, str)]


def make_redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that masks these secrets in a text, in any spelling in which servers echo them."""
    parts = {part for secret in secrets for part in _parts(secret) if len(part) >= _SHORTEST}
    if not parts:
        return str
    spellings = ("".join(map(_spellings, part)) for part in sorted(parts, key=len, reverse=True))
    return partial(re.compile("|".join(spellings), re.IGNORECASE).sub, _MASK)


def redact_json(value: Any, clean: Callable[[str], str]) -> Any:
    """Return a JSON document with every text in it cleaned."""
    if isinstance(value, dict):
        return {clean(name): redact_json(item, clean) for name, item in value.items()}
    if isinstance(value, list):
        return [redact_json(item, clean) for item in value]
    return clean(value) if isinstance(value, str) else value


def redact(error: ApiException, secrets: Iterable[str]) -> None:
    """Mask every secret in everything that `error`, its causes and its contexts hold or print. A cause or context that
    is no error of ours, and shows a secret, is removed."""
    clean = make_redactor(secrets)
    todo, done = [error], set()
    while todo:
        error = todo.pop()
        done.add(id(error))
        _clean_error(error, clean)
        for name in ("__cause__", "__context__"):
            linked = getattr(error, name)
            if isinstance(linked, ApiException):
                todo += [linked] if id(linked) not in done else []
            elif linked is not None and _shows_a_secret(linked, clean):
                setattr(error, name, None)


def _clean_error(error: ApiException, clean: Callable[[str], str]) -> None:
    for name, value in vars(error).items():
        if isinstance(value, str):
            setattr(error, name, clean(value))
    # Cut only now: a secret that is cut in two is not found.
    error.body = error.body and error.body[:KEPT_CHARACTERS]
    # What repr() shows.
    error.args = (error.status, error.reason)
    error.reasons = tuple(_clean_reason(reason, clean) for reason in error.reasons)
    if error.headers and "Set-Cookie" in error.headers:
        # A session of Zuora's, which nobody configured and everybody could use.
        without_session: Any = error.headers.copy()  # type: ignore[attr-defined]
        without_session["Set-Cookie"] = _MASK
        error.headers = without_session
    # Together, because the colon between them may be one of a secret.
    lines = [f"{name}:{error.headers[name]}" for name in error.headers] if error.headers else []
    if error.headers and any(clean(line) != line for line in lines):
        cleaned: Any = type(error.headers)()
        for line in lines:
            name, _, value = clean(line).partition(":")
            cleaned[name] = value
        error.headers = cleaned


def _clean_reason(reason: Reason, clean: Callable[[str], str]) -> Reason:
    return Reason(clean(reason.code) if isinstance(reason.code, str) else reason.code, clean(reason.message))


def _shows_a_secret(error: BaseException, clean: Callable[[str], str]) -> bool:
    todo: list[BaseException | None] = [error]
    done = set()
    while todo:
        linked = todo.pop()
        if linked is None or id(linked) in done:
            continue
        done.add(id(linked))
        try:
            shown = f"{linked} {linked.args!r} {vars(linked)!r}"
        except Exception:  # Nobody can tell what it would show.
            return True
        if clean(shown) != shown:
            return True
        todo += (linked.__cause__, linked.__context__, *getattr(linked, "exceptions", ()))
    return False


def _parts(secret: str) -> Iterable[str]:
    """Yield what of a header value is secret by itself: the token of a scheme, a password, the value of a cookie."""
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
def _spellings(character: str) -> str:
    """Return a pattern for one character: as it is, percent-encoded (once and twice), in JSON (also within text of
    JSON), in HTML, and read in a charset that it was not written in."""
    if character.isascii() and character.isalnum():
        return character
    # Imported here: its table costs start-up time, and is needed only when something fails.
    from html.entities import html5

    number, utf8, utf16 = ord(character), character.encode("utf-8", "replace"), character.encode("utf-16-be", "replace")
    json = "".join(rf"\\+u{high:02x}{low:02x}" for high, low in zip(utf16[::2], utf16[1::2], strict=True))
    patterns = [json, rf"&#0*{number};?", rf"&#x0*{number:x};?", r"\\+" + re.escape(character)]
    encoded = "".join(f"%{byte:02x}" for byte in utf8)
    forms = {character, encoded, quote(encoded), *(f"&{name}" for name, one in html5.items() if one == character)}
    if character == " ":
        forms.add("+")
    if not character.isascii():
        forms |= {"\ufffd", utf8.decode("latin-1"), utf8.decode("cp1252", "replace")}
    return f"(?:{'|'.join(patterns + [re.escape(form) for form in sorted(forms, key=len, reverse=True)])})"
