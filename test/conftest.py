"""Settings for every test, nothing of the project itself."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# A deadline an example would fail on a slow machine; a database would leave files in the tree.
hypothesis.settings.register_profile("project", deadline=None, database=None)
hypothesis.settings.load_profile("project")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test: begun last, it would keep one worker busy while the others have nothing to do."""
    items.sort(key=lambda item: "stress" not in item.path.parts)


@pytest.fixture(scope="module")
def untraced() -> Iterator[None]:
    """For tests that run the same lines thousands of times: coverage does not look on, which would double their time.

    What they run is run by other tests too. pytest-cov's own mark for this does nothing in the workers of xdist, where
    it starts coverage twice.
    """
    gettrace = getattr(threading, "gettrace", lambda: None)  # new in Python 3.10
    before = sys.gettrace(), gettrace()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    yield
    threading.settrace(before[1])
    sys.settrace(before[0])


@pytest.fixture
def deep_stack() -> Iterator[None]:
    """For a test that exhausts the stack on purpose: nothing is collected meanwhile.

    A collection that begins down there runs the finalizers of whatever other tests have left behind, and these find no
    stack to run on.
    """
    gc.disable()
    yield
    gc.enable()
