"""The lower bounds that are promised are the ones that are tested, and nothing bounds a user from above."""

from __future__ import annotations

import os
import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(>=|==)([0-9A-Za-z.]+)$")


def pins(path: Path) -> dict[str, tuple[str, str]]:
    """Name -> (operator, version) of every line that is no comment; a line of any other form fails."""
    found: dict[str, tuple[str, str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        match = REQUIREMENT.match(line)
        assert match, f"{path.name}: {line!r} is not one lower bound or pin"
        found[match[1]] = (match[2], match[3])
    return found


def test_requirements_have_a_lower_bound_and_no_upper_one() -> None:
    required = pins(ROOT / "requirements.txt")
    assert sorted(required) == ["certifi", "python-dateutil", "six", "urllib3"]
    assert {operator for operator, _ in required.values()} == {">="}


def test_the_lowest_versions_are_the_lower_bounds() -> None:
    required = pins(ROOT / "requirements.txt")
    lowest = pins(ROOT / "test" / "packaging" / "lowest.txt")
    assert lowest == {name: ("==", version) for name, (_, version) in required.items()}


@pytest.mark.skipif(os.environ.get("TOX_ENV_NAME") != "lowest", reason="runs in its own environment: tox -e lowest")
def test_the_lowest_versions_are_the_ones_that_run_here() -> None:
    lowest = pins(ROOT / "test" / "packaging" / "lowest.txt")
    assert {name: metadata.version(name) for name in lowest} == {name: version for name, (_, version) in lowest.items()}


def test_the_version_is_written_in_one_place() -> None:
    version = re.compile(r"""(?:^|\s)(?:__)?version(?:__)?\s*=\s*["']""")
    candidates = [*ROOT.glob("*.py"), *ROOT.glob("*.toml"), *(ROOT / "zuora_client").rglob("*.py")]
    holders = [
        path.relative_to(ROOT).as_posix()
        for path in candidates
        if any(version.match(line) for line in path.read_text(encoding="utf-8").splitlines())
    ]
    assert holders == ["zuora_client/_version.py"]
