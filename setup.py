"""The distribution's metadata. Version, requirements and long description are read from other files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent


def text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def version() -> str:
    # Not imported: the requirements of the package are not installed when a wheel is built.
    match = re.search(r'^__version__ = "([^"]+)"$', text("zuora_client/_version.py"), re.MULTILINE)
    assert match, "zuora_client/_version.py contains no version"
    return match.group(1)


def requirements() -> list[str]:
    lines = (line.partition("#")[0].strip() for line in text("requirements.txt").splitlines())
    return [line for line in lines if line]


def repository() -> str | None:
    """Return the URL of the repository whose workflow builds the distribution. Elsewhere none is known."""
    if "GITHUB_REPOSITORY" not in os.environ:
        return None
    return f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"


def long_description() -> str:
    """Return README, with the links to files that work in the repository only as links to this version there."""
    readme = text("README.md") if (HERE / "README.md").exists() else ""
    if (url := repository()) is None:
        return readme
    return re.sub(r"\]\((?![a-z]+:|#)", f"]({url}/blob/v{version()}/", readme)


def project_urls() -> dict[str, str]:
    if (url := repository()) is None:
        return {}
    return {
        "Documentation": f"{url}/tree/v{version()}/docs#readme",
        "Changelog": f"{url}/blob/v{version()}/CHANGELOG.md",
        "Source": url,
        "Issues": f"{url}/issues",
    }


setup(
    name="zuora-entity-connections",
    version=version(),
    description="Connect Zuora entities from Python: a client for Zuora's entity connections REST API",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    author="The zuora_client authors",
    project_urls=project_urls(),
    license_expression="MIT",
    license_files=["LICENSE"],
    keywords=["zuora", "billing", "multi-entity", "entity connections", "api client", "rest"],
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Intended Audience :: Developers",
        "Intended Audience :: Financial and Insurance Industry",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Office/Business :: Financial :: Accounting",
        "Topic :: Software Development :: Libraries :: Python Modules",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["zuora_client", "zuora_client.*"]),
    package_data={"zuora_client": ["py.typed"]},
    include_package_data=False,
    entry_points={"console_scripts": ["zuora-connections = zuora_client._cli.main:main"]},
    python_requires=">=3.10",
    install_requires=requirements(),
    extras_require={"redis": ["redis>=5.0", "cryptography>=42.0"]},  # zuora_client.token_store.RedisTokenStore
    zip_safe=False,
)
