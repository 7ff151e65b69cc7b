"""Every setting of the client, in one place and without side effects.

Making or changing a `Configuration` opens nothing, reads no environment and sets no log level; only `debug` and
`logger_file` touch logging, and only this package's own logger. What is wrong is refused where it is set. Copies
(``copy.deepcopy``, pickle, `Configuration.set_default`) carry what the caller configured and share nothing that can
change.
"""

from __future__ import annotations

import base64
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._base.base_url import BaseURL
from ._base.parameters import header_text, text
from ._version import __version__
from .deadline import seconds_or_none
from .environments import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self, Unpack

    from ._base.configuration_kwargs import ConfigurationKwargs, FromEnvKwargs

logging.getLogger("zuora_client").addHandler(logging.NullHandler())


def _host(_: str, value: Any) -> str:
    return BaseURL(value).url


def _count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1; it is {value}")
    return value


def _count_or_none(name: str, value: Any) -> int | None:
    return None if value is None else _count(name, value)


def _required_seconds(name: str, value: Any) -> float:
    seconds = seconds_or_none(name, value)
    if seconds is None:
        raise ValueError(f"{name} must be a number of seconds; it cannot be None")
    return seconds


def _secret_text(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes)) or (name == "access_token" and callable(value)):
        return value
    kinds = "text, bytes or a callable that returns them" if name == "access_token" else "text or bytes"
    raise TypeError(f"{name} must be {kinds}, not {type(value).__name__}")


def _instance(kinds: Any, words: str) -> Callable[[str, Any], Any]:
    def check(name: str, value: Any) -> Any:
        if not isinstance(value, kinds):
            raise TypeError(f"{name} must be {words}, not {type(value).__name__}")
        return value

    return check


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        # "false" from a file would be true.
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value


def _header_or_none(name: str, value: Any) -> Any:
    if value is not None and not isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be text or bytes, not {type(value).__name__}")
    if value:
        header_text(name, value)
    return value


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "host": _host,
    "client_id": _secret_text,
    "client_secret": _secret_text,
    "access_token": _secret_text,
    "entity_id": _header_or_none,
    "user_agent_suffix": _header_or_none,
    **dict.fromkeys(("raise_on_failure", "allow_insecure_http", "trust_env", "strict_x509"), _flag),
    "proxy": _instance((str, type(None)), "text or None"),
    "connect_timeout": seconds_or_none,
    "read_timeout": seconds_or_none,
    "deadline": seconds_or_none,
    "max_attempts": _count,
    "max_retry_after": _required_seconds,
    "max_response_bytes": _count_or_none,
    "connection_pool_maxsize": _count,
    **dict.fromkeys(("api_key", "api_key_prefix"), _instance(dict, "a dict")),
    "logger_stream_handler": _instance((logging.Handler, type(None)), "a logging.Handler or None"),
    "logger_file_handler": _instance((logging.Handler, type(None)), "a logging.Handler or None"),
}


