"""Configuration: the generated attributes and methods."""

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

GENERATED = {
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
    made = Configuration()
    yield made
    made.debug = False
    made.logger_file = None


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_the_attribute_and_its_default(name: str) -> None:
    assert getattr(Configuration(), name) == GENERATED[name]


def test_everything_is_assigned_afterwards_in_the_generated_form() -> None:
    with Wire() as wire:
        configuration = Configuration()
        configuration.host = wire.server.url
        configuration.safe_chars_for_path_param = "/"
        configuration.connection_pool_maxsize = 2
        configuration.temp_folder_path = "/tmp"
        with ApiClient(configuration) as client:
            client.call_api("/v1/{id}", "GET", {"id": "a/b"})
        assert wire.sent.target == "/v1/a/b"


def test_the_host_is_read_at_each_call() -> None:
    with Wire() as first, Wire() as second:
        first.client.configuration.host = second.server.url + "/"
        first.api.g_et_entity_connections()
        assert (len(first.requests), len(second.requests)) == (0, 1)


def test_loggers_by_role() -> None:
    logger = Configuration().logger
    assert logger["package_logger"] is logging.getLogger("zuora_client")
    assert logger["urllib3_logger"] is logging.getLogger("urllib3")


def test_logger_format_is_text_that_can_be_set(configuration: Configuration, tmp_path: Any) -> None:
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


def test_a_configuration_that_logs_still_copies(configuration: Configuration, tmp_path: Any) -> None:
    configuration.debug = True
    configuration.logger_file = str(tmp_path / "log")
    for twin in (copy.deepcopy(configuration), pickle.loads(pickle.dumps(configuration))):
        assert (twin.logger_file_handler, twin.logger_stream_handler) == (None, None)
        assert twin.debug is True


def test_later_configurations_start_as_copies_of_the_default(default: None) -> None:
    mine = Configuration("https://rest.eu.zuora.com", access_token="t")
    mine.api_key["k"] = "v"
    Configuration.set_default(mine)
    mine.host = "https://rest.na.zuora.com"
    first, second = Configuration(), Configuration()
    assert (first.host, first.access_token, first.api_key) == ("https://rest.eu.zuora.com", "t", {"k": "v"})
    first.api_key["k"] = "other"
    first.host = "https://rest.zuora.com"
    assert (second.api_key, Configuration().host) == ({"k": "v"}, "https://rest.eu.zuora.com")
    assert zuora_client.EntityConnectionsApi().api_client.configuration.host == "https://rest.eu.zuora.com"


def test_set_default_is_found_on_a_subclass_and_on_an_instance(default: None) -> None:
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


def test_auth_settings_describe_what_a_call_may_name() -> None:
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


def test_a_default_of_a_derived_class_keeps_its_class(default: None) -> None:
    Configuration.set_default(WithKey(deadline=7))
    later = Configuration()
    assert (type(later), later.deadline, list(later.auth_settings())) == (WithKey, 7, ["own"])


def test_debug_leaves_a_level_alone_that_it_did_not_set() -> None:
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
