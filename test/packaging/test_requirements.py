"""The requirements have tested lower bounds and no upper bounds."""

from __future__ import annotations

import os
import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(>=|==)([0-9A-Za-z.]+)$")


def pins(path: Path) -> dict[str, tuple[str, str]]:
    """Return name -> (operator, version) for every line that is not a comment. Fails on a line of another form."""
    versions: dict[str, tuple[str, str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        match = REQUIREMENT.match(line)
        assert match, f"{path.name}: {line!r} is neither a lower bound nor a pin"
        versions[match[1]] = (match[2], match[3])
    return versions


def test_requirements_have_only_lower_bounds() -> None:
    required = pins(ROOT / "requirements.txt")
    assert sorted(required) == ["certifi", "python-dateutil", "six", "urllib3"]
    assert {operator for operator, _ in required.values()} == {">="}


def test_lowest_versions_are_the_bounds() -> None:
    required = pins(ROOT / "requirements.txt")
    lowest = pins(ROOT / "test" / "packaging" / "lowest.txt")
    assert lowest == {name: ("==", version) for name, (_, version) in required.items()}


@pytest.mark.skipif(os.environ.get("TOX_ENV_NAME") != "lowest", reason="needs the lowest versions: tox -e lowest")
def test_lowest_versions_are_installed() -> None:
    lowest = pins(ROOT / "test" / "packaging" / "lowest.txt")
    assert {name: metadata.version(name) for name in lowest} == {name: version for name, (_, version) in lowest.items()}
