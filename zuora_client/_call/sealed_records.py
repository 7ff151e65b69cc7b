"""Records as a token store holds them: authenticated by HMAC-SHA256, encrypted if the store asks for it."""

from __future__ import annotations

import base64
import hmac
import json
from typing import TYPE_CHECKING, Any

from .._base.parameters import text
from .._http.interruptions import is_from_outside

if TYPE_CHECKING:
    from typing import TypeAlias

    Record: TypeAlias = dict[str, Any]

_FORMAT = b"1"


class Sealer:
    """Authenticates entries, and encrypts them on request, with keys derived from a client secret.

    Attributes:
        store_key: names the entries; it does not reveal client id or secret.
    """

    __slots__ = ("_encryption_key", "_mac_key", "store_key")

    def __init__(self, key: tuple[str, Any, Any], *, encrypted: bool) -> None:
        self.store_key = _derive(key, "store key").hex()
        self._mac_key = _derive(key, "MAC key")
        self._encryption_key = base64.urlsafe_b64encode(_derive(key, "encryption key")) if encrypted else None

    def seal(self, name: str, record: Record) -> bytes:
        """Return ``1.MAC.payload``; the payload is JSON, or a Fernet token of it."""
        payload = json.dumps(record, separators=(",", ":")).encode()
        if self._encryption_key is not None:
            payload = _fernet(self._encryption_key).encrypt(payload)
        return b".".join((_FORMAT, self._mac(name, payload), payload))

    def unseal(self, name: str, sealed: bytes) -> Record | None:
        """Return the record, or None for anything that was not sealed under this name with the same keys."""
        version, mac, payload = (*sealed.split(b".", 2), b"", b"")[:3]
        if version != _FORMAT or not hmac.compare_digest(mac, self._mac(name, payload)):
            return None
        try:
            if self._encryption_key is not None:
                payload = _fernet(self._encryption_key).decrypt(payload)
            record = json.loads(payload)
        except Exception as error:
            if is_from_outside(error):
                raise
            # Authentic, but unreadable: written while the store's `encrypted` had the other value.
            return None
        return record if isinstance(record, dict) else None

    def _mac(self, name: str, payload: bytes) -> bytes:
        # The name is part of it: a lease cannot be planted as a token.
        return hmac.digest(self._mac_key, name.encode() + b"\0" + payload, "sha256").hex().encode()


def _derive(key: tuple[str, Any, Any], label: str) -> bytes:
    base_url, client_id, client_secret = key
    message = "\0".join((f"zuora_client token store: {label}", base_url, text("client_id", client_id)))
    return hmac.digest(text("client_secret", client_secret).encode(), message.encode(), "sha256")


def _fernet(encryption_key: bytes) -> Any:
    # Imported here: cryptography comes with the extra [redis] only.
    from cryptography.fernet import Fernet

    return Fernet(encryption_key)
