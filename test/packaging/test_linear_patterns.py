"""Every regular expression of the package, and what surrounds it, takes time in proportion to its input.

The patterns are found in the source, so that a new one is tested too. CPU time of sizes is compared with each other,
never with a clock: a quadratic pattern needs four times as long for twice the input.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import itertools
import re
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.in_memory import InMemoryClient

import zuora_client
from zuora_client._base import parameters, text
from zuora_client._call import redaction, response_errors
from zuora_client._codec import serialization
from zuora_client._http import error_mapping, http1
from zuora_client._http.response import RESTResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALL, LARGE = 2_500, 20_000
# Linear work takes 8 times as long for the large input, quadratic work 64 times.
MAX_RATIO = 24
# Below these, times are noise. Quadratic work exceeds them by far.
NOISE_SMALL, NOISE_LARGE = 0.001, 0.05
PACKAGE = Path(zuora_client.__file__).parent
# Modules that build a pattern from other text: their functions are tested below.
BUILDING_PATTERNS = {"zuora_client._call.redaction"}


def assert_linear(work: Callable[[Any], object], make: Callable[[int], Any]) -> None:
    """Fail if the large input takes out of proportion longer than the small one, twice."""
    for _ in range(2):
        small = max(_seconds(work, make(SMALL)), NOISE_SMALL)
        large = _seconds(work, make(LARGE))
        if large <= max(NOISE_LARGE, MAX_RATIO * small):
            return
    raise AssertionError(f"{small:.3f} s for {SMALL} characters, {large:.3f} s for {LARGE}")


def _seconds(work: Callable[[Any], object], argument: Any) -> float:
    start = time.thread_time()
    with contextlib.suppress(Exception):
        work(argument)
    return time.thread_time() - start


def _patterns() -> Iterator[tuple[str, str, Any, str]]:
    """Yield (module, function of re, pattern, flags) of each use of a regular expression in the source."""
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        name = ".".join(("zuora_client", *relative.with_suffix("").parts)).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        for call in calls:
            function = ast.unparse(call.func)
            if call.args and (function == "_pattern" or re.fullmatch(r"re\.(?!escape).*", function)):
                if isinstance(call.args[0], ast.Name) and call.args[0].id == "pattern":
                    continue  # the body of _pattern
                if not isinstance(call.args[0], (ast.Constant, ast.Name)):
                    assert name in BUILDING_PATTERNS
                    continue
                flags = next((ast.unparse(key.value) for key in call.keywords if key.arg == "flags"), "")
                flags = flags or (ast.unparse(call.args[-1]) if "re." in ast.unparse(call.args[-1]) else "0")
                pattern = eval(ast.unparse(call.args[0]), vars(importlib.import_module(name)))
                yield name, function, pattern, flags


PATTERNS = list(_patterns())


def test_patterns_are_found() -> None:
    modules = {name for name, *_ in PATTERNS}
    assert {"zuora_client._http.http1", "zuora_client._base.text", "zuora_client._codec.serialization"} <= modules
    assert {http1._STATUS_LINE, http1._FIELD_LINES, http1._CHUNK_LINE} <= {pattern for _, _, pattern, _ in PATTERNS}


@pytest.mark.parametrize(
    ("module", "function", "pattern", "flags"), PATTERNS, ids=[f"{m.split('.')[-1]}-{p}" for m, _, p, _ in PATTERNS]
)
def test_pattern_is_linear(module: str, function: str, pattern: Any, flags: str) -> None:
    """Repetitions of what the pattern names, behind its words, with an end that it does not match."""
    del module
    is_bytes = isinstance(pattern, bytes)
    source = pattern.decode("latin-1") if is_bytes else pattern
    compiled = re.compile(pattern, eval(flags, {"re": re}))
    uses: dict[str, Callable[[Any], object]] = {
        "re.match": compiled.match,
        "re.search": compiled.search,
        "re.findall": compiled.findall,
        "_pattern": lambda subject: (compiled.fullmatch(subject), compiled.findall(subject)),
        "re.sub": lambda subject: compiled.sub(b"" if is_bytes else "", subject),
    }
    work = uses.get(function, compiled.fullmatch)
    named = [character for character in dict.fromkeys(source) if not character.isalnum()]
    units = [*"aA0 \t\\", *named, *map("".join, itertools.permutations([*"a0 \\", *named[:4]], 2))]
    words = [word for word in re.findall(r"[A-Za-z<!&#/]{2,}[=:([]?", source) if len(word) > 2]
    for prefix, unit, suffix in itertools.product(["", "1", "a", *words[:3]], dict.fromkeys(units), ["", "\x00x"]):

        def make(size: int, prefix: str = prefix, unit: str = unit, suffix: str = suffix) -> Any:
            subject = prefix + unit * (size // len(unit)) + suffix
            return subject.encode("latin-1") if is_bytes else subject

        assert_linear(work, make)


# -- functions --------------------------------------------------------------------------------------------------------

UNITS = [
    "a",
    "0",
    "A",
    "token=",
    "bearer ",
    "&#",
    "&#0",
    "%5c",
    "+",
    "aa aa",
    " ",
    "\t",
    ",",
    ";",
    "=",
    "-",
    "<",
    "<!--",
    "&",
    "\\",
    '"',
    "a ",
    "0,",
    "1:",
    "aA",
    "charset=",
    "[{",
]
PREFIXES = ["", "2020-01-01T00:00:00.", "timeout=", "token", "1"]
FUNCTIONS: dict[str, Callable[[str], object]] = {
    "is_header_name": parameters.is_header_name,
    "header_text": lambda value: parameters.header_text("name", value),
    "path_segment": lambda value: parameters.path_segment("name", value),
    "with_hyphens": parameters.with_hyphens,
    "body_excerpt": text.body_excerpt,
    "single_line": text.single_line,
    "decode_text": lambda value: serialization.decode_text(b"", value),
    "parse_json": lambda value: serialization.parse_json(value.encode()),
    "parse_json of text": lambda value: serialization.parse_json(b'"' + value.encode() + b'"'),
    "datetime": serialization.converter("datetime"),
    "date": serialization.converter("date"),
    "int": serialization.converter("int"),
    "float": serialization.converter("float"),
    "Keep-Alive": lambda value: http1._keep_alive_timeout([value]),
    "Content-Length": lambda value: http1._content_length([value]),
    "message of an error": lambda value: error_mapping._message(Exception(value)),
    "RateLimit-Limit": response_errors._limits,
    "Retry-After": response_errors._seconds,
    "HTTP date": response_errors._timestamp,
    "Location": lambda value: response_errors._redirect(RESTResponse(302, "x", {"Location": value}, b"")),
    "unknown tokens": redaction._withhold_tokens,
    "secret": lambda value: redaction.Redactor([value]),
    "short secrets": redaction.Redactor(["a", "aa", "0a", "+", "\\"]),
    **{
        f"redaction of {secret}": redaction.Redactor([secret])
        for secret in (
            "plain-secret",
            "back\\slash",
            "back\\\\\\\\slashes",
            '"quotes""',
            "& <html>",
            "+/=&% 's",
            "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac",
            "aaaaaaaaaaaaaaaaaaaaaaab",
        )
    },
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_linear(name: str) -> None:
    for prefix, unit, suffix in itertools.product(PREFIXES, UNITS, ["", "x"]):
        assert_linear(FUNCTIONS[name], partial(_repeat, prefix, unit, suffix))


def _repeat(prefix: str, unit: str, suffix: str, size: int) -> str:
    return prefix + unit * (size // len(unit)) + suffix


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WIRE_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "status line": lambda data: b"HTTP/1.1 200 " + data + b"\r\n\r\n",
    "header": lambda data: b"HTTP/1.1 200 OK\r\nX-A: " + data + b"\x00\r\n\r\n",
    "header name": lambda data: b"HTTP/1.1 200 OK\r\n" + data + b"\r\n\r\n",
    "folded header": lambda data: b"HTTP/1.1 200 OK\r\nX-A: b\r\n " + data + b"\x00\r\n\r\n",
    "Content-Length": lambda data: b"HTTP/1.1 200 OK\r\nContent-Length: " + data + b"\r\n\r\n",
    "Connection": lambda data: b"HTTP/1.1 204 OK\r\nConnection: " + data + b"\r\n\r\n",
    "Keep-Alive": lambda data: b"HTTP/1.1 204 OK\r\nKeep-Alive: " + data + b"\r\n\r\n",
    "chunk size": lambda data: CHUNKED + data + b"\r\n",
    "chunk extension": lambda data: CHUNKED + b"1;" + data + b"\n",
    "trailer": lambda data: CHUNKED + b"0\r\nX-A: " + data + b"\x00\r\n\r\n",
}


@pytest.mark.parametrize("form", WIRE_FORMS)
def test_reading_a_response_is_linear(form: str) -> None:
    client = InMemoryClient()
    for unit in (b"a", b"0", b" ", b"\t", b",", b"1,", b";", b"\\", b"timeout=", b" ;"):
        assert_linear(client.accept, partial(_wire_form, form, unit))


def _wire_form(form: str, unit: bytes, size: int) -> bytes:
    return WIRE_FORMS[form](unit * (size // len(unit)))
