"""The error for a name of the full generated client that this package does not have. Imported when one is asked for."""

from __future__ import annotations

_PREFIXES = ("GET", "POST", "PUT", "DELETE", "CRUD", "Proxy")
_SUFFIXES = ("Api", "Type", "Request", "Response")


def missing_attribute(module: str, name: str) -> AttributeError:
    """Return the error for an attribute that a module does not have. It explains the names of generated classes."""
    text = f"module {module!r} has no attribute {name!r}"
    if name[:1].isupper() and (name.startswith(_PREFIXES) or name.endswith(_SUFFIXES)):
        text += (
            ": this package has EntityConnectionsApi, EntitiesApi and their models, not the other APIs of the "
            "generated client. ApiClient.call_api reaches every path of Zuora's API; to use the generated client as "
            "well, install it in another environment or generate it under another package name (docs/migration.md)"
        )
    return AttributeError(text)
