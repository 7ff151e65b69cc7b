"""Budgets for a call and an import, in counts, which do not depend on the speed of the machine.

Each budget is the highest count over the supported versions of Python and urllib3 when it was set, plus a margin. If a
change exceeds one for a good reason, raise the budget in the same change and say why. benchmarks/ measures the same in
seconds.
"""

from __future__ import annotations

import gc
import json
import linecache
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from support import Received, ScriptedServer, respond_json

import zuora_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECTION_ID = "8a808255575bdae401576a914a140420"
TARGET_ID = "8a80825556ff28a4015708ba29312ecc"

# How many fewer Python functions one call enters than PoolManager.request and json.loads.
CALLS_SAVED = {"put": 180, "post": 175, "get": 140}
# 1 is the constructor of the row; any other function called per row adds at least 1. The margin is for socket reads, of
# which a larger response needs a few more.
CALLS_PER_ROW = 1.2
# For an on_event callable that counts: Python functions entered, relative to a call without a callable.
EVENTS_OVER_CALL = 1.1
# For each attempt without a callable.
NONE_TESTS = 2
MODULES_OVER_URLLIB3 = 0
# Each module costs about 0.2 % of the import, whatever its size.
OWN_MODULES = 53

NOT_IMPORTED_AT_START = {
    "argparse",
    "asyncio",
    "certifi",
    "concurrent",
    "copy",
    "dataclasses",
    "dateutil",
    "html",
    "inspect",
    "multiprocessing",
    "pprint",
    "six",
    "unittest",
    "urllib.request",
    "zuora_client._cli",
    "zuora_client._call.retry_table",
    "zuora_client.api.entities_api",
    "zuora_client.emulator",
    "zuora_client.models.get_entities_response_type",
    "zuora_client.models.get_entities_response_type_with_id",
    "zuora_client.models.get_entities_type",
    "zuora_client.models.get_entity_connections_response_type",
    "zuora_client.plan",
    "zuora_client.reconcile",
    "zuora_client.topology",
}


def respond(sock: socket.socket, received: Received) -> bool:
    """Respond with fixed data, and with as many headers as a gateway sends."""
    url = urlsplit(received.target)
    if received.method == "GET":
        row = {"id": CONNECTION_ID, "sourceEntityId": TARGET_ID, "status": "Pending", "targetEntityId": TARGET_ID}
        rows = [row] * int(parse_qs(url.query)["pageSize"][0])
        document: dict[str, Any] = {"entityConnections": rows, "success": True}
    elif url.path == "/oauth/token":
        document = {"access_token": "token", "token_type": "bearer", "expires_in": 3598}
    else:
        document = {"id": CONNECTION_ID, "success": True}
    headers = {
        "Server": "gateway",
        "Date": "Fri, 01 Aug 2025 12:00:00 GMT",
        "Zuora-Request-Id": "0a1b2c3d-0000-4000-8000-000000000000",
        "RateLimit-Remaining": "49999",
    }
    sock.sendall(respond_json(document, headers=headers))
    return True


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(respond) as server:
        yield server


@pytest.fixture
def api(server: ScriptedServer) -> Iterator[zuora_client.EntityConnectionsApi]:
    configuration = zuora_client.Configuration(host=server.url, client_id="0" * 36, client_secret="secret")
    with zuora_client.ApiClient(configuration) as client:
        yield zuora_client.EntityConnectionsApi(client)


@pytest.fixture
def bare(server: ScriptedServer) -> Iterator[Callable[..., Any]]:
    headers = {
        "Authorization": "Bearer token",
        "Accept": "application/json; charset=utf-8",
        "Content-Type": "application/json; charset=utf-8",
    }
    with urllib3.PoolManager() as pool:

        def call(method: str, path: str, **options: Any) -> Any:
            return json.loads(pool.request(method, server.url + path, headers=headers, **options).data)

        yield call


