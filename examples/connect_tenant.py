"""Connect one entity of your tenant to another. The script only lists and connects; it never disconnects.

    export ZUORA_ENVIRONMENT=US_SANDBOX ZUORA_CLIENT_ID=... ZUORA_CLIENT_SECRET=...
    python examples/connect_tenant.py SOURCE_ENTITY_ID TARGET_ENTITY_ID

ZUORA_HOST may replace ZUORA_ENVIRONMENT, and ZUORA_ACCESS_TOKEN the id and the secret. Both entities must be selected
for the OAuth client. It is safe to run the script again: an existing connection is left alone.
"""

from __future__ import annotations

import argparse
import sys

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi, Hierarchy, ensure_connected


def main() -> int:
    parser = argparse.ArgumentParser(description="Connect one entity of a Zuora tenant to another.")
    parser.add_argument("source_entity_id", help="the entity that shares; with or without hyphens")
    parser.add_argument("target_entity_id", help="the entity that it shares with")
    arguments = parser.parse_args()
    try:
        configuration = Configuration.from_env()
        if configuration.credentials_kind == "none":
            parser.error("set ZUORA_CLIENT_ID and ZUORA_CLIENT_SECRET, or ZUORA_ACCESS_TOKEN")
        with ApiClient(configuration) as client:
            print(f"Zuora at {configuration.host}")
            connect(client, arguments.source_entity_id, arguments.target_entity_id)
    except ValueError as error:
        parser.error(str(error))
    except ApiException as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def connect(client: ApiClient, source: str, target: str) -> None:
    hierarchy = Hierarchy.load(client)
    for entity_id in (source, target):
        print(f"  {entity_id}  {hierarchy.name_of(entity_id) or '(not in the list of entities)'}")
    result = ensure_connected(EntityConnectionsApi(client), source, target, on_step=print)
    print("Connected." if result.changed else "Already connected, nothing to do.")


if __name__ == "__main__":
    sys.exit(main())
