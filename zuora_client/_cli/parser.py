"""The arguments of the command-line tool, and its help."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any, NoReturn

from .._version import __version__
from .console import OutputError, write

_DESCRIPTION = """\
List, plan, connect and disconnect the entities of a Zuora tenant.

The source is the entity that shares, the target is the entity that it shares
with. SOURCE, TARGET and ENTITY are names or ids."""

_EPILOG = """\
start here:
  export ZUORA_ENVIRONMENT=US_SANDBOX ZUORA_CLIENT_ID=... ZUORA_CLIENT_SECRET=...
  zuora-connections doctor
  zuora-connections entities
  zuora-connections plan connections.csv

settings, as environment variables:
  ZUORA_ENVIRONMENT    data center: US, US_SANDBOX, US_CLOUD_1, EU, AP, ...
  ZUORA_HOST           base URL, instead of ZUORA_ENVIRONMENT
  ZUORA_CLIENT_ID      OAuth client
  ZUORA_CLIENT_SECRET  its secret
  ZUORA_ACCESS_TOKEN   a token, instead of client id and secret
  ZUORA_ENTITY_ID      the entity of calls that name none
  ZUORA_PROXY          URL of a proxy
  ZUORA_CA_BUNDLE      file with the certificates to trust
  ZUORA_TRUST_ENV      true: read HTTPS_PROXY, HTTP_PROXY and NO_PROXY

exit status:
  0    done
  1    refused, incomplete, declined, or Zuora cannot be reached
  2    wrong usage, settings or input file; nothing was changed
  3    a write may or may not have been done: list the connections
  130  interrupted by Ctrl-C

COMMAND --help shows an example of each command."""

_FILE_FORMATS = """\
FILE is CSV in UTF-8, with this header:

  source,target
  Acme Corporation,Acme-Americas
  Acme Corporation,8a80825556ff28a4015708ba29312ecc

or JSON:

  [{"source": "Acme Corporation", "target": "Acme-Americas"}]"""

_MAX_WORKERS = 64


def make_parser() -> _Parser:
    """Return the parser. `command` of its result is the name of the command, or None."""
    parser = _Parser(
        prog="zuora-connections",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        parents=[_common_options(default=False)],
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    # Not given after the command, an option must not reset the one before it.
    common = _common_options(default=argparse.SUPPRESS)

    def add(name: str, summary: str, text: str, example: str) -> _Parser:
        epilog = f"example:\n  zuora-connections {example}"
        return commands.add_parser(name, help=summary, description=text, epilog=epilog, parents=[common])

    add(
        "doctor",
        "find out why calls fail",
        "Check settings, name resolution, TLS, proxy, clock, token, entities and limits, one\n"
        "line each, with what to do. Changes nothing. The output contains no secret: paste it\n"
        "into a ticket.",
        "doctor",
    )
    add("entities", "list the entities of the tenant", "List the entities: id and name, children below.", "entities")
    listing = add(
        "list",
        "list the connections of an entity",
        "List the connections whose source or target is the entity.",
        'list "Acme Corporation"',
    )
    listing.add_argument("entity", nargs="?", metavar="ENTITY", help="default: the entity that the token acts in")
    connect = add(
        "connect",
        "connect a source to a target",
        "Request a connection as the source and accept it as the target. Does what is missing:\n"
        "an existing connection is left alone.",
        'connect "Acme Corporation" Acme-Americas',
    )
    _add_pair(connect)
    _add_yes(connect)
    disconnect = add(
        "disconnect",
        "disconnect a source from a target; cannot be undone",
        "Disconnect a source from a target, or deny its pending request. This cannot be undone:\n"
        "if the source has shared objects (products, accounting periods) with the target, the\n"
        "mapping between them is permanently lost, and only the target controls them.",
        'disconnect "Acme Corporation" Acme-Americas --break-sharing',
    )
    _add_pair(disconnect)
    disconnect.add_argument("--break-sharing", action="store_true", help="required: the sharing is broken for good")
    _add_yes(disconnect)
    plan = add(
        "plan",
        "show what is missing to connect the pairs of a file",
        f"Show which pairs of a file are not connected. Changes nothing.\n\n{_FILE_FORMATS}",
        "plan connections.csv",
    )
    _add_file(plan)
    apply = add(
        "apply",
        "connect the pairs of a file",
        "Connect the pairs of a file that are not connected. Never disconnects. Run it again after\n"
        f"a failure: it does what is missing.\n\n{_FILE_FORMATS}",
        "apply connections.csv --yes",
    )
    _add_file(apply)
    _add_yes(apply)
    apply.add_argument(
        "--workers", type=_workers, default=8, metavar="N", help="number of calls at the same time, 1 to 64 (default 8)"
    )
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser that accepts no abbreviated options: ``--break`` must not stand for ``--break-sharing``."""

    def __init__(self, **settings: object) -> None:
        super().__init__(
            **settings,  # type: ignore[arg-type]
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        kind, _, extra = message.partition(": ")
        if kind == "unrecognized arguments" and not extra.startswith("-"):
            message += ' (put names with spaces in quotes: "Acme Corporation")'
        super().error(message)

    def _print_message(self, message: str, file: Any = None) -> None:
        # Before Python 3.11 a closed pipe would raise here, and in later versions at the end of the process.
        with contextlib.suppress(OutputError):
            write(file or sys.stderr, message, end="")


def _common_options(*, default: object) -> _Parser:
    options = _Parser(add_help=False)
    options.add_argument("--json", action="store_true", default=default, help="print one JSON document")
    options.add_argument(
        "--debug", action="store_true", default=default, help="log each attempt, and show tracebacks; no secrets"
    )
    return options


def _add_pair(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the entity that shares")
    parser.add_argument("target", metavar="TARGET", help="the entity that it shares with")


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the wanted pairs")


def _add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes", action="store_true", help="do not ask; otherwise the answer is read from standard input"
    )


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {_MAX_WORKERS}, not {text!r}")
    return int(text)
