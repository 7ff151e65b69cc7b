"""For tests against packages that hook urllib3, http.client or the process: each test runs in a process of its own."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import pytest

from .forks import Child

Test = TypeVar("Test", bound=Callable[..., None])


def requires(*distributions: str) -> pytest.MarkDecorator:
    """Skip a test where one of these distributions is not installed. It is not imported to find out."""
    missing = [name for name in distributions if not _is_installed(name)]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed: tox -e integrations")


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def load(module: str) -> Any:
    """Import a module of a package that type checkers do not see."""
    return importlib.import_module(module)


def isolated(test: Test) -> Test:
    """Run a test in a forked child, so that what a tool has changed there does not reach other tests.

    Fixtures are set up in the parent.
    """

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        def body() -> None:
            # Warnings of the tools are not ours.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                test(*args, **kwargs)

        assert Child(body).result is None

    return cast("Test", pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")(run))