def python_calls(work: Callable[[], object]) -> int:
    """Return the number of Python functions that this thread enters in one call of `work`, after a warm-up."""
    count = 0

    def counter(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    for _ in range(3):  # token, connection, caches
        work()
    before = sys.getprofile()
    sys.setprofile(counter)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def lines_executed(work: Callable[[], object]) -> list[tuple[str, str]]:
    """Return ``file:function`` and text of each line of `_call` that one call of `work` executes, after a warm-up."""
    lines: list[tuple[str, str]] = []

    def trace(frame: Any, event: str, argument: Any) -> Any:
        path = frame.f_code.co_filename
        if not path.endswith(("_call/call.py", "_call/reporting.py")):
            return None
        if event == "line":
            function = f"{path.rpartition('/')[2]}:{frame.f_code.co_name}"
            lines.append((function, linecache.getline(path, frame.f_lineno)))
        return trace

    for _ in range(3):
        work()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def modules_in_order(statement: str) -> list[str]:
    """Return the modules that `statement` imports, in the order in which their import finished."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return result.stdout.split()


def modules_of(statement: str) -> set[str]:
    return set(modules_in_order(statement))


def modules_added_by_the_client() -> set[str]:
    """Return the modules that `import zuora_client` loads, and `import urllib3` with json and importlib does not.

    Calls need json. importlib is loaded already where the interpreter starts; older releases of urllib3 do not name it.
    """
    base = "import urllib3, json, importlib"
    return modules_of(f"{base}, zuora_client") - modules_of(base)


def test_import_loads_no_optional_module() -> None:
    """Modules that are slow to import and rarely needed are imported on first use."""
    added = modules_added_by_the_client()
    assert "zuora_client.api_client" in added
    assert not {name for name in added for module in NOT_IMPORTED_AT_START if f"{name}.".startswith(f"{module}.")}


def test_import_loads_few_other_modules() -> None:
    """Apart from its own modules, the client imports only what urllib3 imports, within the budget."""
    added = {name for name in modules_added_by_the_client() if name.partition(".")[0] != "zuora_client"}
    assert len(added) <= MODULES_OVER_URLLIB3, sorted(added)


def test_import_loads_few_own_modules() -> None:
    added = {name for name in modules_added_by_the_client() if name.partition(".")[0] == "zuora_client"}
    assert len(added) <= OWN_MODULES, sorted(added)


def test_help_of_the_command_loads_few_modules() -> None:
    """Help needs neither reconciliation nor the checks of `doctor`."""
    added = modules_of("import zuora_client._cli.main as cli; cli.make_parser().format_help()") - modules_of(
        "import zuora_client"
    )
    own = {name.removeprefix("zuora_client._cli.") for name in added if name.startswith("zuora_client.")}
    assert own == {"zuora_client._cli", "console", "errors", "main", "parser"}


def test_import_loads_urllib3_first() -> None:
    """urllib3 is imported before any module of the client; zuora_client/__init__.py has the reason."""
    order = modules_in_order("import zuora_client")
    # `zuora_client._http` is an empty package, so it finishes before the modules in it.
    own = [name for name in order if name.partition(".")[0] == "zuora_client" and name != "zuora_client._http"]
    assert order.index("urllib3") < order.index(own[0])


OURS: dict[str, Callable[[Any], object]] = {
    "put": lambda api: api.put_entity_connections_accept(CONNECTION_ID),
    "post": lambda api: api.post_entity_connections(request={"targetEntityId": TARGET_ID}),
    "get": lambda api: api.get_entity_connections(page_size=1),
}
THEIRS: dict[str, Callable[[Any], object]] = {
    "put": lambda bare: bare("PUT", f"/v1/entity-connections/{CONNECTION_ID}/accept"),
    "post": lambda bare: bare("POST", "/v1/entity-connections", body=json.dumps({"targetEntityId": TARGET_ID})),
    "get": lambda bare: bare("GET", "/v1/entity-connections", fields={"pageSize": "1"}),
}


@pytest.mark.parametrize("name", OURS)
def test_functions_entered_per_call(
    api: zuora_client.EntityConnectionsApi, bare: Callable[..., Any], name: str, pytestconfig: pytest.Config
) -> None:
    """A call enters fewer Python functions than urllib3 and json.loads."""
    if pytestconfig.getoption("--traced"):
        pytest.skip("a traced call goes through more functions of urllib3")
    count = python_calls(lambda: OURS[name](api))
    allowed = python_calls(lambda: THEIRS[name](bare)) - CALLS_SAVED[name]
    assert count <= allowed, f"{count} Python functions entered, {allowed} allowed"


@pytest.mark.parametrize("call", OURS.values(), ids=list(OURS))
def test_functions_entered_for_events(api: zuora_client.EntityConnectionsApi, call: Callable[[Any], object]) -> None:
    """A callable that counts events costs at most a tenth of a call."""
    counted = 0

    def counter(event: Any) -> None:
        nonlocal counted
        counted += 1

    without = python_calls(lambda: call(api))
    api.api_client.configuration.on_event = counter
    count = python_calls(lambda: call(api))
    assert counted == 8
    assert count <= EVENTS_OVER_CALL * without, f"{count} Python functions entered, {without} without events"


@pytest.mark.parametrize("call", OURS.values(), ids=list(OURS))
def test_tests_for_events_per_attempt(api: zuora_client.EntityConnectionsApi, call: Callable[[Any], object]) -> None:
    """Without a callable an attempt tests twice whether there is one, and enters no function that reports."""
    executed = lines_executed(lambda: call(api))
    assert sum(bool(re.search(r"\b(on_event|held) is (not )?None\b", line)) for _, line in executed) == NONE_TESTS
    reporting = {function for function, _ in executed if function.startswith("reporting.py:")}
    assert reporting == {"reporting.py:__init__"}


def test_functions_entered_per_row(api: zuora_client.EntityConnectionsApi) -> None:
    """Types are resolved once per class, not for each row."""

    def calls_for(rows: int) -> int:
        return python_calls(lambda: api.get_entity_connections(page_size=rows))

    assert calls_for(300) <= calls_for(30) + 270 * CALLS_PER_ROW


def test_calls_keep_no_objects(server: ScriptedServer, api: zuora_client.EntityConnectionsApi) -> None:
    def objects_after(calls: int) -> int:
        for _ in range(calls):
            api.get_entity_connections(page_size=1)
            api.put_entity_connections_accept(CONNECTION_ID)
        server.requests.clear()
        gc.collect()
        return len(gc.get_objects())

    before = objects_after(20)
    # If each call kept one object, there would be 200.
    assert objects_after(100) - before < 50
