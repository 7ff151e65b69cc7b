"""The built distributions contain the package, complete and nothing else, and work outside the checkout."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIST = os.environ.get("ZUORA_CLIENT_DIST")

pytestmark = pytest.mark.skipif(DIST is None, reason="needs a built package: tox -e package")


def distribution(pattern: str) -> Path:
    (path,) = Path(str(DIST)).glob(pattern)
    return path


@pytest.fixture(scope="module")
def wheel_files() -> list[str]:
    with zipfile.ZipFile(distribution("*.whl")) as wheel:
        return wheel.namelist()


@pytest.fixture(scope="module")
def metadata() -> Message:
    with zipfile.ZipFile(distribution("*.whl")) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(name))


def test_wheel_contents(wheel_files: list[str]) -> None:
    sources = [path for path in (ROOT / "zuora_client").rglob("*") if path.suffix == ".py" or path.name == "py.typed"]
    package = [name for name in wheel_files if ".dist-info/" not in name]
    assert sorted(package) == sorted(path.relative_to(ROOT).as_posix() for path in sources)
    assert "zuora_client/py.typed" in package


def test_metadata(metadata: Message) -> None:
    version = re.findall(r'__version__ = "(.+)"', (ROOT / "zuora_client" / "_version.py").read_text(encoding="utf-8"))
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert metadata["Name"] == "zuora-entity-connections"
    assert [metadata["Version"]] == version
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.10"
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert required == [line for line in lines if line and not line.startswith("#")]
    assert metadata.get_all("Provides-Extra") == ["redis"]


def test_links_name_the_repository(metadata: Message) -> None:
    """The links of the description and the project's URLs lead to the released version in the repository."""
    repository = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert list(urls) == ["Documentation", "Changelog", "Source", "Issues"]
    assert all(url.startswith(repository) for url in urls.values())
    description = str(metadata.get_payload())
    released = f"]({repository}/blob/v{metadata['Version']}/"
    assert f"{released}docs/guide.md)" in description
    assert description.replace(released, "](") == (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((?!https:|#)[^)]*", description) == []


def test_sdist_contents() -> None:
    with tarfile.open(distribution("*.tar.gz")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"setup.py", "requirements.txt", "LICENSE", "README.md", "test/conftest.py", "examples/demo.py"} <= names
    assert not [name for name in names if name.startswith((".", "build/")) or "__pycache__" in name]


@pytest.mark.parametrize("pattern", ["*.whl", "*.tar.gz"])
def test_installation(pattern: str, tmp_path: Path) -> None:
    """The distribution installs into a new environment, and the command line and the demo run there."""

    def run(*command: str) -> str:
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    run(sys.executable, "-m", "venv", "venv")
    programs = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = str(programs / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(distribution(pattern)))
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    location = run(python, "-c", "import zuora_client; print(zuora_client.__file__)")
    assert Path(location.strip()).is_relative_to(tmp_path / "venv")
    assert "usage: zuora-connections" in run(str(programs / "zuora-connections"), "--help")
    assert "Connected" in run(python, "examples/demo.py")
