"""Make sure that one entity of your tenant is connected to another. It lists and connects, and nothing else.

    export ZUORA_ENVIRONMENT=US_SANDBOX ZUORA_CLIENT_ID=... ZUORA_CLIENT_SECRET=...
    python examples/connect_tenant.py SOURCE_ENTITY_ID TARGET_ENTITY_ID

ZUORA_HOST takes the place of ZUORA_ENVIRONMENT, ZUORA_ACCESS_TOKEN that of id and secret. The OAuth client must be made
for both entities. Safe to run again: what is connected already is left as it is.
"""

from __future__ import annotations

import argparse
import sys

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi, ensure_connected


def main() -> int:
    parser = argparse.ArgumentParser(description="Connect one entity of a Zuora tenant to another.")
    parser.add_argument("source_entity_id", help="the entity that shares; with or without hyphens")
    parser.add_argument("target_entity_id", help="the entity that is shared to")
    arguments = parser.parse_args()
    try:
        configuration = Configuration.from_env()
        if configuration.credentials == "none":
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
    answer = client.call_api("/v1/entities", "GET", response_type="object", _return_http_data_only=True)
    names = {entity["id"]: entity["name"] for entity in answer.get("entities", ())}
    for entity_id in (source, target):
        print(f"  {entity_id}  {names.get(entity_id.replace('-', '').lower(), '(not in the list of entities)')}")
    result = ensure_connected(EntityConnectionsApi(client), source, target, on_step=print)
    print("Connected." if result.changed else "Connected already, nothing to do.")


if __name__ == "__main__":
    sys.exit(main())
