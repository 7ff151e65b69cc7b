"""Settings for every test, nothing of the project itself."""

from __future__ import annotations

import gc
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


@pytest.fixture
def deep_stack() -> Iterator[None]:
    """For a test that exhausts the stack on purpose: nothing is collected meanwhile.

    A collection that begins down there runs the finalizers of whatever other tests have left behind, and these find no
    stack to run on.
    """
    gc.disable()
    yield
    gc.enable()
