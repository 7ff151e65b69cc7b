"""Marked secrets, a server that says them all back, and a collector of everything that comes out of a client."""

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

from .scripted import answer, json_answer

# Put together here, so that no line of a test's source, which tracebacks show, holds it.
MARK = "".join(("CAN", "ARY"))


def secret(name: str, tail: str = "") -> str:
    """A secret that is marked at both ends, so that a part of it is found too."""
    return f"{MARK}{name}{tail}{name}{MARK}"


CLIENT_SECRET = secret("cs", "+/=&% ~'\"<")
TOKEN = secret("tk", "-._~+/==")
GIVEN_TOKEN = secret("gt", ".eyJh.")
KEY_ID, KEY_SECRET = secret("ki"), secret("ks", "+/")
COOKIE = f"theme=dark; ZSession={secret('ck', '/')}; path=x"
PASSWORD = secret("pw", ":@/%&")
PROXY_PASSWORD = secret("px", "@:/%+")
OWN = f"Bearer {secret('ow', '=&')}"
POISON = secret("po", "\r\nX-Evil: 1\r\n")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BASIC = "Basic " + _base64(f"me:{PASSWORD}")
PROXY_BASIC = "Basic " + _base64(f"me:{PROXY_PASSWORD}")
COOKIE_VALUE = COOKIE.split("=")[2].partition(";")[0]
# What must be nowhere, in lower case.
TRACES = (MARK.lower(), BASIC[16:-8].lower(), PROXY_BASIC[16:-8].lower())


# -- a server that gives everything away ------------------------------------------------------------------------------

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
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
    "in JSON by number": lambda text: "".join(f"\\u{ord(c):04X}" if not c.isalnum() else c for c in text),
    "in JSON with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "in capitals": str.upper,
    "as a repr": lambda text: repr(text)[1:-1],
}


def _cut(text: str) -> Callable[..., None]:
    return lambda sock, _: sock.sendall(text.encode("latin-1"))


def echoes(secrets: list[str]) -> dict[str, Any]:
    """Every way of saying these secrets back, by name. The last secret is said where there is room for one only."""
    all_ = " ".join(secrets)
    one = secrets[-1]
    quoted = quote(one, safe="")

    def refusal(status: int, code: Any = 50000020) -> bytes:
        reasons = [{"code": code, "message": all_}]
        return json_answer({"success": False, "processId": all_, "requestId": all_, "reasons": reasons}, status)

    def headers(status: int, **named: str) -> bytes:
        document = {"success": status == 200, "entityConnections": []}
        return json_answer(document, status, {name.replace("_", "-"): value for name, value in named.items()})

    statuses = (200, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504)
    page = f"<html><body><p>{html.escape(all_)}</p></body></html>"
    return {
        **{f"body {status}": refusal(status) for status in statuses},
        **{f"body {how}": answer(400, spell(all_).encode()) for how, spell in SPELLINGS.items()},
        **{
            f"body with text {how}": answer(400, b'{"message": "%s"}' % SPELLINGS[how](all_).encode())
            for how in IN_JSON
        },
        "code": refusal(400, all_),
        "many reasons": json_answer({"success": False, "reasons": [{"code": n, "message": all_} for n in range(30)]}),
        "OAuth words": json_answer({"error": all_, "error_description": all_}, 400),
        "SOAP words": json_answer({"faultcode": all_, "faultstring": all_}, 500),
        "page": answer(502, page.encode(), {"Content-Type": "text/html"}),
        "text for JSON": answer(200, all_.encode()),
        "broken JSON": answer(200, f'{{"a": "{all_}'.encode()),
        "another container": json_answer([all_]),
        "another type": json_answer(all_),
        "broken UTF-8": answer(200, all_.encode() + b"\xff"),
        "ids": headers(400, Zuora_Request_Id=all_, Zuora_Track_Id=all_),
        "ids of a yes": headers(200, Zuora_Request_Id=all_, Zuora_Track_Id=all_),
        "any header": headers(400, X_Echo=all_, WWW_Authenticate=all_, **{f"X_{KEY_ID}": "x"}),
        "cookies": headers(400, Set_Cookie=f"ZSession={all_}"),
        "hints": headers(429, Retry_After=all_, RateLimit_Limit=all_, RateLimit_Reset=all_),
        "redirect within": answer(307, b"", {"Location": f"https://me:{quoted}@example.com/{quoted}?x={quoted}"}),
        "redirect to": answer(302, b"", {"Location": f"https://{quoted}.example.com/"}),
        "coding": answer(200, b"x", {"Content-Encoding": one}),
        "charset": answer(400, b"x", {"Content-Type": f"text/plain; charset={one}"}),
        "reason phrase": answer(400, b"", reason=all_),
        "status line": _cut(f"HTTP/1.1 {all_}\r\n\r\n"),
        "no status line": _cut(f"{all_}\r\n\r\n"),
        "version": _cut(f"HTTP/{one} 200 OK\r\n\r\n"),
        "no header": _cut(f"HTTP/1.1 400 No\r\n{all_}\r\nContent-Length: 0\r\n\r\n"),
        "folded header": _cut(f"HTTP/1.1 400 No\r\nZuora-Request-Id: a\r\n {all_}\r\nContent-Length: 0\r\n\r\n"),
        "length": _cut(f"HTTP/1.1 400 No\r\nContent-Length: {one}\r\n\r\n"),
        "cut": _cut(f"HTTP/1.1 400 No\r\nContent-Length: 9999\r\n\r\n{all_}"),
        "cut yes": _cut(f"HTTP/1.1 200 Yes\r\nContent-Length: 9999\r\n\r\n{all_}"),
        "cut chunks": _cut(f"HTTP/1.1 200 Yes\r\nTransfer-Encoding: chunked\r\n\r\n270f\r\n{all_}"),
        "size of a chunk": _cut(f"HTTP/1.1 200 Yes\r\nTransfer-Encoding: chunked\r\n\r\n{one}\r\n{all_}\r\n"),
        "trailers": _cut(f"HTTP/1.1 400 Yes\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{all_}"),
    }


