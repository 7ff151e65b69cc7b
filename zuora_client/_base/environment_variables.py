"""The environment variables of `Configuration.from_env`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Setting -> variable.
VARIABLES = {
    "host": "ZUORA_HOST",
    "environment": "ZUORA_ENVIRONMENT",
    "client_id": "ZUORA_CLIENT_ID",
    "client_secret": "ZUORA_CLIENT_SECRET",
    "access_token": "ZUORA_ACCESS_TOKEN",
    "entity_id": "ZUORA_ENTITY_ID",
    "proxy": "ZUORA_PROXY",
    "ssl_ca_cert": "ZUORA_CA_BUNDLE",
    "trust_env": "ZUORA_TRUST_ENV",
}
_FLAGS = {**dict.fromkeys(("1", "true", "yes", "on"), True), **dict.fromkeys(("0", "false", "no", "off"), False)}


def read_variables(environ: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the variables that are set and whose setting is not among the keywords.

    Raises:
        ValueError: both ZUORA_HOST and ZUORA_ENVIRONMENT, no host at all, or a flag that is neither true nor false.
    """
    found: dict[str, Any] = {
        name: environ[variable]
        for name, variable in VARIABLES.items()
        if environ.get(variable) and name not in settings
    }
    if settings.get("host") is not None or settings.get("environment") is not None:
        found.pop("host", None)
        found.pop("environment", None)
    elif "host" in found and "environment" in found:
        raise ValueError("set ZUORA_HOST or ZUORA_ENVIRONMENT, not both: each sets the base URL")
    elif "host" not in found and "environment" not in found:
        raise ValueError(
            "no host: set ZUORA_ENVIRONMENT to a data center (US_SANDBOX, EU, ...; US is production, US Cloud 2) or "
            "ZUORA_HOST to a base URL, or pass environment or host"
        )
    if "trust_env" in found:
        flag = _FLAGS.get(found["trust_env"].strip().lower())
        if flag is None:
            raise ValueError("ZUORA_TRUST_ENV must be true or false")
        found["trust_env"] = flag
    return found
