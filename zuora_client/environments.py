"""Zuora's data centers and their base URLs.

A client id belongs to one data center; every other host rejects it like a wrong secret.
Source: Zuora's page on data centers, and the hosts in Zuora's own SDK.
"""

from __future__ import annotations

from enum import Enum


class Environment(str, Enum):
    """The base URL of each data center. ``US`` is US Cloud 2, the first host in Zuora's reference.

    ``..._TEST`` hosts serve Developer Sandboxes and Central Sandboxes, ``..._SANDBOX`` hosts API Sandboxes.
    There is no API Sandbox in Asia-Pacific.
    """

    US = "https://rest.zuora.com"
    US_SANDBOX = "https://rest.apisandbox.zuora.com"
    US_CLOUD_1 = "https://rest.na.zuora.com"
    US_CLOUD_1_SANDBOX = "https://rest.sandbox.na.zuora.com"
    US_TEST = "https://rest.test.zuora.com"
    EU = "https://rest.eu.zuora.com"
    EU_SANDBOX = "https://rest.sandbox.eu.zuora.com"
    EU_TEST = "https://rest.test.eu.zuora.com"
    AP = "https://rest.ap.zuora.com"
    AP_TEST = "https://rest.test.ap.zuora.com"

    @classmethod
    def of(cls, value: Environment | str) -> Environment:
        """Return `value` as a member; names such as ``"EU"`` and ``"eu-sandbox"`` are accepted in any case.

        Raises:
            ValueError: an unknown name.
            TypeError: neither text nor a member.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise TypeError(f"environment must be an Environment or its name, not {type(value).__name__}")
        try:
            return cls[value.strip().upper().replace("-", "_")]
        except KeyError:
            names = ", ".join(cls.__members__)
            raise ValueError(f"environment: unknown data center {value!r}; use one of {names}") from None
