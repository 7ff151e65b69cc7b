"""Marked secrets, responses that echo them, and a collector of all output of a client."""

from __future__ import annotations

import base64
import contextlib
import copy
import html
import io
import json
import logging
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from .scripted import respond, respond_json

# Joined at run time: tracebacks show source lines, and no source line may contain the mark.
MARK = "".join(("CAN", "ARY"))


def secret(name: str, tail: str = "") -> str:
    """Return a secret that is marked at both ends, so that parts of it are found, too."""
    return f"{MARK}{name}{tail}{name}{MARK}"


CLIENT_SECRET = secret("cs", "+/=&% ~'\"<")
TOKEN = secret("tk", "-._~+/==")
FIXED_TOKEN = secret("gt", ".eyJh.")
# No secret: it is shown.
KEY_ID = "access-key-id-of-the-tenant"
KEY_SECRET = secret("ks", "+%")
COOKIE = f"theme=dark; ZSession={secret('ck', '/')}; path=x"
PASSWORD = secret("pw", ":@/%&")
PROXY_PASSWORD = secret("px", "@:/%+")
OWN_AUTHORIZATION = f"Bearer {secret('ow', '=&')}"
INJECTION = secret("po", "\r\nX-Evil: 1\r\n")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BASIC = "Basic " + _base64(f"me:{PASSWORD}")
PROXY_BASIC = "Basic " + _base64(f"me:{PROXY_PASSWORD}")
COOKIE_VALUE = COOKIE.split("=")[2].partition(";")[0]


def _every_character(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(ord(character)) for character in text)


def _three_times(encode: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: encode(encode(encode(text)))


def _base64_core(text: str, offset: int) -> str:
    """Return the part of the base64 of a longer text that depends on `text` alone, which begins at an offset."""
    encoded = _base64("\0" * offset + text)
    return encoded[(4 * offset + 2) // 3 : (offset + len(text)) * 8 // 6]


# -- responses that echo secrets --------------------------------------------------------------------------------------

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded in lower case": lambda text: "".join(
        character if character.isalnum() else "".join(f"%{byte:02x}" for byte in character.encode())
        for character in text
    ),
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "as a form": quote_plus,
    "in HTML": html.escape,
    "in HTML by number": lambda text: "".join(f"&#{ord(c)};" if not c.isalnum() else c for c in text),
    "in HTML by hexadecimal number": lambda text: "".join(f"&#x{ord(c):X};" if not c.isalnum() else c for c in text),
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in JSON escapes": lambda text: "".join(f"\\u{ord(c):04X}" if not c.isalnum() else c for c in text),
    "in JSON with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "in upper case": str.upper,
    "as a repr": lambda text: repr(text)[1:-1],
    "JSON escapes throughout": _every_character("\\u{:04x}"),
    "JSON escapes three times": _three_times(lambda text: json.dumps(text)[1:-1]),
    "percent-encoded throughout": _every_character("%{:02x}"),
    "percent-encoded three times": _three_times(lambda text: quote(_every_character("%{:02x}")(text), safe="")),
    "HTML numbers throughout": _every_character("&#{};"),
    "HTML three times": _three_times(html.escape),
    "base64": _base64,
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "upper-case hexadecimal": lambda text: text.encode().hex().upper(),
    "UTF-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16")).decode(),
}
# Text that no output may contain, in lower case.
TRACES = (
    MARK.lower(),
    BASIC[16:-8].lower(),
    PROXY_BASIC[16:-8].lower(),
    *(_base64_core(MARK, offset).lower() for offset in range(3)),
    *(
        _every_character(form)(MARK).lower()
        for form in ("{:02x}", "\\u{:04x}", "%{:02x}", "&#{};", "{:c}\0", "{:c}\\x00")
    ),
)


def _raw(text: str) -> Callable[..., None]:
    return lambda sock, _: sock.sendall(text.encode("latin-1"))


