"""What a call and an import may cost, in counts: a noisy machine does not move them, a careless change does.

Each budget is the worst that was counted over the supported versions of Python and urllib3 when it was set, plus a
little. Where one is exceeded for a good reason, raise it in the same change and say why. benchmarks/ measures the same
things in seconds.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

import zuora_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECTION_ID = "8a808255575bdae401576a914a140420"
TARGET_ID = "8a80825556ff28a4015708ba29312ecc"

# How many Python functions fewer one call of ours enters than PoolManager.request and json.loads.
CALLS_SAVED = {"put": 155, "post": 150, "get": 140}
# The constructor of a row is 1, and whatever else is done for each row adds 1 or more. The rest is for the reads of the
# socket, of which a larger answer needs some more.
CALLS_A_ROW = 1.2
MODULES_OVER_URLLIB3 = 0
# Each costs some 0.2 % of the import, however small it is.
OWN_MODULES = 44

NEVER_AT_START = {
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
    "zuora_client.emulator",
    "zuora_client.plan",
    "zuora_client.reconcile",
    "zuora_client.topology",
}


class FixedAnswers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together: otherwise the client waits for a delayed acknowledgement

    def do_GET(self) -> None:
        rows = int(parse_qs(urlsplit(self.path).query)["pageSize"][0])
        row = {"id": CONNECTION_ID, "sourceEntityId": TARGET_ID, "status": "Pending", "targetEntityId": TARGET_ID}
        self.answer({"entityConnections": [row] * rows, "success": True})

    def do_PUT(self) -> None:
        self.answer({"success": True})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/oauth/token":
            self.answer({"access_token": "token", "token_type": "bearer", "expires_in": 3598})
        else:
            self.answer({"id": CONNECTION_ID, "success": True})

    def answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FixedAnswers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def api(url: str) -> Iterator[zuora_client.EntityConnectionsApi]:
    configuration = zuora_client.Configuration(host=url, client_id="0" * 36, client_secret="secret")
    with zuora_client.ApiClient(configuration) as client:
        yield zuora_client.EntityConnectionsApi(client)


@pytest.fixture
def bare(url: str) -> Iterator[Callable[..., Any]]:
    headers = {
        "Authorization": "Bearer token",
        "Accept": "application/json; charset=utf-8",
        "Content-Type": "application/json; charset=utf-8",
    }
    with urllib3.PoolManager() as pool:

        def call(method: str, path: str, **options: Any) -> Any:
            return json.loads(pool.request(method, url + path, headers=headers, **options).data)

        yield call


def python_calls(work: Callable[[], object]) -> int:
    """Python functions entered by this thread in one call of `work`, when it has been called before."""
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


def modules_in_order(statement: str) -> list[str]:
    """In the order in which they were complete."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return result.stdout.split()


def modules_of(statement: str) -> set[str]:
    return set(modules_in_order(statement))


def brought_by_the_client() -> set[str]:
    """Modules that `import zuora_client` loads and `import urllib3` does not. A call needs json in any case."""
    # urllib3 2 takes random and typing as well; 1.26 does so only where another module of Python brings them.
    base = "import urllib3, json, random, typing"
    return modules_of(f"{base}, zuora_client") - modules_of(base)


def test_import_takes_nothing_that_is_slow_and_seldom_needed() -> None:
    brought = brought_by_the_client()
    assert "zuora_client.api_client" in brought
    assert not {name for name in brought for never in NEVER_AT_START if f"{name}.".startswith(f"{never}.")}


def test_import_takes_little_that_urllib3_has_not_taken() -> None:
    brought = {name for name in brought_by_the_client() if name.partition(".")[0] != "zuora_client"}
    assert len(brought) <= MODULES_OVER_URLLIB3, sorted(brought)


def test_import_takes_few_modules_of_our_own() -> None:
    brought = {name for name in brought_by_the_client() if name.partition(".")[0] == "zuora_client"}
    assert len(brought) <= OWN_MODULES, sorted(brought)


def test_import_takes_urllib3_before_our_own_modules() -> None:
    # Into memory as it is without us: the reason is in zuora_client/__init__.py.
    order = modules_in_order("import zuora_client")
    # `zuora_client._http` is empty: it is there before what it holds.
    ours = [name for name in order if name.partition(".")[0] == "zuora_client" and name != "zuora_client._http"]
    assert order.index("urllib3") < order.index(ours[0])


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        pytest.param(
            "put",
            lambda api: api.put_entity_connections_accept(CONNECTION_ID),
            lambda bare: bare("PUT", f"/v1/entity-connections/{CONNECTION_ID}/accept"),
            id="put",
        ),
        pytest.param(
            "post",
            lambda api: api.post_entity_connections(request={"targetEntityId": TARGET_ID}),
            lambda bare: bare("POST", "/v1/entity-connections", body=json.dumps({"targetEntityId": TARGET_ID})),
            id="post",
        ),
        pytest.param(
            "get",
            lambda api: api.get_entity_connections(page_size=1),
            lambda bare: bare("GET", "/v1/entity-connections", fields={"pageSize": "1"}),
            id="get",
        ),
    ],
)
def test_call_enters_fewer_functions_than_urllib3(
    api: zuora_client.EntityConnectionsApi,
    bare: Callable[..., Any],
    name: str,
    ours: Callable[[Any], object],
    theirs: Callable[[Any], object],
) -> None:
    count, allowed = python_calls(lambda: ours(api)), python_calls(lambda: theirs(bare)) - CALLS_SAVED[name]
    assert count <= allowed, f"{count} Python functions entered, {allowed} allowed"


def test_types_are_resolved_once_a_class_not_for_each_row(api: zuora_client.EntityConnectionsApi) -> None:
    few, many = (python_calls(lambda rows=rows: api.get_entity_connections(page_size=rows)) for rows in (30, 300))
    assert many <= few + 270 * CALLS_A_ROW


def test_call_leaves_nothing_behind(api: zuora_client.EntityConnectionsApi) -> None:
    def objects_after(calls: int) -> int:
        for _ in range(calls):
            api.get_entity_connections(page_size=1)
            api.put_entity_connections_accept(CONNECTION_ID)
        gc.collect()
        return len(gc.get_objects())

    before = objects_after(20)
    # One object kept by each call would be 200.
    assert objects_after(100) - before < 50
