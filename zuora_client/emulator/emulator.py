"""`ZuoraEmulator`: tenant, credentials, server and recorded requests in one object."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from .arguments import validate_number
from .auth import Client, Credentials
from .fault_plan import FaultPlan
from .faults import Fault
from .messages import Request
from .server import Server
from .service import Service
from .state import Connection, Entity, EntityLike, Hierarchy, make_entities


class ZuoraEmulator:
    """A Zuora tenant with Multi-entity, served over HTTP/1.1 on the local machine.

        with ZuoraEmulator() as zuora:
            print(zuora.url, zuora.client_id, zuora.client_secret, zuora.entities[0].id)

    Entities, connections, tokens and the recorded requests survive `stop()` and a later `start()`.

    Args:
        entities: the number of entities (1 to 512), or their names; the first is the root. The default names are those
            of Zuora's published sample.
        host: the address to listen on. Credentials are sent unencrypted, so keep to the loopback interface.
        port: the port; 0 lets the system choose one.
        ssl_context: a server-side context with a certificate; the URL is then `https`.
        token_lifetime: lifetime of an OAuth token in seconds, 3599 as in Zuora's sample.
        clock: returns monotonic seconds. Tokens, stored responses and rate-limit windows expire by this clock, so a
            test can replace it to make time pass. Faults wait in real time.
        keep_alive_seconds: closes a connection that was idle for this long; None never does.

    Raises:
        TypeError, ValueError: an argument is invalid.
    """

    def __init__(
        self,
        entities: int | Sequence[str] = 3,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        token_lifetime: float = 3599,
        clock: Callable[[], float] = time.monotonic,
        keep_alive_seconds: float | None = None,
    ) -> None:
        if ssl_context and (ssl_context.check_hostname or ssl_context.protocol == ssl.PROTOCOL_TLS_CLIENT):
            raise ValueError(
                "ssl_context must be a server-side context, such as ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)"
            )
        if not host:
            raise ValueError("host must not be empty: the emulator would listen on every interface")
        validate_number("token_lifetime", token_lifetime)
        if keep_alive_seconds is not None:
            validate_number("keep_alive_seconds", keep_alive_seconds)
        self._hierarchy = Hierarchy(make_entities(entities))
        self._credentials = Credentials(self._hierarchy.entities, token_lifetime, clock)
        self._service = Service(self._hierarchy, self._credentials, token_lifetime, clock)
        self._client = self._credentials.add_client(())
        self._origin = f"{'https' if ssl_context else 'http'}://{f'[{host}]' if ':' in host else host}"
        self._url = ""
        self.faults = FaultPlan()
        self._server = Server(self._service, self.faults, host, port, ssl_context, keep_alive_seconds)

    def start(self) -> ZuoraEmulator:
        """Start listening; does nothing if already started. After `stop()`, the same port is reused if it is free."""
        self._url = f"{self._origin}:{self._server.start()}"
        self._service.operations.base_url = self._url
        return self

    def stop(self) -> None:
        """Close the port and every connection, and end every wait of a fault; does nothing if already stopped."""
        self._server.stop()

    def __enter__(self) -> ZuoraEmulator:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash; kept after `stop()`. RuntimeError before the first `start()`."""
        if not self._url:
            raise RuntimeError("the emulator has no URL before start()")
        return self._url

    @property
    def entities(self) -> tuple[Entity, ...]:
        """All entities; `entities[0]` is the root."""
        return self._hierarchy.entities

    @property
    def connections(self) -> list[Connection]:
        """All connections in their current state, disconnected ones included, oldest first."""
        return self._hierarchy.connections()

    @property
    def requests(self) -> list[Request]:
        """The requests received, oldest first; only the latest 100,000 are kept."""
        with self._server.lock:
            return list(self._server.requests)

    @property
    def client_id(self) -> str:
        """The id (36 characters) of an OAuth client that is valid for all entities."""
        return self._client.client_id

    @property
    def client_secret(self) -> str:
        """The secret of that client (at most 42 characters). It must be form-encoded."""
        return self._client.client_secret

    @property
    def access_key_id(self) -> str:
        """The value for the legacy header `apiAccessKeyId`. The access keys belong to a user of the root entity."""
        return self._credentials.access_key_id

    @property
    def secret_access_key(self) -> str:
        """The value for the legacy header `apiSecretAccessKey`."""
        return self._credentials.access_key_secret

    def add_connection(
        self, source: EntityLike, target: EntityLike, status: str = "Connected", id: str | None = None
    ) -> Connection:
        """Add a connection directly, without the rules of the API.

        Args:
            source: an entity, or its id in either format.
            target: an entity, or its id in either format.
            status: any text. A connection whose status Zuora does not define is not changed by any operation.
            id: the id of the connection; generated by default.

        Raises:
            ValueError: an entity is unknown, source and target are the same, or the id is already used.
        """
        return self._hierarchy.add(self._hierarchy.entity(source).id, self._hierarchy.entity(target).id, status, id)

    def add_client(self, *entities: EntityLike) -> Client:
        """Create another OAuth client, valid for these entities only, or for all of them if none is given."""
        return self._credentials.add_client(self._hierarchy.entity(entity) for entity in entities)

    def issue_token(self, *entities: EntityLike) -> str:
        """Return a new bearer token, valid for these entities only, or for all of them if none is given."""
        return self._credentials.issue_token(self._hierarchy.entity(entity) for entity in entities)

    def expire_tokens(self) -> None:
        """Invalidate every token issued so far."""
        self._credentials.expire_tokens()

    def fail_next(self, fault: Fault, times: int = 1, *, method: str | None = None, path: str = "/v1/*") -> None:
        """Apply `fault` to the next `times` requests that match.

        Args:
            fault: the fault to apply.
            times: the number of requests.
            method: only requests with this method.
            path: only requests whose path is or matches this, as in `FaultPlan.add`. The default excludes the token
                endpoint.
        """
        self.faults.add(fault, method=method, path=path, times=times)
