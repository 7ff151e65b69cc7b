"""The entry point: parse the arguments, run the command, turn each failure into a text and an exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..exceptions import ApiException
from . import errors
from .console import Console, OutputError
from .parser import make_parser

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence
    from typing import Any


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command-line tool; return its exit status."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return errors.USAGE
    console = Console(is_json=arguments.json)
    try:
        return _find_command(arguments.command)(arguments, console)
    except (Exception, KeyboardInterrupt) as error:
        return _report(error, arguments, console)


def _find_command(name: str) -> Callable[[Namespace, Console], int]:
    # Imported here: help and wrong usage need neither reconciliation nor the checks.
    if name == "doctor":
        from .doctor import doctor

        return doctor
    from .commands import COMMANDS

    return COMMANDS[name]


def _report(error: BaseException, arguments: Namespace, console: Console) -> int:
    """Print what a command raised; return the exit status."""
    if arguments.debug:
        # Imported here: it costs start-up time.
        import traceback

        console.note("".join(traceback.format_exception(error)))
    status, text = _describe(error, arguments.command, console)
    console.note(text)
    if console.is_json and not isinstance(error, OutputError):
        document: dict[str, Any] = {"error": type(error).__name__, "summary": text.partition("\n")[0]}
        if isinstance(error, ApiException):
            document = error.to_dict()
        console.result("", {"error": document})
    return status


def _describe(error: BaseException, command: str, console: Console) -> tuple[int, str]:
    if isinstance(error, KeyboardInterrupt):
        return errors.INTERRUPTED, f"Interrupted. {console.if_interrupted}"
    if isinstance(error, ApiException):
        doctor = "\nRun `zuora-connections doctor` to find the cause." if errors.concerns_all_calls(error) else ""
        return errors.exit_status(error), str(error).rstrip() + doctor
    if isinstance(error, (errors.UsageError, OutputError)):
        status = errors.USAGE if isinstance(error, errors.UsageError) else errors.FAILED
        return status, f"zuora-connections {command}: error: {error}"
    what = f"{type(error).__name__}: {error}"
    return errors.FAILED, f"zuora-connections {command}: unexpected error: {what} (--debug shows where)"
