"""`python -m zuora_client.emulator`: print how to reach an emulator, serve until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any, TextIO

from .._version import __version__
from . import Fault, FaultPlan, ZuoraEmulator, faults
from .exchange import Exchange

# Their arguments cannot be written as text.
_NOT_ON_THE_COMMAND_LINE = ("extra_bytes", "rewrite_body")

_FAULTS: dict[str, Callable[..., Fault]] = {
    name: getattr(faults, name) for name in faults.__all__ if name not in ("Fault", *_NOT_ON_THE_COMMAND_LINE)
}
_RULE_KEYS = ("method", "path", "nth", "times", "probability")

_EPILOG = f"""\
A fault is NAME or NAME:KEY=VALUE,KEY=VALUE. The keys {", ".join(_RULE_KEYS)}
select the requests that fail; without them every request does. The other keys are
arguments of the fault. A value is JSON, or text, and contains no comma.

  --fault html_error:status=503,probability=0.05
  --fault reset_after_commit:method=POST,nth=3
  --fault delay:seconds=2,path=/v1/entity-connections/*/accept
  --fault token_limit:limit=5,window=10

The faults and their arguments, which docs/testing.md describes:
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    if (options.client_id is None) != (options.client_secret is None):
        parser.error("--client-id and --client-secret must be given together")
    stopped = threading.Event()
    errors: list[str] = []

    def fail(message: str) -> None:
        errors.append(message)
        stopped.set()

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda _signum, _frame: stopped.set())
    with contextlib.ExitStack() as cleanup:
        try:
            zuora = ZuoraEmulator(
                options.entity or (3 if options.entities is None else options.entities),
                host=options.host,
                port=options.port,
                client_id=options.client_id,
                client_secret=options.client_secret,
            )
            if options.request_log:
                log = cleanup.enter_context(_open_log(options.request_log))
                zuora.faults.add(_log_requests(log, fail))  # the first rule, so it sees every request
            for number, text in enumerate(options.fault):
                # Each rule has its own seed: with the same one, all would draw the same numbers.
                _add_fault(zuora.faults, text, None if options.seed is None else options.seed + number)
            cleanup.enter_context(zuora)
        except (ValueError, OSError, OverflowError) as error:
            parser.error(str(error))
        print(_describe(zuora), flush=True)
        stopped.wait()
    if errors:
        print(errors[0], file=sys.stderr)
        return 1
    return 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m zuora_client.emulator",
        description="Serve an emulated Zuora tenant until Ctrl-C. Prints the settings of a client as shell commands.",
        epilog=_EPILOG + _describe_faults(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port (default: a free one)")
    entities = parser.add_mutually_exclusive_group()
    entities.add_argument("--entities", type=int, help="number of entities, 1 to 512 (default: 3)")
    entities.add_argument(
        "--entity", action="append", metavar="NAME", help="name of an entity; repeatable, the first is the root"
    )
    parser.add_argument("--client-id", help="id of the OAuth client, 36 characters (default: a random one)")
    parser.add_argument("--client-secret", help="its secret, 1 to 42 characters (default: a random one)")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME[:ARGS]", help="a fault, see below; repeatable"
    )
    parser.add_argument("--seed", type=int, help="makes the draws of faults with a probability the same in every run")
    parser.add_argument(
        "--request-log",
        metavar="FILE",
        help="append a line for each request: method, path, status, entity, fault; '-' is standard output",
    )
    return parser


def _describe_faults() -> str:
    lines: list[str] = []
    for name, function in _FAULTS.items():
        parameters = inspect.signature(function).parameters.values()
        arguments = [p.name if p.default is p.empty else f"{p.name}={json.dumps(p.default)}" for p in parameters]
        lines.append(f"  {name} {', '.join(arguments)}".rstrip())
    return "\n".join(lines)


def _add_fault(plan: FaultPlan, text: str, seed: int | None) -> None:
    name, _, arguments = text.partition(":")
    if name not in _FAULTS:
        raise ValueError(f"--fault {text}: there is no fault {name!r}; the faults are {', '.join(_FAULTS)}")
    values: dict[str, Any] = {}
    for argument in arguments.split(",") if arguments else ():
        key, equals, value = argument.partition("=")
        if not equals:
            raise ValueError(f"--fault {text}: expected KEY=VALUE, not {argument!r}")
        try:
            values[key] = json.loads(value)
        except ValueError:
            values[key] = value
    rule = {key: values.pop(key) for key in _RULE_KEYS if key in values}
    try:
        plan.add(_FAULTS[name](**values), seed=seed, **rule)
    except (TypeError, ValueError) as error:
        raise ValueError(f"--fault {text}: {error}") from None


@contextlib.contextmanager
def _open_log(path: str) -> Generator[TextIO]:
    if path == "-":
        yield sys.stdout
        return
    log = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below, and an error of close() is suppressed
    try:
        yield log
    finally:
        with contextlib.suppress(OSError):  # every line was flushed: an error was reported before
            log.close()


def _log_requests(log: TextIO, failed: Callable[[str], None]) -> Fault:
    """Return a fault that lets every request pass, and writes a line when its exchange is over.

    Args:
        failed: called with an error message if a line cannot be written.
    """
    lock = threading.Lock()

    def act(exchange: Exchange) -> None:
        request = exchange.request
        try:
            exchange.proceed()
        finally:
            path = request.path.encode("unicode_escape").decode("ascii")  # no control character reaches a terminal
            fields = [request.method, path, str(request.status or "-"), request.entity_id or "-", request.fault or ""]
            try:
                with lock:
                    log.write(" ".join(fields).rstrip() + "\n")
                    log.flush()
            except OSError as error:
                failed(f"the request log cannot be written: {error}")

    return Fault("request_log", act)


def _describe(zuora: ZuoraEmulator) -> str:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in zuora.environ.items()]
    lines += [f"# entity {entity.id} {entity.name}" for entity in zuora.entities]
    return "\n".join([*lines, "# Press Ctrl-C to stop."])


if __name__ == "__main__":
    sys.exit(main())
