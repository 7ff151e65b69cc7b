"""Configuration: the attributes and methods of the generated client."""

from __future__ import annotations

import base64
import copy
import logging
import os
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from support.wire import Wire

import zuora_client
from zuora_client import ApiClient, Configuration

GENERATED: dict[str, Any] = {
    "host": "https://rest.zuora.com",
    "temp_folder_path": None,
    "api_key": {},
    "api_key_prefix": {},
    "username": "",
    "password": "",
    "logger_stream_handler": None,
    "logger_file_handler": None,
    "logger_file": None,
    "debug": False,
    "verify_ssl": True,
    "ssl_ca_cert": None,
    "cert_file": None,
    "key_file": None,
    "assert_hostname": None,
    "connection_pool_maxsize": 5 * (os.cpu_count() or 1),
    "proxy": None,
    "safe_chars_for_path_param": "",
}


@pytest.fixture
def default() -> Iterator[None]:
    yield
    Configuration.set_default(None)


@pytest.fixture
def configuration() -> Iterator[Configuration]:
    configuration = Configuration()
    yield configuration
    configuration.debug = False
    configuration.logger_file = None


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_attribute_defaults(name: str) -> None:
    assert getattr(Configuration(), name) == GENERATED[name]


def test_attributes_can_be_assigned() -> None:
    with Wire() as wire:
        configuration = Configuration()
        configuration.host = wire.server.url
        configuration.safe_chars_for_path_param = "/"
        configuration.connection_pool_maxsize = 2
        configuration.temp_folder_path = "/tmp"
        with ApiClient(configuration) as client:
            client.call_api("/v1/{id}", "GET", {"id": "a/b"})
        assert wire.sent.target == "/v1/a/b"


def test_host_is_read_per_call() -> None:
    with Wire() as first, Wire() as second:
        first.client.configuration.host = second.server.url + "/"
        first.api.g_et_entity_connections()
        assert (len(first.requests), len(second.requests)) == (0, 1)


def test_loggers_by_role() -> None:
    logger = Configuration().logger
    assert logger["package_logger"] is logging.getLogger("zuora_client")
    assert logger["urllib3_logger"] is logging.getLogger("urllib3")


def test_logger_format_is_settable(configuration: Configuration, tmp_path: Any) -> None:
    assert "%(message)s" in configuration.logger_format
    configuration.logger_format = "<%(message)s>"
    configuration.logger_file = str(tmp_path / "log")
    configuration.debug = True
    configuration.logger["package_logger"].debug("a line")
    configuration.logger_file = None
    assert (tmp_path / "log").read_text() == "<a line>\n"


def test_debug_and_logger_file(configuration: Configuration, tmp_path: Any) -> None:
    configuration.logger_file = str(tmp_path / "log")
    configuration.debug = True
    with Wire() as wire:
        wire.api.g_et_entity_connections()
    configuration.logger_file = None
    assert "GET /v1/entity-connections: 200" in (tmp_path / "log").read_text()


def test_logging_configuration_can_be_copied(configuration: Configuration, tmp_path: Any) -> None:
    configuration.debug = True
    configuration.logger_file = str(tmp_path / "log")
    for duplicate in (copy.deepcopy(configuration), pickle.loads(pickle.dumps(configuration))):
        assert (duplicate.logger_file_handler, duplicate.logger_stream_handler) == (None, None)
        assert duplicate.debug is True


def test_default_is_copied(default: None) -> None:
    """A new Configuration starts as a copy of the default; later changes to either do not affect the other."""
    default_configuration = Configuration("https://rest.eu.zuora.com", access_token="t")
    default_configuration.api_key["k"] = "v"
    Configuration.set_default(default_configuration)
    default_configuration.host = "https://rest.na.zuora.com"
    first, second = Configuration(), Configuration()
    assert (first.host, first.access_token, first.api_key) == ("https://rest.eu.zuora.com", "t", {"k": "v"})
    first.api_key["k"] = "other"
    first.host = "https://rest.zuora.com"
    assert (second.api_key, Configuration().host) == ({"k": "v"}, "https://rest.eu.zuora.com")
    assert zuora_client.EntityConnectionsApi().api_client.configuration.host == "https://rest.eu.zuora.com"


def test_set_default_called_on_instance(default: None) -> None:
    Configuration().set_default(Configuration("https://rest.ap.zuora.com"))
    assert Configuration().host == "https://rest.ap.zuora.com"


def test_api_keys_and_their_prefixes() -> None:
    configuration = Configuration()
    assert configuration.get_api_key_with_prefix("apiAccessKeyId") is None
    configuration.api_key["apiAccessKeyId"] = "id"
    assert configuration.get_api_key_with_prefix("apiAccessKeyId") == "id"
    configuration.api_key_prefix["apiAccessKeyId"] = "Key"
    assert configuration.get_api_key_with_prefix("apiAccessKeyId") == "Key id"


def test_basic_auth_token() -> None:
    configuration = Configuration()
    configuration.username, configuration.password = "user", "pa:ss"
    assert configuration.get_basic_auth_token() == "Basic " + base64.b64encode(b"user:pa:ss").decode()


def test_auth_settings() -> None:
    configuration = Configuration()
    configuration.api_key["X-Key"] = "k"
    configuration.username = "user"
    settings = configuration.auth_settings()
    assert settings["X-Key"] == {"type": "api_key", "in": "header", "key": "X-Key", "value": "k"}
    assert settings["basic"]["value"] == configuration.get_basic_auth_token()


def test_debug_report() -> None:
    lines = Configuration(access_token="a-secret").to_debug_report().splitlines()
    assert lines[0] == "Python SDK Debug Report:"
    assert [line.partition(":")[0] for line in lines[1:5]] == [
        "OS",
        "Python Version",
        "Version of the API",
        "SDK Package Version",
    ]
    assert lines[3].endswith("2019-07-26")
    assert lines[4].endswith(zuora_client.__version__)
    assert "a-secret" not in "".join(lines)


class WithKey(Configuration):
    def auth_settings(self) -> dict[str, dict[str, Any]]:
        return {"own": {"type": "api_key", "in": "header", "key": "X-Own", "value": "own"}}


def test_default_keeps_its_subclass(default: None) -> None:
    Configuration.set_default(WithKey(deadline=7))
    later = Configuration()
    assert (type(later), later.deadline, list(later.auth_settings())) == (WithKey, 7, ["own"])


def test_debug_false_keeps_foreign_level() -> None:
    """debug = False does not reset a level that debug = True did not set."""
    logger = logging.getLogger("zuora_client")
    logger.setLevel(logging.INFO)
    try:
        configuration = Configuration()
        configuration.debug = False
        assert logger.level == logging.INFO
        configuration.debug = True
        configuration.debug = False
        assert logger.level == logging.NOTSET
    finally:
        logger.setLevel(logging.NOTSET)


def test_credentials_may_be_bytes() -> None:
    configuration = Configuration()
    configuration.api_key = {"apiAccessKeyId": b"id", "apiSecretAccessKey": b"secret"}  # type: ignore[dict-item]
    configuration.api_key_prefix = {"apiSecretAccessKey": b"Own"}  # type: ignore[dict-item]
    assert configuration.get_api_key_with_prefix("apiSecretAccessKey") == "Own secret"
    configuration.username, configuration.password = b"me", b"pass"  # type: ignore[assignment]
    assert configuration.get_basic_auth_token() == "Basic bWU6cGFzcw=="
