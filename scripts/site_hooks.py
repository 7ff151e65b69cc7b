"""What mkdocs does beyond rendering docs/: adds pages, and adapts the links that are written for GitHub.

README, changelog, contributing and security pages lie in the root folder; the reference pages contain only the names
whose docstrings mkdocstrings renders, so they exist on the site alone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]

# Path in the repository -> path on the site, where they differ.
MOVED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}

REFERENCE = {
    "client": ("Client and settings", ["ApiClient", "Configuration", "Environment", "Clock"]),
    "operations": ("Operations", ["EntityConnectionsApi", "EntitiesApi"]),
    "reconciliation": (
        "Reconciliation",
        [
            "ensure_connected",
            "ensure_disconnected",
            "plan_connections",
            "ConnectionPlan",
            "PlannedConnection",
            "EnsureResult",
            "Step",
            "Hierarchy",
            "plan.ProgressLine",
        ],
    ),
    "errors": (
        "Errors",
        [
            "ApiException",
            "OutcomeUnknownError",
            "ApiConnectionError",
            "TlsError",
            "ApiTimeoutError",
            "AuthenticationError",
            "PermissionDeniedError",
            "NotFoundError",
            "ConflictError",
            "RateLimitError",
            "RequestRejectedError",
            "ServerError",
            "InvalidResponseError",
            "PlanIncompleteError",
            "AttemptRecord",
            "Reason",
        ],
    ),
    "events": ("Events", ["events.AttemptEvent", "events.CallEvent", "events.TokenEvent"]),
    "token_stores": (
        "Token stores",
        ["token_store.TokenStore", "token_store.FileTokenStore", "token_store.RedisTokenStore"],
    ),
    "emulator": ("Emulator", ["emulator.ZuoraEmulator", "emulator.faults"]),
}

# Code, which stays as it is, or a link to a file.
_CODE_OR_LINK = re.compile(
    r"^(?P<indent> *)```.*?^(?P=indent)```[ \t]*$"
    r"|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"
    r"|\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?![a-z]+:|#)(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]+)?\)",
    re.M | re.S,
)
_SECTIONS_OF_OPERATIONS = re.compile(r"^### (Example|Parameters|Return type|Authorization|HTTP request headers)$", re.M)
_TEST_COLUMN = re.compile(r" \| (?:Test|-+|(?:`test_\w+`(?:, )?)+)$", re.M)
_BACK_LINKS = re.compile(r"^\[\[Back to .*\n?", re.M)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/. The list of pages in docs/README.md is the navigation here."""
    kept = Files([file for file in files if file.src_uri != "README.md"])
    for source, page in MOVED.items():
        kept.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for page, (title, names) in REFERENCE.items():
        text = f"# {title}\n\n" + "\n".join(f"::: zuora_client.{name}\n" for name in names)
        kept.append(File.generated(config, f"python/{page}.md", content=text))
    return kept


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Adapt the links, and what suits the repository but not the site."""
    site_path = page.file.src_uri
    if site_path in ("index.md", "quickstart.md"):
        page.meta["hide"] = ["navigation"]  # the only page of its tab
    source = next((old for old, new in MOVED.items() if new == site_path), f"docs/{site_path}")
    folder = posixpath.dirname(source)

    def adapt(match: re.Match[str]) -> str:
        text, target, anchor = match["text"], match["target"], match["anchor"] or ""
        if target is None:
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, target))
        if path in MOVED:
            return f"[{text}]({MOVED[path]}{anchor})"
        if path.startswith("docs/"):
            return f"[{text}]({path.removeprefix('docs/')}{anchor})"
        if config.repo_url:
            return f"[{text}]({config.repo_url.removesuffix('.git')}/blob/HEAD/{path}{anchor})"
        return text  # a file that is not on the site, and no repository is known

    # The form of swagger-codegen: several main headings, notes in brackets, links to go back.
    markdown = re.sub(r"^# \*\*", "## **", _BACK_LINKS.sub("", markdown), flags=re.M)
    markdown = _SECTIONS_OF_OPERATIONS.sub(r"#### \1", markdown).replace("[optional] [", "[optional] \\[")
    if site_path == "migration.md":
        markdown = _TEST_COLUMN.sub("", markdown)
    return _CODE_OR_LINK.sub(adapt, markdown)
