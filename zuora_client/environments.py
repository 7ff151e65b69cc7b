"""Zuora's data centers, by name. Ten hosts, no behavior.

A client id belongs to one data center: on any other host it looks like a wrong secret.
Source: Zuora's page on data centers, and the hosts of its own SDK.
"""

from __future__ import annotations

from enum import Enum


class Environment(str, Enum):
    """The base URL of each data center. ``US`` alone means US Cloud 2, the host that Zuora's reference names first.

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
        """Return the member that `value` is or names (``"EU"``, ``"eu_sandbox"``).

        Raises:
            ValueError: no data center has this name.
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
            raise ValueError(f"environment: no data center is called {value!r}; there are {names}") from None
