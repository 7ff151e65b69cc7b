"""Run the Python blocks of a page, with the line numbers of the page: run_page.py PAGE [--alone | --separately].

The blocks share one namespace with the names `zuora`, `source_entity_id` and `target_entity_id`. ZUORA_HOST,
ZUORA_CLIENT_ID and ZUORA_CLIENT_SECRET point to a running emulator; TARGET_CLIENT_ID and TARGET_CLIENT_SECRET are a
client of the target only. Pages that use REDIS_URL find a running server there.

With --alone the namespace is empty. With --separately each block has its own namespace, the default configuration is
that of the environment, and the connections that the page mentions exist.
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
        target_client = zuora.add_client(americas)
        os.environ.update(TARGET_CLIENT_ID=target_client.client_id, TARGET_CLIENT_SECRET=target_client.client_secret)
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
