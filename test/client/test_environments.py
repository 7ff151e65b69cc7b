"""The data centers by name. The table is copied by hand from Zuora's page, independently of the enum."""

from __future__ import annotations

import copy
import pickle
from typing import Any
from urllib.parse import urlsplit

import pytest
from support import pages

from zuora_client import Configuration, Environment

HOSTS = {
    "US": "https://rest.zuora.com",
    "US_SANDBOX": "https://rest.apisandbox.zuora.com",
    "US_CLOUD_1": "https://rest.na.zuora.com",
    "US_CLOUD_1_SANDBOX": "https://rest.sandbox.na.zuora.com",
    "US_TEST": "https://rest.test.zuora.com",
    "EU": "https://rest.eu.zuora.com",
    "EU_SANDBOX": "https://rest.sandbox.eu.zuora.com",
    "EU_TEST": "https://rest.test.eu.zuora.com",
    "AP": "https://rest.ap.zuora.com",
    "AP_TEST": "https://rest.test.ap.zuora.com",
}


def test_all_ten_data_centers() -> None:
    assert {member.name: member.value for member in Environment} == HOSTS
    assert len(Environment.__members__) == 10  # no aliases


@pytest.mark.parametrize("name", HOSTS)
def test_member_or_name_sets_host(name: str) -> None:
    forms = [Environment[name], name, name.lower(), name.replace("_", "-"), f" {name} "]
    for environment in forms:
        configuration = Configuration(environment=environment)
        assert configuration.host == HOSTS[name]
        assert type(configuration.host) is str
        assert configuration.environment is Environment[name]
    assert urlsplit(HOSTS[name]).scheme == "https"
    assert Configuration(HOSTS[name] + "/").environment is Environment[name]


def test_member_is_a_host() -> None:
    configuration = Configuration(host=Environment.EU)
    assert configuration.host == "https://rest.eu.zuora.com"
    assert type(configuration.host) is str


def test_last_assignment_wins() -> None:
    configuration = Configuration(environment="AP")
    configuration.environment = "ap_test"
    assert configuration.host == "https://rest.test.ap.zuora.com"
    configuration.host = "https://gateway.example.com"
    assert configuration.environment is None


def test_default_environment() -> None:
    assert Configuration().environment is Environment.US


def test_host_and_environment_are_exclusive() -> None:
    with pytest.raises(ValueError, match="host or environment, not both"):
        Configuration("https://rest.zuora.com", environment="US")


@pytest.mark.parametrize("name", ["", "AU", "AP_SANDBOX", "PROD", "https://rest.zuora.com"])
def test_unknown_name_lists_known_names(name: str) -> None:
    with pytest.raises(ValueError, match="environment") as caught:
        Configuration(environment=name)
    for known in HOSTS:
        assert known in str(caught.value)


@pytest.mark.parametrize("value", [1, b"US", ["US"], object()])
def test_other_type_is_rejected(value: Any) -> None:
    with pytest.raises(TypeError, match="environment"):
        Configuration(environment=value)


def test_page_lists_all_environments() -> None:
    tables = pages.tables(pages.read(pages.ROOT / "docs" / "authentication.md"))
    rows = next(table[1:] for table in tables if table[0][0] == "name")
    assert {row[0].strip("`"): row[1].strip("`") for row in rows} == HOSTS


def test_members_copy_and_pickle() -> None:
    for member in Environment:
        assert pickle.loads(pickle.dumps(member)) is copy.deepcopy(member) is member
