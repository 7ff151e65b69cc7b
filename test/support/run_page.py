"""Run the Python blocks of a page as a reader would, each line under its own number: run_page.py PAGE [--separately].

The blocks share one namespace and find a running emulator in ZUORA_HOST, ZUORA_CLIENT_ID and ZUORA_CLIENT_SECRET, a
client of the target alone in TARGET_CLIENT_ID and TARGET_CLIENT_SECRET, and the names `zuora`, `source_entity_id` and
`target_entity_id`; with --alone they find no names. With --separately each block has a namespace of its own, the
default configuration is the one of the environment, and there are the connections that the page speaks of.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import pages
from zuora_client import Configuration
from zuora_client.emulator import ZuoraEmulator

PENDING = ("8a808255575bdae401576a914a140420", "8a80825555a3c7a10155b54a63821c0d")
CONNECTED = "8a80825555a3c7a10155b466736c5c3f"


def namespace(zuora: ZuoraEmulator) -> dict[str, Any]:
    source, target = zuora.entities[:2]
    return {"__name__": "__main__", "zuora": zuora, "source_entity_id": source.id, "target_entity_id": target.id}


def main(page: str, *options: str) -> None:
    separately = "--separately" in options
    os.environ.pop("ZUORA_ENTITY_ID", None)
    with ZuoraEmulator() as zuora:
        root, americas, europe = zuora.entities
        os.environ.update(
            ZUORA_HOST=zuora.url, ZUORA_CLIENT_ID=zuora.client_id, ZUORA_CLIENT_SECRET=zuora.client_secret
        )
        other = zuora.add_client(americas)
        os.environ.update(TARGET_CLIENT_ID=other.client_id, TARGET_CLIENT_SECRET=other.client_secret)
        if separately:
            zuora.add_connection(americas, europe, "Pending", PENDING[0])
            zuora.add_connection(europe, americas, "Pending", PENDING[1])
            zuora.add_connection(root, europe, "Connected", CONNECTED)
            Configuration.set_default(Configuration.from_env())
        names = {"__name__": "__main__"} if "--alone" in options else namespace(zuora)
        for block in pages.blocks(Path(page), "python"):
            code = compile("\n" * (block.line - 1) + block.text, page, "exec", dont_inherit=True)
            exec(code, namespace(zuora) if separately else names)


if __name__ == "__main__":
    main(*sys.argv[1:])
