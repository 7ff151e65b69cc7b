"""The keyword arguments of `Configuration`, typed. Imported for type checking only."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from ..environments import Environment
    from ..token_store import TokenStore


class ConfigurationKwargs(TypedDict, total=False):
    """Keyword arguments of `Configuration` beyond those in its signature."""

    connect_timeout: float | None
    read_timeout: float | None
    deadline: float | None
    max_attempts: int
    max_retry_after: float
    max_response_bytes: int | None
    token_store: TokenStore | None
    raise_on_failure: bool
    allow_insecure_http: bool
    user_agent_suffix: str

    verify_ssl: bool
    strict_x509: bool
    ssl_ca_cert: str | None
    cert_file: str | None
    key_file: str | None
    assert_hostname: str | bool | None
    connection_pool_maxsize: int
    proxy: str | None
    trust_env: bool

    api_key: dict[str, str]
    api_key_prefix: dict[str, str]
    username: str
    password: str
    safe_chars_for_path_param: str
    temp_folder_path: str | None
    debug: bool
    logger_file: str | None
    logger_format: str
    logger_stream_handler: logging.Handler | None
    logger_file_handler: logging.Handler | None


class FromEnvKwargs(ConfigurationKwargs, total=False):
    """Keyword arguments of `Configuration.from_env`; they take precedence over the environment."""

    host: str | None
    environment: Environment | str | None
    client_id: str | bytes | None
    client_secret: str | bytes | None
    access_token: str | bytes | Callable[[], str | bytes] | None
    entity_id: str | bytes | None
