"""All settings of the client.

Creating or changing a `Configuration` has no side effects: it opens nothing and reads no environment variables. Only
`debug` and `logger_file` affect logging, and only this package's own logger. Values are validated on assignment. Copies
(``copy.deepcopy``, pickle, `Configuration.set_default`) keep every setting and share no mutable state but the token
store.
"""

from __future__ import annotations

import base64
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._base.parameters import text
from ._base.secrets import SecretAttribute, held
from ._base.validation import VALIDATORS
from ._version import __version__
from .environments import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self, Unpack

    from ._base.configuration_kwargs import ConfigurationKwargs, FromEnvKwargs
    from .events import Event
    from .token_store import TokenStore

logging.getLogger("zuora_client").addHandler(logging.NullHandler())


class _DebugHandler(logging.StreamHandler):  # type: ignore[type-arg] # not subscriptable before Python 3.11
    """Writes to stderr what no other handler writes, as `logging.lastResort` does. Files do not count."""

    def emit(self, record: logging.LogRecord) -> None:
        logger: logging.Logger | None = logging.getLogger("zuora_client")
        last: logging.Handler = self
        while logger is not None:
            for handler in logger.handlers:
                if not isinstance(handler, (logging.NullHandler, logging.FileHandler)):
                    last = handler
            logger = logger.parent if logger.propagate else None
        if last is self:
            super().emit(record)


