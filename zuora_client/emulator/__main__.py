"""``python -m zuora_client.emulator``: serve until Ctrl-C or SIGTERM, and say how to reach it."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from . import ZuoraEmulator


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m zuora_client.emulator", description="Serve an embedded Zuora tenant until Ctrl-C."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port (default: one that is free)")
    parser.add_argument(
        "--entities", type=int, default=3, help="size of the hierarchy, 1 to 512 (default: %(default)s)"
    )
    options = parser.parse_args(argv)

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    try:
        zuora = ZuoraEmulator(options.entities, host=options.host, port=options.port).start()
    except (ValueError, OSError, OverflowError) as error:
        parser.error(str(error))
    try:
        print(_describe(zuora), flush=True)
        ended.wait()
    finally:
        zuora.stop()
    return 0


def _describe(zuora: ZuoraEmulator) -> str:
    rows = [
        ("URL", zuora.url),
        ("Client id", zuora.client_id),
        ("Client secret", zuora.client_secret),
        *((f"Entity {entity.name}", entity.id) for entity in zuora.entities),
    ]
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in rows) + "\n\nCtrl-C ends it."


if __name__ == "__main__":
    sys.exit(main())
