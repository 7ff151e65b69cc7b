"""`python -m zuora_client.emulator`: print the URL and credentials of an emulator, serve until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from . import ZuoraEmulator


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m zuora_client.emulator", description="Serve an emulated Zuora tenant until Ctrl-C."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port (default: a free one)")
    parser.add_argument("--entities", type=int, default=3, help="number of entities, 1 to 512 (default: %(default)s)")
    options = parser.parse_args(argv)

    stopped = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda _signum, _frame: stopped.set())
    try:
        zuora = ZuoraEmulator(options.entities, host=options.host, port=options.port).start()
    except (ValueError, OSError, OverflowError) as error:
        parser.error(str(error))
    try:
        print(_describe(zuora), flush=True)
        stopped.wait()
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
    return "\n".join(f"{label:<{width}}  {value}" for label, value in rows) + "\n\nPress Ctrl-C to stop."


if __name__ == "__main__":
    sys.exit(main())
