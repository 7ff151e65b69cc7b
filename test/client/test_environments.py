"""The data centers, by name. The table is copied by hand from Zuora's page, so that a slip in the enum shows."""

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


def test_there_are_ten_data_centres_with_these_hosts() -> None:
    assert {member.name: member.value for member in Environment} == HOSTS
    assert len(Environment.__members__) == 10  # no two names for one host


@pytest.mark.parametrize("name", HOSTS)
def test_a_member_or_its_name_sets_the_host(name: str) -> None:
    spelled = [Environment[name], name, name.lower(), name.replace("_", "-"), f" {name} ", HOSTS[name]]
    for environment in spelled[:5]:
        configuration = Configuration(environment=environment)
        assert configuration.host == HOSTS[name]
        assert type(configuration.host) is str
        assert configuration.environment is Environment[name]
    assert urlsplit(HOSTS[name]).scheme == "https"
    assert Configuration(HOSTS[name] + "/").environment is Environment[name]


def test_a_member_is_also_a_host() -> None:
    configuration = Configuration(host=Environment.EU)
    assert configuration.host == "https://rest.eu.zuora.com"
    assert type(configuration.host) is str


def test_environment_can_be_assigned_and_the_last_word_counts() -> None:
    configuration = Configuration(environment="AP")
    configuration.environment = "ap_test"  # type: ignore[assignment]
    assert configuration.host == "https://rest.test.ap.zuora.com"
    configuration.host = "https://gateway.example.com"
    assert configuration.environment is None


def test_without_either_it_is_the_host_that_zuoras_reference_names_first() -> None:
    assert Configuration().environment is Environment.US


def test_host_and_environment_together_are_refused() -> None:
    with pytest.raises(ValueError, match="host or environment, not both"):
        Configuration("https://rest.zuora.com", environment="US")


@pytest.mark.parametrize("name", ["", "AU", "AP_SANDBOX", "PROD", "https://rest.zuora.com"])
def test_an_unknown_name_is_refused_with_the_names_that_there_are(name: str) -> None:
    with pytest.raises(ValueError, match="environment") as caught:
        Configuration(environment=name)
    for known in HOSTS:
        assert known in str(caught.value)


@pytest.mark.parametrize("wrong", [1, b"US", ["US"], object()])
def test_another_type_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="environment"):
        Configuration(environment=wrong)


def test_the_page_has_them_all() -> None:
    tables = pages.tables(pages.read(pages.ROOT / "docs" / "authentication.md"))
    rows = next(table[1:] for table in tables if table[0][0] == "name")
    assert {row[0].strip("`"): row[1].strip("`") for row in rows} == HOSTS


def test_members_copy_and_pickle() -> None:
    for member in Environment:
        assert pickle.loads(pickle.dumps(member)) is copy.deepcopy(member) is member
