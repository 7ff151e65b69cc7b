"""The client and Zuora's own SDK work in one process, with the same urllib3 and one tenant."""

from __future__ import annotations

import importlib
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import trustme
from packaging.requirements import Requirement

import zuora_client
from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"

zuora_sdk: Any = pytest.importorskip("zuora_sdk", reason="Zuora's SDK is not installed: tox -e beside-sdk")
ZuoraClient: Any = importlib.import_module("zuora_sdk.zuora_client").ZuoraClient

# The SDK uses deprecated parts of pydantic.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return authority, str(tmp_path / "ca.pem")


@pytest.fixture(params=["http", "https"])
def zuora(request: Any, authority: tuple[trustme.CA, str]) -> Iterator[ZuoraEmulator]:
    context = None
    if request.param == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority[0].issue_cert("127.0.0.1").configure_cert(context)
    with ZuoraEmulator(ssl_context=context) as zuora:
        yield zuora


@pytest.fixture
def sdk(zuora: ZuoraEmulator, authority: tuple[trustme.CA, str]) -> Iterator[Any]:
    configuration = zuora_sdk.Configuration(host=zuora.url, ssl_ca_cert=authority[1])
    sdk = ZuoraClient(zuora.client_id, zuora.client_secret, None, configuration)
    yield sdk
    sdk.api_client.rest_client.pool_manager.clear()


@pytest.fixture
def ours(zuora: ZuoraEmulator, authority: tuple[trustme.CA, str]) -> Configuration:
    return Configuration(zuora.url, ssl_ca_cert=authority[1], entity_id=zuora.entities[0].id)


def get_with_sdk(sdk: Any, path: str) -> Any:
    """Return the JSON of a GET by the SDK's transport. The SDK has no methods for these paths."""
    method, url, headers, *_ = sdk.api_client.param_serialize("GET", path)
    response = sdk.api_client.call_api(method, url, headers)
    return json.loads(response.read())


def test_client_uses_token_of_sdk(zuora: ZuoraEmulator, sdk: Any, ours: Configuration) -> None:
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target)
    sdk.refresh_token()
    # The callable is called for every attempt, so a token that the SDK has refreshed is sent.
    ours.access_token = lambda: sdk.token["access_token"]
    with ApiClient(ours) as client:
        api = EntityConnectionsApi(client)
        assert [listed.id for listed in api.iter_entity_connections()] == [row.id]
        zuora.expire_tokens()
        sdk.refresh_token()
        assert [listed.id for listed in api.iter_entity_connections()] == [row.id]
    assert [request.path for request in zuora.requests].count("/oauth/token") == 2


def test_sdk_uses_token_of_client(zuora: ZuoraEmulator, sdk: Any, ours: Configuration) -> None:
    source, target = zuora.entities[:2]
    ours.client_id, ours.client_secret = zuora.client_id, zuora.client_secret
    with ApiClient(ours) as client:
        api = EntityConnectionsApi(client)
        zuora_client.ensure_connected(api, source.id, target.id)
        sdk.add_default_header("Authorization", zuora.requests[-1].headers["Authorization"])
        sdk.set_entity_id(target.uuid)
        [row] = get_with_sdk(sdk, "/v1/entity-connections")["entityConnections"]
    assert (row["sourceEntityId"], row["status"]) == (source.id, "Connected")
    # Closing the client does not close the connections of the SDK.
    assert get_with_sdk(sdk, "/v1/entities")["success"]


def test_exceptions_are_separate(zuora: ZuoraEmulator, sdk: Any, ours: Configuration) -> None:
    """A refused call of the client raises its own exception, not one of the SDK."""
    ours.access_token = "unknown"
    sdk.add_default_header("Authorization", "Bearer unknown")
    with ApiClient(ours) as client, pytest.raises(zuora_client.AuthenticationError) as caught:
        EntityConnectionsApi(client).get_entity_connections()
    assert not isinstance(caught.value, zuora_sdk.ApiException)
    # The low-level call of the SDK returns the response; only its operations raise.
    assert get_with_sdk(sdk, "/v1/entity-connections") == {"message": "Authentication error"}


def test_versions_satisfy_both() -> None:
    """The installed versions satisfy the requirements of the client and of the SDK."""
    own = [line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line[:1].isalpha()]
    for requirement in map(Requirement, own + (metadata.requires("zuora-sdk") or [])):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            assert requirement.specifier.contains(metadata.version(requirement.name)), requirement


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_client_does_not_import_the_sdk() -> None:
    result = python("import sys, zuora_client; print('zuora_sdk' in sys.modules)")
    assert (result.stdout.strip(), result.stderr) == ("False", "")


def test_client_warns_despite_sdk_filters() -> None:
    """The warning filters of the SDK do not hide the warnings of the client."""
    result = python(
        "import zuora_sdk.zuora_client, zuora_client as z; z.ApiClient(z.Configuration(verify_ssl=False)).close()"
    )
    assert "InsecureRequestWarning: verify_ssl is False" in result.stderr
