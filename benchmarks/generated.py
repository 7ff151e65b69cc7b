"""The client that openapi-generator writes for docs/openapi.yaml, generated for each run and deleted after it."""

from __future__ import annotations

import contextlib
import importlib.resources
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

DESCRIPTION = Path(__file__).resolve().parent.parent / "docs" / "openapi.yaml"


@contextlib.contextmanager
def on_path() -> Iterator[str]:
    """Make ``generated_client`` importable inside the block. Yields its folder, or "" if it cannot be generated."""
    with tempfile.TemporaryDirectory(prefix="zuora-generated-") as folder:
        reason = _missing_requirement() or _generate(folder)
        if reason:
            print(f"openapi-generator: skipped, {reason}", file=sys.stderr)
            yield ""
            return
        sys.path.insert(0, folder)
        try:
            yield folder
        finally:
            sys.path.remove(folder)


def _missing_requirement() -> str:
    if not DESCRIPTION.is_file():
        return f"{DESCRIPTION} does not exist"
    if shutil.which("java") is None:
        return "no java on the PATH"
    if importlib.util.find_spec("openapi_generator_cli") is None:
        return "the package openapi-generator-cli is not installed"
    return ""


def _generate(folder: str) -> str:
    jar = str(importlib.resources.files("openapi_generator_cli") / "openapi-generator.jar")
    command = ["java", "-jar", jar, "generate", "-g", "python", "-i", str(DESCRIPTION), "-o", folder]
    command += ["--package-name", "generated_client"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "the generator did not finish within five minutes"
    return f"the generator failed:\n{result.stdout}{result.stderr}" if result.returncode else ""
