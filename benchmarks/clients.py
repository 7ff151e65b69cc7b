"""One class for each client library, with the same calls. A class imports its library when it is instantiated.

All send the same bearer token and content type. `Ours` fetches its token from the server's OAuth endpoint and runs with
every feature enabled: deadline, retry policy, success check, size limit, token cache.
"""

from __future__ import annotations

import gzip
import importlib
import json
import ssl
import threading
from typing import Any, ClassVar
from urllib.parse import urlsplit

THREADS = 16
CONNECTION_ID = "8a808255575bdae401576a914a140420"
TARGET_ID = "8a80825556ff28a4015708ba29312ecc"
LIST_PATH = "/v1/entity-connections"
PUT_PATH = f"{LIST_PATH}/{CONNECTION_ID}/accept"
HEADERS = {
    "Authorization": "Bearer benchmark-token",
    "Accept": "application/json; charset=utf-8",
    "Content-Type": "application/json; charset=utf-8",
}


class Client:
    """The calls that are measured. ``imports`` is the import statement of a program that uses the client.

    Args:
        url: of the server, http or https.
        ca_file: PEM file of the authority that an https server's certificate is checked against.
    """

    name: ClassVar[str]
    imports: ClassVar[str]

    def __init__(self, url: str, ca_file: str) -> None:
        raise NotImplementedError

    def put(self) -> Any:
        raise NotImplementedError

    def post(self) -> Any:
        raise NotImplementedError

    def get(self, rows: int) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class HttpClient(Client):
    """The standard library alone: one connection per thread, no pool, no retries, no checks."""

    name = "http.client"
    imports = "import http.client, json"

    def __init__(self, url: str, ca_file: str) -> None:
        self._library = importlib.import_module("http.client")
        parts = urlsplit(url)
        self._address = parts.netloc
        self._tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._local = threading.local()
        self._connections: list[Any] = []

    def _call(self, method: str, path: str, body: bytes | None = None) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = (
                self._library.HTTPSConnection(self._address, context=self._tls)
                if self._tls
                else self._library.HTTPConnection(self._address)
            )
            self._connections.append(connection)
        connection.request(method, path, body, HEADERS)
        response = connection.getresponse()
        data = response.read()
        if response.getheader("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        return json.loads(data)

    def put(self) -> Any:
        return self._call("PUT", PUT_PATH)

    def post(self) -> Any:
        return self._call("POST", LIST_PATH, json.dumps({"targetEntityId": TARGET_ID}).encode())

    def get(self, rows: int) -> Any:
        return self._call("GET", f"{LIST_PATH}?pageSize={rows}")

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


class Urllib3(Client):
    """The base of all ratios: ``urllib3.PoolManager().request`` and ``json.loads``, without checks."""

    name = "urllib3"
    imports = "import urllib3"

    def __init__(self, url: str, ca_file: str) -> None:
        self._pool = importlib.import_module("urllib3").PoolManager(maxsize=THREADS, ca_certs=ca_file)
        self._put_url = url + PUT_PATH
        self._list_url = url + LIST_PATH

    def put(self) -> Any:
        return json.loads(self._pool.request("PUT", self._put_url, headers=HEADERS).data)

    def post(self) -> Any:
        body = json.dumps({"targetEntityId": TARGET_ID}).encode()
        return json.loads(self._pool.request("POST", self._list_url, body=body, headers=HEADERS).data)

    def get(self, rows: int) -> Any:
        fields = {"pageSize": str(rows)}
        return json.loads(self._pool.request("GET", self._list_url, fields=fields, headers=HEADERS).data)

    def close(self) -> None:
        self._pool.clear()


class Urllib3Again(Urllib3):
    """The base a second time: its distance from 1.00 is the noise in every ratio."""

    name = "urllib3 again"


class Ours(Client):
    """This project, with OAuth and default settings."""

    name = "zuora_client"
    imports = "import zuora_client"

    def __init__(self, url: str, ca_file: str) -> None:
        library = importlib.import_module("zuora_client")
        configuration = library.Configuration(host=url, client_id=f"{0:036d}", client_secret="benchmark-secret")
        configuration.connection_pool_maxsize = THREADS
        configuration.ssl_ca_cert = ca_file
        self._request_type = library.POSTEntityConnectionsType
        self._client = library.ApiClient(configuration)
        self._api = library.EntityConnectionsApi(self._client)

    def put(self) -> Any:
        return self._api.put_entity_connections_accept(CONNECTION_ID)

    def post(self) -> Any:
        return self._api.post_entity_connections(request=self._request_type(target_entity_id=TARGET_ID))

    def get(self, rows: int) -> Any:
        return self._api.get_entity_connections(page_size=rows)

    def close(self) -> None:
        self._client.close()


class Requests(Client):
    """One ``requests.Session`` with a connection for each thread."""

    name = "requests"
    imports = "import requests"

    def __init__(self, url: str, ca_file: str) -> None:
        library = importlib.import_module("requests")
        self._session = library.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, library.adapters.HTTPAdapter(pool_maxsize=THREADS))
        # Passed with each call: a CA bundle in the environment goes before the one of a session.
        self._ca_file = ca_file
        self._session.headers.update(HEADERS)
        self._put_url = url + PUT_PATH
        self._list_url = url + LIST_PATH

    def put(self) -> Any:
        return self._session.put(self._put_url, verify=self._ca_file).json()

    def post(self) -> Any:
        return self._session.post(self._list_url, json={"targetEntityId": TARGET_ID}, verify=self._ca_file).json()

    def get(self, rows: int) -> Any:
        return self._session.get(self._list_url, params={"pageSize": rows}, verify=self._ca_file).json()

    def close(self) -> None:
        self._session.close()


