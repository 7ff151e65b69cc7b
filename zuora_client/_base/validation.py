"""Validators of the settings, by name. Each returns the value to keep, or raises an error that names the setting."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from ..deadline import seconds_or_none
from .base_url import BaseURL
from .parameters import header_text
from .secrets import SecretDict


def _validate_host(_: str, value: Any) -> str:
    return BaseURL(value).url


def _validate_count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
    return value


def _validate_optional_count(name: str, value: Any) -> int | None:
    return None if value is None else _validate_count(name, value)


def _validate_seconds(name: str, value: Any) -> float:
    seconds = seconds_or_none(name, value)
    if seconds is None:
        raise ValueError(f"{name} must be a number of seconds, not None")
    return seconds


def _validate_credential(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes)) or (name == "access_token" and callable(value)):
        return value
    expected = "text, bytes or a callable that returns them" if name == "access_token" else "text or bytes"
    raise TypeError(f"{name} must be {expected}, not {type(value).__name__}")


def _instance_of(types: Any, expected: str) -> Callable[[str, Any], Any]:
    def validate(name: str, value: Any) -> Any:
        if not isinstance(value, types):
            raise TypeError(f"{name} must be {expected}, not {type(value).__name__}")
        return value

    return validate


def _validate_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        # The text "false", as read from a file, would be truthy.
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value


def _validate_path(name: str, value: Any) -> str | None:
    if value is None:
        return None
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise TypeError(f"{name} must be the path of a file as text, or None, not {type(value).__name__}")
    if not path:
        raise ValueError(f"{name} is empty: pass the path of a file, or None")
    return path


def _validate_host_name(name: str, value: Any) -> str | bool | None:
    if value is True or not isinstance(value, (str, bool, type(None))):
        raise TypeError(
            f"{name} must be None, False or a host name, not {value if value is True else type(value).__name__}"
        )
    if value == "":
        raise ValueError(f"{name} is empty: pass a host name, None to expect that of the host, or False to accept any")
    return value


def _validate_header(name: str, value: Any) -> Any:
    if value is not None and not isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be text or bytes, not {type(value).__name__}")
    if value:
        header_text(name, value)
    return value


def _validate_callable(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be a callable or None, not {type(value).__name__}")
    return value


def _validate_token_store(_: str, value: Any) -> Any:
    if value is None:
        return None
    # Imported here: it costs start-up time, and most programs use no token store.
    from ..token_store import validate_token_store

    return validate_token_store(value)


def _api_key(name: str, value: Any) -> SecretDict:
    return SecretDict(_instance_of(dict, "a dict")(name, value))


VALIDATORS: dict[str, Callable[[str, Any], Any]] = {
    "host": _validate_host,
    **dict.fromkeys(("client_id", "client_secret", "access_token"), _validate_credential),
    **dict.fromkeys(("entity_id", "user_agent_suffix"), _validate_header),
    **dict.fromkeys(
        ("raise_on_failure", "allow_insecure_http", "trust_env", "strict_x509", "verify_ssl"), _validate_flag
    ),
    **dict.fromkeys(("ssl_ca_cert", "cert_file", "key_file"), _validate_path),
    "assert_hostname": _validate_host_name,
    "on_event": _validate_callable,
    "token_store": _validate_token_store,
    "proxy": _instance_of((str, type(None)), "text or None"),
    **dict.fromkeys(("connect_timeout", "read_timeout", "deadline"), seconds_or_none),
    "max_retry_after": _validate_seconds,
    **dict.fromkeys(("max_attempts", "connection_pool_maxsize"), _validate_count),
    "max_response_bytes": _validate_optional_count,
    "api_key": _api_key,
    "api_key_prefix": _instance_of(dict, "a dict"),
    **dict.fromkeys(
        ("logger_stream_handler", "logger_file_handler"),
        _instance_of((logging.Handler, type(None)), "a logging.Handler or None"),
    ),
}
