"""Connect two Zuora entities, show the error of a repeated step, disconnect them again, and do it by command line.

    scripts/demo

The demo starts an emulated Zuora on this machine and calls it as a script would call a tenant, over real HTTP with
OAuth. It reads no environment variables, so ZUORA_HOST and the like cannot direct it to a tenant.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

from zuora_client import (
    ApiClient,
    ApiException,
    Configuration,
    EntityConnectionsApi,
    Hierarchy,
    ensure_connected,
    ensure_disconnected,
    plan_connections,
)
from zuora_client.emulator import ZuoraEmulator


def main() -> None:
    with ZuoraEmulator(entities=4) as zuora:
        configuration = Configuration(host=zuora.url, client_id=zuora.client_id, client_secret=zuora.client_secret)
        with ApiClient(configuration) as client:
            print(f"An emulated Zuora listens on {zuora.url}; no real tenant is involved.")
            names = show_entities(client)
            source, target, *others = names
            api = EntityConnectionsApi(client)
            connect_step_by_step(api, source, target, names)
            connect_in_one_call(api, source, target)
            connect_many(api, source, [target, *others], names)
            disconnect(api, source, target, names)
        use_the_command_line(zuora, names[source], names[target])


def show_entities(client: ApiClient) -> dict[str, str]:
    """Print the entities, and return their names by id."""
    title("List the entities: each below its parent")
    hierarchy = Hierarchy.load(client)
    print(hierarchy)
    return {str(entity.id): str(entity.name) for entity in hierarchy}


def connect_step_by_step(api: EntityConnectionsApi, source: str, target: str, names: dict[str, str]) -> None:
    title(f"{names[source]} requests a connection to {names[target]}")
    initiated = api.post_entity_connections(zuora_entity_ids=source, request={"targetEntityId": target})
    print(f"Zuora created connection {initiated.id}.")
    show_connections(api, source, target, names)

    title(f"{names[target]} accepts")
    print("The source requests and the target accepts: each call names the entity that it runs in.")
    api.put_entity_connections_accept(initiated.id, zuora_entity_ids=target)
    show_connections(api, source, target, names)

    title("Accepting twice: what an error looks like")
    print("The response is HTTP 200 with success: false. The client raises an exception with this text:\n")
    try:
        api.put_entity_connections_accept(initiated.id, zuora_entity_ids=target)
    except ApiException as error:
        print(indented(str(error)))
        print(f"\nIts attributes: outcome={error.outcome!r}, category={error.reasons[0].category}")


def connect_in_one_call(api: EntityConnectionsApi, source: str, target: str) -> None:
    title("The same in one call, safe to run as often as you like")
    result = ensure_connected(api, source, target, on_step=lambda step: print(f"  {step}"))
    print("The connection was changed." if result.changed else "Nothing to do.")


def connect_many(api: EntityConnectionsApi, source: str, targets: list[str], names: dict[str, str]) -> None:
    title("Many pairs: first the plan, then the change")
    plan = plan_connections(api, [(source, target) for target in targets], names=names)
    print(plan)
    print("\nThe plan as a graph, which GitHub renders from a ```mermaid block:\n")
    print(indented(plan.to_mermaid()))
    print("\nApplying it:")
    for result in plan.apply():
        assert result.connection is not None
        print(f"  {names[str(result.connection.target_entity_id)]}: {result.connection.status}")


def disconnect(api: EntityConnectionsApi, source: str, target: str, names: dict[str, str]) -> None:
    title("Disconnect: it cannot be undone, so it must be confirmed")
    try:
        ensure_disconnected(api, source, target)
    except ValueError as error:
        print(f"ValueError: {error}.\n")
    ensure_disconnected(api, source, target, break_sharing=True)
    show_connections(api, source, target, names)


def use_the_command_line(zuora: ZuoraEmulator, source: str, target: str) -> None:
    title("The same without a program: the command line")
    # No setting and no proxy of this shell: the commands call the emulator.
    kept = {name: value for name, value in os.environ.items() if not re.match("zuora_|.*_proxy$", name, re.I)}
    for arguments in (["doctor"], ["list", target], ["connect", source, target, "--yes"]):
        print(f"$ {shlex.join(['zuora-connections', *arguments])}", flush=True)
        command = [sys.executable, "-m", "zuora_client", *arguments]
        subprocess.run(command, env={**kept, **zuora.environ}, stderr=subprocess.STDOUT, check=True)
        print(flush=True)


def show_connections(api: EntityConnectionsApi, source: str, target: str, names: dict[str, str]) -> None:
    """Print the connection between two entities as each of them lists it."""
    rows: list[tuple[str, ...]] = []
    for entity, direction in ((source, "outbound"), (target, "inbound")):
        for row in api.iter_entity_connections(zuora_entity_ids=entity, type=direction):
            if (row.source_entity_id, row.target_entity_id) == (source, target):
                lister = f"{names[entity]} ({direction})"
                rows.append((lister, names[source], names[target], str(row.status), str(row.id)))
    table(("listed by", "source", "target", "status", "id"), rows)


def title(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
    for row in (headings, tuple("-" * width for width in widths), *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())


if __name__ == "__main__":
    main()