class Configuration:
    """The settings of a client. Every keyword is also an attribute that may be assigned later.

    Host, credentials and timeouts are read at each call. TLS, proxy and pool settings are read when an `ApiClient` is
    created: create another client to change them.

    Args:
        host: base URL; a trailing slash is removed, a path in it precedes every resource path.
            ``https://rest.zuora.com`` if neither `host` nor `environment` is given.
        environment: an `Environment` or its name, instead of `host`.
        client_id, client_secret: OAuth client credentials; the client fetches and refreshes tokens itself.
        access_token: a bearer token, or a callable that returns one and is called for every attempt.
        token_store: where processes share a token, see `zuora_client.token_store`; copies share it; None for none.
        entity_id: the default entity of a call, with or without hyphens.
        connect_timeout, read_timeout: seconds for each attempt; defaults 10 and 130 (Zuora's own limit is 120).
            None disables a timeout.
        deadline: seconds for a whole call: tokens, waits and all attempts; default 300. None disables it.
        max_attempts: maximum number of attempts per call, the first included; default 3.
        max_retry_after: maximum ``Retry-After`` in seconds; if Zuora asks for a longer wait, the call raises; default
            120.
        max_response_bytes: maximum size of a response, before and after decompression. Default None: 4 MiB for the five
            operations, entities and tokens, 32 MiB for other paths.
        raise_on_failure: False returns a response with ``success: false`` as a model, as generated clients do.
        allow_insecure_http: True permits credentials over unencrypted HTTP to a remote host.
        strict_x509: False accepts CA certificates that lack what RFC 5280 requires, as Python did before 3.13; all
            other checks of certificates remain.
        user_agent_suffix: text appended to the User-Agent, for example your service and its version.
        on_event: a callable that is called with each event of `zuora_client.events`.
        proxy: URL of a proxy, with ``user:password@`` if it needs authentication.
        trust_env: True reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY if `proxy` is not set.

    Raises:
        ValueError: both `host` and `environment`, or an invalid URL, number or name.
        TypeError: a value of the wrong type.
    """

    _default: Configuration | None = None
    # Setting -> variable, for those that `from_env` read.
    _variables: dict[str, str]

    host: str
    client_id: str | bytes | None
    # Read and assigned as plain text; what shows `__dict__` shows none of them.
    client_secret: SecretAttribute[str | bytes | None] = SecretAttribute()
    access_token: SecretAttribute[str | bytes | Callable[[], str | bytes] | None] = SecretAttribute()
    password: SecretAttribute[str] = SecretAttribute()
    proxy: SecretAttribute[str | None] = SecretAttribute()
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
            raise ValueError("pass host or environment, not both: each sets the base URL")
        if self._default is not None:
            default = _deepcopy(self._default)
            self.__dict__.update(default.__dict__)
            if type(self) is Configuration:
                self.__class__ = type(default)
        else:
            self._set_defaults()
        given = {"host": host, "environment": environment, "client_id": client_id, "client_secret": client_secret}
        for name, value in {**given, "access_token": access_token, "entity_id": entity_id, **settings}.items():
            if name in settings and name not in self.__dict__ and name not in ("debug", "logger_file"):
                raise TypeError(f"Configuration has no setting {name!r}")
            if value is not None or name in settings:
                # Copied, so that two configurations created from one dict share no mutable state.
                setattr(self, name, dict(value) if isinstance(value, dict) else value)

    def _set_defaults(self) -> None:
        self.host = Environment.US.value
        self.client_id = self.client_secret = self.access_token = self.entity_id = None
        self.api_key: dict[str, str] = {}
        self.api_key_prefix: dict[str, str] = {}
        self.username = ""
        self.password = ""
        self.token_store: TokenStore | None = None

        self.connect_timeout = 10.0
        self.read_timeout = 130.0
        self.deadline = 300.0
        self.max_attempts = 3
        self.max_retry_after = 120.0
        self.max_response_bytes = None
        self.raise_on_failure = True
        self.allow_insecure_http = False
        self.user_agent_suffix = ""
        self.on_event: Callable[[Event], object] | None = None

        self.verify_ssl = True
        self.strict_x509 = True
        self.ssl_ca_cert: str | None = None
        self.cert_file: str | None = None
        self.key_file: str | None = None
        self.assert_hostname: str | bool | None = None
        self.connection_pool_maxsize = (os.cpu_count() or 1) * 5
        self.proxy = None
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
        """Return a configuration from environment variables. Keyword arguments take precedence.

        Reads ZUORA_HOST or ZUORA_ENVIRONMENT (one of them is required, unless `host` or `environment` is passed),
        ZUORA_CLIENT_ID, ZUORA_CLIENT_SECRET, ZUORA_ACCESS_TOKEN, ZUORA_ENTITY_ID, ZUORA_PROXY, ZUORA_CA_BUNDLE (for
        `ssl_ca_cert`) and ZUORA_TRUST_ENV (true or false). An empty variable counts as unset.

        Args:
            environ: the variables; ``os.environ`` if None.

        Raises:
            ValueError: no host, both ZUORA_HOST and ZUORA_ENVIRONMENT, or an invalid value. The message names the
                variable.
        """
        # Imported here: many programs pass their settings.
        from ._base.environment_variables import VARIABLES, read_variables

        found = read_variables(os.environ if environ is None else environ, settings)
        configuration = cls(**settings)
        name = ""
        try:
            for name, value in found.items():
                setattr(configuration, name, value)
        except ValueError as error:
            raise ValueError(f"{VARIABLES[name]}: {str(error).removeprefix(f'{name}: ')}") from None
        configuration._variables = {name: VARIABLES[name] for name in found}
        return configuration

    @classmethod
    def set_default(cls, default: Configuration | None) -> None:
        """Make every later ``Configuration()`` a copy of `default`; None restores the built-in defaults."""
        cls._default = _deepcopy(default)

    if not TYPE_CHECKING:  # Hidden from type checkers, which would otherwise accept misspelled settings.

        def __setattr__(self, name: str, value: Any) -> None:
            validate = VALIDATORS.get(name)
            object.__setattr__(self, name, value if validate is None else validate(name, value))
            self.__dict__.get("_variables", {}).pop(name, None)

    def source_of(self, name: str) -> str:
        """Return the variable that `from_env` read a setting from; the name of the setting if it was set otherwise."""
        source: str = self.__dict__.get("_variables", {}).get(name, name)
        return source

    @property
    def environment(self) -> Environment | None:
        """The data center of `host`, or None for another host. Assigning a member or its name sets `host`."""
        return next((member for member in Environment if member.value == self.host), None)

    @environment.setter
    def environment(self, value: Environment | str) -> None:
        self.host = Environment.of(value).value

    # -- credentials, in the generated form -------------------------------------------------------------------------

    def get_api_key_with_prefix(self, identifier: str) -> str | None:
        """Return the API key `identifier`, preceded by its prefix if it has one. None if there is no such key."""
        key: Any = self.api_key.get(identifier)
        prefix: Any = self.api_key_prefix.get(identifier)
        return f"{text('api_key_prefix', prefix)} {text('api_key', key)}" if key and prefix else key

    def get_basic_auth_token(self) -> str:
        """Return the Authorization header value for `username` and `password`."""
        pair = f"{text('username', self.username)}:{text('password', self.password)}".encode("utf-8", "replace")
        return "Basic " + base64.b64encode(pair).decode("ascii")

    def auth_settings(self) -> dict[str, dict[str, Any]]:
        """Return the entries that ``auth_settings`` of `ApiClient.call_api` can name: each API key, and ``basic``."""
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
        """The kind of credentials that a call will use: ``OAuth client credentials``, ``access token``, ``access token
        from a callable``, ``access keys`` or ``none``."""
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
        """The loggers by role. This client only writes to ``package_logger``."""
        return {"package_logger": logging.getLogger("zuora_client"), "urllib3_logger": logging.getLogger("urllib3")}

    @property
    def debug(self) -> bool:
        """Whether each attempt is logged (no bodies, no secrets).

        The lines go to `logger_file` or, if the application has no log handlers of its own, to stderr.
        """
        return self._debug

    @debug.setter
    def debug(self, value: bool) -> None:
        if bool(value) != self._debug:
            # Only on a change, so that a level set by the application is kept.
            logging.getLogger("zuora_client").setLevel(logging.DEBUG if value else logging.NOTSET)
        self._debug = bool(value)
        if self._debug and self.logger_file_handler is None and self.logger_stream_handler is None:
            self.logger_stream_handler = self._add_handler(_DebugHandler())
        elif not self._debug:
            self._remove_handler("logger_stream_handler")

    @property
    def logger_file(self) -> str | None:
        """A file that this package's logger writes to, instead of stderr. None closes it.

        Raises:
            ValueError: the file cannot be written.
        """
        return self._logger_file

    @logger_file.setter
    def logger_file(self, value: str | None) -> None:
        try:
            handler = logging.FileHandler(value, encoding="utf-8") if value else None
        except OSError as error:
            raise ValueError(f"logger_file cannot be written: {error}") from None
        self._remove_handler("logger_file_handler")
        self._logger_file = value
        if handler is not None:
            self.logger_file_handler = self._add_handler(handler)
            self._remove_handler("logger_stream_handler")

    def _add_handler(self, handler: logging.Handler) -> logging.Handler:
        handler.setFormatter(logging.Formatter(self.logger_format))
        logging.getLogger("zuora_client").addHandler(handler)
        return handler

    def _remove_handler(self, name: str) -> None:
        handler = getattr(self, name)
        if handler is not None:
            logging.getLogger("zuora_client").removeHandler(handler)
            handler.close()
            setattr(self, name, None)

    # -- copies and text --------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        # Handlers contain locks and streams, and belong to the object that added them.
        return {**self.__dict__, "logger_stream_handler": None, "logger_file_handler": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> Configuration:
        # Shared: a callable or a store may contain locks and connections, and a copy of it would be a second source of
        # tokens, or a second counter of events.
        for shared in (held(self, "access_token"), self.token_store, self.on_event):
            memo[id(shared)] = shared
        other = object.__new__(type(self))
        memo[id(self)] = other
        other.__dict__.update(_deepcopy(self.__getstate__(), memo))
        return other

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"<Configuration {self.host}, credentials: {self.credentials_kind}>"

    def to_debug_report(self) -> str:
        """Return versions, host and kind of credentials for a bug report. Contains no secret."""
        # Imported here: it costs start-up time, and only bug reports need it.
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


def _deepcopy(value: Any, memo: dict[int, Any] | None = None) -> Any:
    # Imported here: it costs start-up time, and configurations are rarely copied.
    from copy import deepcopy

    return deepcopy(value, memo)