class Configuration:
    """The settings of a client. Every keyword is also an attribute that may be assigned later.

    Host, credentials and timeouts are read at each call. TLS, proxy and pool settings are read when an `ApiClient` is
    made: make another client to change them.

    Args:
        host: base URL; a trailing slash is dropped, a path in it goes in front of every resource path.
            ``https://rest.zuora.com`` when neither `host` nor `environment` is given.
        environment: an `Environment` or its name, instead of `host`.
        client_id, client_secret: OAuth client credentials; the client fetches and renews tokens itself.
        access_token: a bearer token, or a callable that returns one and is asked for every attempt.
        entity_id: the entity a call runs in when the call names none, in either spelling.
        connect_timeout, read_timeout: seconds for each attempt, 10 and 130 (Zuora itself gives up after 120).
            None switches one off.
        deadline: seconds for a whole call, 300: tokens, waits and all attempts. None switches it off.
        max_attempts: how often one request may be sent, 3.
        max_retry_after: the longest wait, in seconds, that Zuora may ask for before the call raises instead, 120.
        max_response_bytes: the largest response, before and after decoding. None, the default, means 4 MiB for the five
            operations, entities and tokens, and 32 MiB for other paths.
        raise_on_failure: False returns an answer of ``success: false`` as an object, as generated clients do.
        allow_insecure_http: True permits credentials over plain http to a host that is not this machine.
        strict_x509: False accepts CA certificates that lack what RFC 5280 requires, as Python before 3.13 did. All
            other checks of certificates stay.
        user_agent_suffix: text appended to the User-Agent, for example your service and its version.
        proxy: URL of a proxy, with ``user:password@`` when it asks for them.
        trust_env: True reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY when `proxy` is not set.

    Raises:
        ValueError: both `host` and `environment`; an unusable URL, number or name.
        TypeError: a value of another type.
    """

    _default: Configuration | None = None

    host: str
    client_id: str | bytes | None
    client_secret: str | bytes | None
    access_token: str | bytes | Callable[[], str | bytes] | None
    entity_id: str | bytes | None
    connect_timeout: float | None
    read_timeout: float | None
    deadline: float | None
    max_attempts: int
    max_retry_after: float
    max_response_bytes: int | None
    connection_pool_maxsize: int

    def __init__(
        self,
        host: str | None = None,
        *,
        environment: Environment | str | None = None,
        client_id: str | bytes | None = None,
        client_secret: str | bytes | None = None,
        access_token: str | bytes | Callable[[], str | bytes] | None = None,
        entity_id: str | bytes | None = None,
        **settings: Unpack[ConfigurationKwargs],
    ) -> None:
        if host is not None and environment is not None:
            raise ValueError("give host or environment, not both: each names the base URL")
        if self._default is not None:
            start = _copied(self._default)
            self.__dict__.update(start.__dict__)
            if type(self) is Configuration:
                self.__class__ = type(start)
        else:
            self._set_defaults()
        given = {"host": host, "environment": environment, "client_id": client_id, "client_secret": client_secret}
        for name, value in {**given, "access_token": access_token, "entity_id": entity_id, **settings}.items():
            if name in settings and name not in self.__dict__ and name not in ("debug", "logger_file"):
                raise TypeError(f"Configuration has no setting {name!r}")
            if value is not None or name in settings:
                # Two configurations made from one dict of keys share nothing that can change.
                setattr(self, name, dict(value) if isinstance(value, dict) else value)

    def _set_defaults(self) -> None:
        self.host = Environment.US.value
        self.client_id = self.client_secret = self.access_token = self.entity_id = None
        self.api_key: dict[str, str] = {}
        self.api_key_prefix: dict[str, str] = {}
        self.username = ""
        self.password = ""

        self.connect_timeout = 10.0
        self.read_timeout = 130.0
        self.deadline = 300.0
        self.max_attempts = 3
        self.max_retry_after = 120.0
        self.max_response_bytes = None
        self.raise_on_failure = True
        self.allow_insecure_http = False
        self.user_agent_suffix = ""

        self.verify_ssl = True
        self.strict_x509 = True
        self.ssl_ca_cert: str | None = None
        self.cert_file: str | None = None
        self.key_file: str | None = None
        self.assert_hostname: str | bool | None = None
        self.connection_pool_maxsize = (os.cpu_count() or 1) * 5
        self.proxy: str | None = None
        self.trust_env = False

        self.safe_chars_for_path_param = ""
        self.temp_folder_path: str | None = None
        self.logger_format = "%(asctime)s %(levelname)s %(message)s"
        self.logger_stream_handler: logging.Handler | None = None
        self.logger_file_handler: logging.Handler | None = None
        self._logger_file: str | None = None
        self._debug = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Unpack[FromEnvKwargs]) -> Self:
        """Return a configuration from the environment; keywords win over it.

        Reads ZUORA_HOST or ZUORA_ENVIRONMENT, ZUORA_CLIENT_ID, ZUORA_CLIENT_SECRET, ZUORA_ACCESS_TOKEN and
        ZUORA_ENTITY_ID. A variable that is empty counts as not set.

        Raises:
            ValueError: both ZUORA_HOST and ZUORA_ENVIRONMENT, or a value that the setting refuses.
        """
        environ = os.environ if environ is None else environ
        names = ("host", "environment", "client_id", "client_secret", "access_token", "entity_id")
        known = {name: environ.get(f"ZUORA_{name.upper()}") for name in names}
        found: dict[str, Any] = {name: value for name, value in known.items() if value}
        if "host" in settings or "environment" in settings:
            found.pop("host", None)
            found.pop("environment", None)
        found.update(settings)
        return cls(**found)

    @classmethod
    def set_default(cls, default: Configuration | None) -> None:
        """Let every later ``Configuration()`` start as a copy of `default`; None goes back to the built-in values."""
        cls._default = _copied(default)

    if not TYPE_CHECKING:  # A checker that sees it would take every misspelled setting for one.

        def __setattr__(self, name: str, value: Any) -> None:
            check = _CHECKS.get(name)
            object.__setattr__(self, name, value if check is None else check(name, value))

    @property
    def environment(self) -> Environment | None:
        """The data center whose URL `host` is, or None. Assigning one sets `host`."""
        return next((member for member in Environment if member.value == self.host), None)

    @environment.setter
    def environment(self, value: Environment | str) -> None:
        self.host = Environment.of(value).value

    # -- credentials, in the generated form -------------------------------------------------------------------------

    def get_api_key_with_prefix(self, identifier: str) -> str | None:
        """Return the key called `identifier` behind its prefix, or None when there is no such key."""
        key: Any = self.api_key.get(identifier)
        prefix: Any = self.api_key_prefix.get(identifier)
        return f"{text('api_key_prefix', prefix)} {text('api_key', key)}" if key and prefix else key

    def get_basic_auth_token(self) -> str:
        """Return the Authorization value for `username` and `password`."""
        pair = f"{text('username', self.username)}:{text('password', self.password)}".encode("utf-8", "replace")
        return "Basic " + base64.b64encode(pair).decode("ascii")

    def auth_settings(self) -> dict[str, dict[str, Any]]:
        """Return what ``auth_settings`` of `ApiClient.call_api` may name: each key of `api_key`, and ``basic``."""
        settings: dict[str, dict[str, Any]] = {
            name: {"type": "api_key", "in": "header", "key": name, "value": self.get_api_key_with_prefix(name)}
            for name in self.api_key
        }
        settings["basic"] = {
            "type": "basic",
            "in": "header",
            "key": "Authorization",
            "value": self.get_basic_auth_token() if self.username or self.password else None,
        }
        return settings

    @property
    def credentials_kind(self) -> str:
        """The credentials that a call will use, as text without a secret."""
        if self.access_token is not None:
            return "access token" + (" from a callable" if callable(self.access_token) else "")
        if self.client_id or self.client_secret:
            return "OAuth client credentials"
        return "access keys" if {"apiAccessKeyId", "apiSecretAccessKey"} & self.api_key.keys() else "none"

    @property
    def credentials(self) -> str:
        """The earlier name of `credentials_kind`."""
        return self.credentials_kind

    # -- logging, in the generated form -----------------------------------------------------------------------------

    @property
    def logger(self) -> dict[str, logging.Logger]:
        """The loggers by role. This client writes to ``package_logger`` only."""
        return {"package_logger": logging.getLogger("zuora_client"), "urllib3_logger": logging.getLogger("urllib3")}

    @property
    def debug(self) -> bool:
        """Whether this package's logger tells each attempt (no bodies, no secrets), on stderr or in `logger_file`."""
        return self._debug

    @debug.setter
    def debug(self, value: bool) -> None:
        if bool(value) != self._debug:
            # Not otherwise: what the application set is the application's.
            logging.getLogger("zuora_client").setLevel(logging.DEBUG if value else logging.NOTSET)
        self._debug = bool(value)
        if self._debug and self.logger_file_handler is None and self.logger_stream_handler is None:
            self.logger_stream_handler = self._add(logging.StreamHandler())
        elif not self._debug:
            self._remove("logger_stream_handler")

    @property
    def logger_file(self) -> str | None:
        """A file for this package's logger instead of stderr; None closes it. ValueError: it cannot be written."""
        return self._logger_file

    @logger_file.setter
    def logger_file(self, value: str | None) -> None:
        try:
            handler = logging.FileHandler(value, encoding="utf-8") if value else None
        except OSError as error:
            raise ValueError(f"logger_file: cannot write to it ({error})") from None
        self._remove("logger_file_handler")
        self._logger_file = value
        if handler is not None:
            self.logger_file_handler = self._add(handler)
            self._remove("logger_stream_handler")

    def _add(self, handler: logging.Handler) -> logging.Handler:
        handler.setFormatter(logging.Formatter(self.logger_format))
        logging.getLogger("zuora_client").addHandler(handler)
        return handler

    def _remove(self, name: str) -> None:
        handler = getattr(self, name)
        if handler is not None:
            logging.getLogger("zuora_client").removeHandler(handler)
            handler.close()
            setattr(self, name, None)

    # -- copies and text --------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        # Handlers hold locks and streams, and belong to the object that added them.
        return {**self.__dict__, "logger_stream_handler": None, "logger_file_handler": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> Configuration:
        # A callable that gives tokens is shared: it may hold a lock, and a copy of it would be a second source.
        memo[id(self.access_token)] = self.access_token
        other = object.__new__(type(self))
        memo[id(self)] = other
        other.__dict__.update(_copied(self.__getstate__(), memo))
        return other

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"<Configuration {self.host}, credentials: {self.credentials_kind}>"

    def to_debug_report(self) -> str:
        """Return what a bug report needs: versions, host, kind of credentials. It holds no secret."""
        # Imported here: it costs start-up time, and only people who write a bug report need it.
        from importlib import metadata

        def version(distribution: str) -> str:
            try:
                return metadata.version(distribution)
            except metadata.PackageNotFoundError:
                return "not installed as a distribution"

        lines = [
            "Python SDK Debug Report:",
            f"OS: {sys.platform}",
            f"Python Version: {sys.version.split()[0]}",
            "Version of the API: 2019-07-26",
            f"SDK Package Version: {__version__}",
            *(f"{name}: {version(name)}" for name in ("urllib3", "certifi", "six", "python-dateutil")),
            f"Host: {self.host}",
            f"Credentials: {self.credentials_kind}",
        ]
        return "\n".join(lines)


def _copied(value: Any, memo: dict[int, Any] | None = None) -> Any:
    # Imported here: it costs start-up time, and few settings are ever copied.
    from copy import deepcopy

    return deepcopy(value, memo)