IN_JSON = [how for how in SPELLINGS if "JSON" in how]
ECHOES = list(echoes(["x"]))


# -- everything that comes out ----------------------------------------------------------------------------------------


class Collector:
    """Takes whatever a person or a program could see, as text. `check` fails when a secret is in it."""

    def __init__(self) -> None:
        self.pieces: list[tuple[str, str]] = []

    def add(self, where: str, *texts: Any) -> None:
        self.pieces += [(where, text if isinstance(text, str) else repr(text)) for text in texts]

    def see(self, thing: Any) -> None:
        """Look at an object as print, format, repr and a debugger do."""
        self.add(f"{type(thing).__name__} as text", str(thing), repr(thing), f"{thing}", f"{[thing]}")

    def error(self, error: BaseException) -> None:
        """Look at an error, at copies of it, and at all that it is linked with."""
        with contextlib.suppress(TypeError, pickle.PicklingError):
            # What cannot be pickled, such as a foreign error, leaves none.
            pickled = pickle.dumps(error)
            self.add("pickle", repr(pickled))
            self._one(pickle.loads(pickled))
        self._one(copy.copy(error))
        self.add("traceback", *traceback.format_exception(type(error), error, error.__traceback__))
        seen: set[int] = set()
        todo: list[BaseException | None] = [error]
        while todo:
            linked = todo.pop()
            if linked is not None and id(linked) not in seen:
                seen.add(id(linked))
                self._one(linked)
                todo += [linked.__cause__, linked.__context__]

    def _one(self, error: BaseException) -> None:
        self.see(error)
        kind = type(error).__name__
        self.add(f"parts of {kind}", error.args, vars(error), getattr(error, "__notes__", ""))
        self.add("only the exception", *traceback.format_exception_only(type(error), error))

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Take what is logged by anybody at any level, printed, or warned of."""
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
        return "".join(text for where, text in self.pieces if where == "log")

    def check(self) -> None:
        """Fail when anything shows a secret, or a part of one."""
        assert self.pieces
        for where, text in self.pieces:
            lowered = text.lower()
            for trace in TRACES:
                assert trace not in lowered, f"{where}: ...{text[max(0, lowered.index(trace) - 300) :][:600]}"
