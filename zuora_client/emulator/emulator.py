"""The embedded Zuora that users hold in their hands: tenant, credentials, server and record in one object.

Invariant: what is here outlives :meth:`ZuoraEmulator.stop`. Entities, connections, tokens and the record of requests
are the same after the next start; only the sockets are new.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from .arguments import checked
from .auth import Client, Credentials
from .fault_plan import FaultPlan
from .faults import Fault
from .messages import Request
from .server import Server
from .service import Service
from .state import Connection, Entity, EntityLike, Hierarchy, make_entities


class ZuoraEmulator:
    """A Zuora tenant with Multi-entity, served over HTTP/1.1 on this machine.

        with ZuoraEmulator() as zuora:
            print(zuora.url, zuora.client_id, zuora.client_secret, zuora.entities[0].id)

    Args:
        entities: how many entities (1 to 512), or their names; the first is the root. Default names are those of
            Zuora's published sample.
        host: the address to listen on. The loopback default is what keeps it private: credentials travel in the open.
        port: the port; 0 lets the system choose one.
        ssl_context: a server-side context with a certificate; the URL is then ``https``. ValueError for another.
        token_lifetime: seconds that an OAuth token is good for, 3599 as in Zuora's sample.
        clock: seconds that never run backwards. Tokens expire, stored answers are forgotten and rate windows turn by
            this clock; replace it and a test can make an hour pass. Delays of faults take real time.
        keep_alive_seconds: closes a connection on which nothing has come for this long; None never does.
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
            raise ValueError("ssl_context must be one for servers, such as ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)")
        if not host:
            raise ValueError("host is empty, which would mean every interface of this machine; name an address")
        checked("token_lifetime", token_lifetime)
        if keep_alive_seconds is not None:
            checked("keep_alive_seconds", keep_alive_seconds)
        self._hierarchy = Hierarchy(make_entities(entities))
        self._credentials = Credentials(self._hierarchy.entities, token_lifetime, clock)
        self._service = Service(self._hierarchy, self._credentials, token_lifetime, clock)
        self._client = self._credentials.add_client(())
        self._origin = f"{'https' if ssl_context else 'http'}://{f'[{host}]' if ':' in host else host}"
        self._url = ""
        self.faults = FaultPlan()
        self._server = Server(self._service, self.faults, host, port, ssl_context, keep_alive_seconds)

    def start(self) -> ZuoraEmulator:
        """Listen. Does nothing when it listens already; after a stop, takes the same port again if it can."""
        self._url = f"{self._origin}:{self._server.start()}"
        self._service.operations.base_url = self._url
        return self

    def stop(self) -> None:
        """Close the port and every connection, and end every wait. Does nothing when it is stopped."""
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
        """The base URL, no slash at its end. After a stop still the last one; RuntimeError before the first start."""
        if not self._url:
            raise RuntimeError("the emulator has no URL before start()")
        return self._url

    @property
    def entities(self) -> tuple[Entity, ...]:
        """All entities; ``entities[0]`` is the root."""
        return self._hierarchy.entities

    @property
    def connections(self) -> list[Connection]:
        """Every connection that was ever made, oldest first, as it is now."""
        return self._hierarchy.connections()

    @property
    def requests(self) -> list[Request]:
        """The requests that came, oldest first: the newest 100,000."""
        with self._server.lock:
            return list(self._server.requests)

    @property
    def client_id(self) -> str:
        """The id, 36 characters, of an OAuth client that is valid for all entities."""
        return self._client.client_id

    @property
    def client_secret(self) -> str:
        """The secret of that client, at most 42 characters; it needs form-encoding."""
        return self._client.client_secret

    @property
    def access_key_id(self) -> str:
        """What the legacy header ``apiAccessKeyId`` takes. The pair belongs to a user of the root entity."""
        return self._credentials.access_key_id

    @property
    def secret_access_key(self) -> str:
        """What the legacy header ``apiSecretAccessKey`` takes."""
        return self._credentials.access_key_secret

    def add_connection(
        self, source: EntityLike, target: EntityLike, status: str = "Connected", id: str | None = None
    ) -> Connection:
        """Seed a connection, past all rules but two: its id is new, and its sides are two entities (ValueError).

        ``source`` and ``target`` are entities or ids in either spelling. ``status`` is any text, so that a program can
        be tried with one that Zuora has not thought of yet; no operation changes such a row.
        """
        return self._hierarchy.add(self._hierarchy.entity(source).id, self._hierarchy.entity(target).id, status, id)

    def add_client(self, *entities: EntityLike) -> Client:
        """Make one more OAuth client, valid for only these entities; for all when none is named."""
        return self._credentials.add_client(self._hierarchy.entity(entity) for entity in entities)

    def issue_token(self, *entities: EntityLike) -> str:
        """A bearer token without a request, valid for only these entities; for all when none is named."""
        return self._credentials.issue_token(self._hierarchy.entity(entity) for entity in entities)

    def expire_tokens(self) -> None:
        """From now on, refuse every token that was issued so far."""
        self._credentials.expire_tokens()

    def fail_next(self, fault: Fault, times: int = 1, *, method: str | None = None, path: str = "/v1/*") -> None:
        """Let ``fault`` meet the next request that matches, or the next ``times``.

        ``method`` and ``path`` are as in :meth:`FaultPlan.add`, but by default the token endpoint is spared.
        """
        self.faults.add(fault, method=method, path=path, times=times)
