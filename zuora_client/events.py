"""What `Configuration.on_event` receives: attempts, calls and token fetches, for metrics, traces and alerts.

The callable is called with one event at a time, in the thread that makes the call (with ``async_req``, a thread of the
client's pool). The events of one call have the same `call`, which is also in its log lines:

AttemptEvent    after each request, before the wait for the next one; requests to ``/oauth/token`` included
TokenEvent      after each token that was not in memory, fetched or not; its attempts precede it
CallEvent       last, once for each call that was sent or was about to be sent

The events of a token fetch are delivered when the fetch is over, because other threads may wait for the token.

What the callable does never changes a call. An exception that it raises is logged, once for each client, and dropped.
The time that it takes delays the call, but counts neither against the deadline nor in `seconds`.

An event holds the fields below and nothing else: no header, body, URL or secret. Texts are single printable lines of at
most 200 characters, in which secrets are masked. Events are immutable and can be pickled; ``event._asdict()`` returns a
dict that is ready for JSON. Later versions may add fields: read them by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from typing import TypeAlias

    Event: TypeAlias = "AttemptEvent | CallEvent | TokenEvent"


class AttemptEvent(NamedTuple):
    """One request was sent, or could not be sent.

    Attributes:
        call: id of the call, 10 hexadecimal digits.
        number: 1 for the first attempt. Token requests are counted separately.
        method: HTTP method, in upper case.
        template: path with the names of its parameters, without the query; of a token request ``/oauth/token``.
        entity_id: the Zuora-Entity-Ids header, or None.
        status: HTTP status, or None without a response.
        error: name of the error class, or None for a success.
        seconds: duration of the attempt in seconds, without waits.
        wait: seconds until the next attempt, or None if it is the last.
        retry_after: seconds that Zuora asked to wait, or None.
        limit_remaining: requests that Zuora still allows in the current window, or None if the response does not say.
        kind: ``"attempt"``.
    """

    call: str
    number: int
    method: str
    template: str
    entity_id: str | None
    status: int | None
    error: str | None
    seconds: float
    wait: float | None
    retry_after: float | None
    limit_remaining: int | None
    kind: Literal["attempt"] = "attempt"


class CallEvent(NamedTuple):
    """A call ended: it returned, or it raised.

    Attributes:
        call: id of the call, 10 hexadecimal digits.
        method: HTTP method, in upper case.
        template: path with the names of its parameters, without the query.
        entity_id: the Zuora-Entity-Ids header, or None.
        connection_id: of an accept, deny or disconnect, and of an initiate that was done; otherwise None.
        attempts: number of attempts, without token requests; 0 if no token could be obtained.
        seconds: duration of the call in seconds: tokens, attempts and waits.
        status: HTTP status of the last response, or None without one.
        error: name of the class of the exception, or None for a success. With ``raise_on_failure=False`` also for a
            failure that is returned as a model.
        outcome: ``"done"`` for a success, otherwise `ApiException.outcome`: ``"not_sent"``, ``"answered"`` or
            ``"unknown"``. An unknown write may have been done; an unknown read changed nothing.
        request_id, process_id: ids that Zuora's support asks for, or None.
        track_id: the one in the response, otherwise the one that was sent, or None.
        kind: ``"call"``.
    """

    call: str
    method: str
    template: str
    entity_id: str | None
    connection_id: str | None
    attempts: int
    seconds: float
    status: int | None
    error: str | None
    outcome: Literal["done", "not_sent", "answered", "unknown"]
    request_id: str | None
    process_id: str | None
    track_id: str | None
    kind: Literal["call"] = "call"


class TokenEvent(NamedTuple):
    """A call fetched a token, or tried to. A token from memory makes no event.

    Attributes:
        call: id of the call that fetched it, 10 hexadecimal digits.
        source: ``"zuora"``, or the name of the class of the token store.
        seconds: duration of the fetch in seconds, with its attempts and waits.
        waited: whether the call waited for another process to fetch the token.
        early: whether it was a renewal ahead of time: the current token was still valid, and after an error stays in
            use.
        error: name of the class of the exception, or None for a success.
        kind: ``"token"``.
    """

    call: str
    source: str
    seconds: float
    waited: bool
    early: bool
    error: str | None
    kind: Literal["token"] = "token"
