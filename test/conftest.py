"""Settings and fixtures for every test."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

import hypothesis
import pytest
from support.authority import Authority
from support.effort import FACTOR, SAME_EXAMPLES
from support.untraced import without_coverage

if TYPE_CHECKING:
    from collections.abc import Iterator

# A deadline per example would fail on a slow machine; a database would write files into the tree.
hypothesis.settings.register_profile(
    "project", deadline=None, database=None, derandomize=SAME_EXAMPLES, max_examples=30 * FACTOR
)
hypothesis.settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--traced", action="store_true", help="wrap urllib3's urlopen as tracers do: every attempt then goes through it"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--traced"):
        # Imported here: it imports the package, before coverage starts.
        from support.tracer import traced_urlopen

        tracers = contextlib.ExitStack()
        tracers.enter_context(traced_urlopen())
        config.add_cleanup(tracers.close)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest test, so that it does not run alone at the end."""
    items.sort(key=lambda item: "stress" not in item.path.parts)


@pytest.fixture(scope="module")
def untraced() -> Iterator[None]:
    """Disable coverage for tests that run the same lines thousands of times, which would double their duration.

    Other tests cover these lines.
    """
    with without_coverage():
        yield


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def deep_stack() -> Iterator[None]:
    """Disable garbage collection for a test that exhausts the stack on purpose.

    A collection at that depth would run the finalizers of objects that other tests have left, without stack to run on.
    """
    gc.disable()
    yield
    gc.enable()