class Httpx(Client):
    """One ``httpx.Client``; its default pool is larger than the number of threads."""

    name = "httpx"
    imports = "import httpx"

    def __init__(self, url: str, ca_file: str) -> None:
        self._client = importlib.import_module("httpx").Client(
            base_url=url, headers=HEADERS, verify=ssl.create_default_context(cafile=ca_file)
        )

    def put(self) -> Any:
        return self._client.put(PUT_PATH).json()

    def post(self) -> Any:
        return self._client.post(LIST_PATH, json={"targetEntityId": TARGET_ID}).json()

    def get(self, rows: int) -> Any:
        return self._client.get(LIST_PATH, params={"pageSize": rows}).json()

    def close(self) -> None:
        self._client.close()


class Generated(Client):
    """What openapi-generator writes for docs/openapi.yaml; benchmarks.generated puts it on the path."""

    name = "openapi-generator"
    imports = "import generated_client"

    def __init__(self, url: str, ca_file: str) -> None:
        library = importlib.import_module("generated_client")
        configuration = library.Configuration(host=url)
        configuration.connection_pool_maxsize = THREADS
        configuration.ssl_ca_cert = ca_file
        self._client = library.ApiClient(configuration)
        self._client.set_default_header("Authorization", HEADERS["Authorization"])
        api = library.EntityConnectionsApi(self._client)
        # Versions of the generator derive different method names from the operation ids.
        methods = {name.replace("_", ""): getattr(api, name) for name in dir(api)}
        self._put = methods["putentityconnectionsaccept"]
        self._post = methods["postentityconnections"]
        self._get = methods["getentityconnections"]
        signature = importlib.import_module("inspect").signature(self._post)
        self._body_name = next(name for name in signature.parameters if name.endswith("entity_connections_type"))
        self._body_type = library.POSTEntityConnectionsType

    def put(self) -> Any:
        return _unwrap(self._put(CONNECTION_ID))

    def post(self) -> Any:
        return _unwrap(self._post(**{self._body_name: self._body_type(target_entity_id=TARGET_ID)}))

    def get(self, rows: int) -> Any:
        return _unwrap(self._get(page_size=rows))

    def close(self) -> None:
        # Generated clients have no close().
        self._client.rest_client.pool_manager.clear()


def _unwrap(response: Any) -> Any:
    # docs/openapi.yaml describes success or a refusal (oneOf), for which the generator returns a wrapper.
    return getattr(response, "actual_instance", response)


ALL: tuple[type[Client], ...] = (HttpClient, Urllib3, Urllib3Again, Ours, Requests, Httpx, Generated)


def check(client: Client) -> None:
    """Make each call once; raise if the result is not the response of the server."""
    for response in (client.put(), client.post()):
        if (response["success"] if isinstance(response, dict) else response.success) is not True:
            raise AssertionError(f"{client.name}: success is not true in {response!r}")
    for rows in (30, 300):
        response = client.get(rows)
        items = response["entityConnections"] if isinstance(response, dict) else response.entity_connections
        last = items[-1]["targetEntityId"] if isinstance(items[-1], dict) else items[-1].target_entity_id
        if len(items) != rows or last != f"8a80825556ff28a4015708ba29{rows - 1:06x}":
            raise AssertionError(f"{client.name}: expected the {rows} rows of the server, got {len(items)}")