def echoes(secrets: list[str]) -> dict[str, Any]:
    """Return responses that echo these secrets, by name. Where only one fits, it is the last."""
    joined = " ".join(secrets)
    last = secrets[-1]
    quoted = quote(last, safe="")

    def refusal(status: int, code: Any = 50000020) -> bytes:
        reasons = [{"code": code, "message": joined}]
        return respond_json({"success": False, "processId": joined, "requestId": joined, "reasons": reasons}, status)

    def headers(status: int, **named: str) -> bytes:
        document = {"success": status == 200, "entityConnections": []}
        return respond_json(document, status, {name.replace("_", "-"): value for name, value in named.items()})

    statuses = (200, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504)
    page = f"<html><body><p>{html.escape(joined)}</p></body></html>"
    return {
        **{f"body {status}": refusal(status) for status in statuses},
        **{f"body {name}": respond(400, encode(joined).encode()) for name, encode in ENCODINGS.items()},
        **{
            f"message {name}": respond(400, b'{"message": "%s"}' % ENCODINGS[name](joined).encode()) for name in IN_JSON
        },
        "code": refusal(400, joined),
        "many reasons": respond_json(
            {"success": False, "reasons": [{"code": n, "message": joined} for n in range(30)]}
        ),
        "failure with headers": respond_json(
            {"success": False, "reasons": [{"code": 50000020, "message": joined}]},
            200,
            {"X-Echo": joined, "Set-Cookie": f"ZSession={joined}", f"X-{KEY_SECRET}": "x"},
        ),
        "OAuth error": respond_json({"error": joined, "error_description": joined}, 400),
        "SOAP fault": respond_json({"faultcode": joined, "faultstring": joined}, 500),
        "HTML page": respond(502, page.encode(), {"Content-Type": "text/html"}),
        "text instead of JSON": respond(200, joined.encode()),
        "broken JSON": respond(200, f'{{"a": "{joined}'.encode()),
        "a list": respond_json([joined]),
        "a string": respond_json(joined),
        "broken UTF-8": respond(200, joined.encode() + b"\xff"),
        "ids": headers(400, Zuora_Request_Id=joined, Zuora_Track_Id=joined),
        "ids of a success": headers(200, Zuora_Request_Id=joined, Zuora_Track_Id=joined),
        "any header": headers(400, X_Echo=joined, WWW_Authenticate=joined, **{f"X_{KEY_SECRET}": "x"}),
        "cookies": headers(400, Set_Cookie=f"ZSession={joined}"),
        "limits": headers(429, Retry_After=joined, RateLimit_Limit=joined, RateLimit_Reset=joined),
        "redirect within": respond(307, b"", {"Location": f"https://me:{quoted}@example.com/{quoted}?x={quoted}"}),
        "redirect to": respond(302, b"", {"Location": f"https://{quoted}.example.com/"}),
        "coding": respond(200, b"x", {"Content-Encoding": last}),
        "charset": respond(400, b"x", {"Content-Type": f"text/plain; charset={last}"}),
        "reason phrase": respond(400, b"", reason=joined),
        "status line": _raw(f"HTTP/1.1 {joined}\r\n\r\n"),
        "invalid status line": _raw(f"{joined}\r\n\r\n"),
        "version": _raw(f"HTTP/{last} 200 OK\r\n\r\n"),
        "invalid header": _raw(f"HTTP/1.1 400 No\r\n{joined}\r\nContent-Length: 0\r\n\r\n"),
        "folded header": _raw(f"HTTP/1.1 400 No\r\nZuora-Request-Id: a\r\n {joined}\r\nContent-Length: 0\r\n\r\n"),
        "content length": _raw(f"HTTP/1.1 400 No\r\nContent-Length: {last}\r\n\r\n"),
        "cut error": _raw(f"HTTP/1.1 400 No\r\nContent-Length: 9999\r\n\r\n{joined}"),
        "cut success": _raw(f"HTTP/1.1 200 Yes\r\nContent-Length: 9999\r\n\r\n{joined}"),
        "cut chunks": _raw(f"HTTP/1.1 200 Yes\r\nTransfer-Encoding: chunked\r\n\r\n270f\r\n{joined}"),
        "chunk size": _raw(f"HTTP/1.1 200 Yes\r\nTransfer-Encoding: chunked\r\n\r\n{last}\r\n{joined}\r\n"),
        "trailers": _raw(f"HTTP/1.1 400 Yes\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{joined}"),
    }


IN_JSON = [name for name in ENCODINGS if "JSON" in name]
ECHOES = list(echoes(["x"]))


# -- output -----------------------------------------------------------------------------------------------------------


class Collector:
    """Collects all text that a person or a program could see."""

    def __init__(self) -> None:
        self.pieces: list[tuple[str, str]] = []

    def add(self, source: str, *texts: Any) -> None:
        self.pieces += [(source, text if isinstance(text, str) else repr(text)) for text in texts]

    def add_object(self, value: Any) -> None:
        """Add an object as print, format, repr and a debugger show it."""
        self.add(f"{type(value).__name__} as text", str(value), repr(value), f"{value}", f"{[value]}")

    def add_error(self, error: BaseException) -> None:
        """Add an error, its copies, its traceback, its causes and its contexts."""
        with contextlib.suppress(TypeError, pickle.PicklingError):
            # Errors of other libraries may not pickle.
            pickled = pickle.dumps(error)
            self.add("pickle", repr(pickled))
            self._add_one(pickle.loads(pickled))
        self._add_one(copy.copy(error))
        self.add("traceback", *traceback.format_exception(type(error), error, error.__traceback__))
        seen: set[int] = set()
        todo: list[BaseException | None] = [error]
        while todo:
            linked = todo.pop()
            if linked is not None and id(linked) not in seen:
                seen.add(id(linked))
                self._add_one(linked)
                todo += [linked.__cause__, linked.__context__]

    def _add_one(self, error: BaseException) -> None:
        self.add_object(error)
        self.add(f"parts of {type(error).__name__}", error.args, vars(error), getattr(error, "__notes__", ""))
        self.add("exception only", *traceback.format_exception_only(type(error), error))

    @contextlib.contextmanager
    def capturing(self) -> Iterator[None]:
        """Collect log records of all levels, printed text and warnings."""
        logs, printed = io.StringIO(), io.StringIO()
        handler = logging.StreamHandler(logs)
        handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
        loggers = [logging.getLogger(name) for name in (None, "zuora_client", "urllib3", "urllib3.connectionpool")]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
        loggers[0].addHandler(handler)
        try:
            with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stderr(printed):
                warnings.simplefilter("always")
                with contextlib.redirect_stdout(printed):
                    yield
        finally:
            loggers[0].removeHandler(handler)
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            self.add("log", logs.getvalue())
            self.add("printed", printed.getvalue())
            self.add("warning", *(str(warning.message) for warning in caught))

    @property
    def log(self) -> str:
        return "".join(text for source, text in self.pieces if source == "log")

    def assert_no_secrets(self) -> None:
        """Fail if any collected text contains a secret or a part of one."""
        assert self.pieces
        for source, text in self.pieces:
            lowered = text.lower()
            for trace in TRACES:
                assert trace not in lowered, f"{source}: ...{text[max(0, lowered.index(trace) - 300) :][:600]}"
