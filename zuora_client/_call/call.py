"""One call: authorize, attempt, interpret the response, and retry where the policy allows it.

Whatever fails is raised as an `ApiException` whose `outcome` holds for the whole call, that names method, path and
every attempt, and that contains no secret. Only an allow-list is logged: method, path template, status, milliseconds,
ids.
"""

from __future__ import annotations

import contextlib
import logging
import math
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

from .._base.text import single_line, truncate_body
from .._codec import serialization
from .._codec.request import Request, RetryClass
from .._http.transport import RESTClientObject, RESTResponse
from ..deadline import Clock, Deadline
from ..exceptions import (
    NOT_SENT,
    SERVER_FAULT_CATEGORIES,
    UNKNOWN,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    InvalidResponseError,
)
from . import responses
from .access_token import token_from_document
from .advice import advise
from .auth import Credentials, client_credentials
from .operations import Operation, find_operation
from .redaction import (
    carries_secret,
    configured_secrets,
    find_token_candidates,
    make_redactor,
    redact,
    redact_json,
)
from .retry import Renewal, RetryQuota, RetryState, is_throttled, new_idempotency_key

if TYPE_CHECKING:
    from .._base.base_url import BaseURL
    from ..configuration import Configuration
    from .access_token import AccessToken
    from .auth import OnThrottled, TokenKey

logger = logging.getLogger("zuora_client")

_TOKEN_PATH = "/oauth/token"


class Sender:
    """Sends requests. Holds what all calls of a client share: connections, tokens and the retry quota."""

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
        self.clock = clock
        self.credentials = Credentials(clock)
        self.quota = RetryQuota()
        self.rest_client = RESTClientObject(configuration, clock)

    def send(self, request: Request) -> tuple[Any, Any]:
        """Send a request, and again where the policy allows it.

        Returns:
            The response, and its body as the response type of the request.

        Raises:
            ApiException: see `zuora_client.exceptions`.
        """
        return _Call(self, request, Deadline(request.timeouts.deadline, self.clock)).run()

    def fetch_token(
        self, call: Request, key: TokenKey, deadline: Deadline, on_throttled: OnThrottled | None, advisory: bool
    ) -> AccessToken:
        """Request a token. Retried like a read: the request has no lasting effect.

        Args:
            on_throttled: called before a wait that Zuora asked for, with its seconds.
            advisory: the caller has a valid token, and is not held up when Zuora throttles.
        """
        client_id, client_secret = client_credentials(key)
        request = _token_request(call, client_id, client_secret)
        response = None
        try:
            # Zuora limits the token requests of all clients behind one address together, so a client cannot know how
            # often it is refused: its deadline decides.
            attempts = _Call(
                self, request, deadline, max_throttled=1 if advisory else math.inf, on_throttled=on_throttled
            )
            response, document = attempts.run()
            if not responses.is_success(None, response.status, document):
                # raise_on_failure=False is for the caller's own calls, not for this one.
                raise responses.error_from_response(None, response, document, has_idempotency_key=False)
            token = token_from_document(document)
            # The lifetime starts when Zuora issues the token, which is not before the request.
            token.remaining -= self.clock.now() - attempts.started
            return token
        except ApiException as error:
            if response is not None:
                _add_response(error, response)
                _add_ids(error, {})
            # The configuration may hold another secret by now, and the response a token that nobody stored.
            redact(error, [client_secret, *find_token_candidates(error)])
            if isinstance(error, InvalidResponseError):
                # A body that cannot be parsed may contain a live token in an unknown form.
                error.body = None
            failure = _rejected_client(error, call.host) if _is_rejection(error) else error
            failure.reason = f"{call.host.url}{_TOKEN_PATH}: {failure.reason}"
            raise failure from failure.__cause__

    def secrets(self) -> list[str]:
        """Return the secrets that no configuration holds: the cached token, the credentials of proxies."""
        return [*self.credentials.tokens.secrets(), *self.rest_client.secrets()]

    def reset_after_fork(self) -> None:
        """Give a forked child connections and locks of its own."""
        self.rest_client.reset_after_fork()
        self.credentials.tokens.reset_after_fork()
        self.quota.reset_after_fork()


class _Call:
    """One call: its request, its deadline, the headers that were sent, the attempts, and what is known.

    Attributes:
        headers: the headers of the next attempt, without the credentials.
        sent_headers: all headers so far; a response may echo those of an earlier attempt.
        response: of the current attempt, or None.
        started: the time at which the current attempt began.

    Args:
        max_throttled: see `RetryState`.
        on_throttled: called before a wait that Zuora asked for, with its seconds.
    """

    def __init__(
        self,
        sender: Sender,
        request: Request,
        deadline: Deadline,
        *,
        max_throttled: float | None = None,
        on_throttled: OnThrottled | None = None,
    ) -> None:
        self.request = request
        self.operation = find_operation(request.method, request.path)
        self.deadline = deadline
        self.headers = request.headers
        self.sent_headers = [request.headers]
        self.response: Any = None
        self._sender = sender
        self._on_throttled = on_throttled
        self._retry = RetryState(
            request.retry_class,
            request.settings,
            sender.quota,
            deadline,
            caller_key=request.caller_key,
            max_throttled=max_throttled,
        )
        self.started = 0.0

    def run(self) -> tuple[Any, Any]:
        """Return the response and its data, or raise what the call ends with."""
        if self.request.retry_class is RetryClass.KEYED and not self.request.caller_key:
            self.headers["Idempotency-Key"] = new_idempotency_key()
        while True:
            self.started = self._sender.clock.now()
            self.response = None
            self.authorize()
            try:
                data = self.attempt()
            except ApiException as error:
                if not self.decide(error):
                    return self.response, self.fail(error)
            else:
                self._sender.quota.release()
                if logger.isEnabledFor(logging.DEBUG):
                    self._log(self.response.status, self.response.headers)
                return self.response, data

    # -- one attempt ------------------------------------------------------------------------------------------------

    def authorize(self) -> None:
        """Put together the headers of the next attempt: here each header gets its final value."""
        request = self.request
        if not request.authorize:
            self.sent_headers.append(self.headers)
            return
        fetch = partial(self._sender.fetch_token, request)
        try:
            credentials = self._sender.credentials.headers(request.settings, request.host.url, self.deadline, fetch)
        except ApiException as error:
            # The token endpoint had attempts of its own; this request was not sent.
            self._raise_final(error)
        except (TypeError, ValueError) as error:
            if not self._retry.attempts:
                raise
            # The configuration was changed mid-call. An earlier attempt was sent, so raise an ApiException that keeps
            # the outcome.
            reason = f"the credentials cannot be used any more: {error}"
            self._raise_final(AuthenticationError(reason=reason, outcome=NOT_SENT))
        self.sent_headers.append({**self.headers, **credentials})

    def attempt(self) -> Any:
        """Send the request once and return what the response holds, or raise the error that it means."""
        request = self.request
        self.response = self._sender.rest_client.attempt(
            request.host,
            request.method,
            request.target,
            self.sent_headers[-1],
            request.body,
            request.timeouts,
            self.deadline,
            write=request.retry_class is not RetryClass.READ,
            new_connection=self._retry.needs_new_connection,
            stream=request.stream,
        )
        if request.stream and not isinstance(self.response, RESTResponse):
            return None
        try:
            return _interpret(request, self.operation, self.response, self.deadline)
        except InvalidResponseError as error:
            _add_response(error, self.response)
            raise

    # -- after a failed attempt -------------------------------------------------------------------------------------

    def decide(self, error: ApiException) -> bool:
        """Return whether another attempt follows, after the wait before it."""
        elapsed = self._sender.clock.now() - self.started
        _add_ids(error, self.sent_headers[-1])
        self._log(error.status, error.headers)
        wait = self._retry.next_delay(error, elapsed, self._refresh_token)
        if wait is None:
            return False
        if self._retry.needs_new_key:
            self.headers["Idempotency-Key"] = new_idempotency_key()
        if wait:
            if self._on_throttled is not None and (error.retry_after is not None or is_throttled(error)):
                self._on_throttled(wait)
            self._sender.clock.sleep(wait)
        return True

    def _refresh_token(self) -> Renewal:
        if not self.request.authorize:
            return Renewal.IMPOSSIBLE
        return self._sender.credentials.handle_unauthorized(self.request.settings, self.sent_headers[-1])

    def fail(self, error: ApiException) -> Any:
        """Raise the last error of the call. With `raise_on_failure` off, return a definitive failure as a model."""
        # A model would hide that the write may have been done, by this attempt or an earlier one.
        may_return = not self.request.settings.raise_on_failure and not self._retry.in_doubt
        if may_return and _is_definitive_failure(error, self.response):
            with contextlib.suppress(InvalidResponseError):
                return self._failure_as_model()
        return self._raise_final(error)

    def _failure_as_model(self) -> Any:
        """Return the failure as generated clients do. Raises InvalidResponseError if it does not fit the type."""
        response_type = self.request.response_type
        if response_type is None:
            return None
        # The model keeps the reasons, and reasons may echo a secret.
        document = serialization.converter(object)(serialization.parse_json(self.response.content))
        model = serialization.converter(response_type)(redact_json(document, make_redactor(self._secrets())))
        if serialization.is_known_model(type(model)):
            # Envelopes of other services have no `success`.
            model.success = False
        return model

    def _raise_final(self, last: ApiException) -> NoReturn:
        """Raise what the last error means for the whole call, redacted."""
        request = self.request
        error = self._retry.finalize(last)
        error.method, error.path = request.method, request.host.prefix + request.path
        has_credentials = request.settings.credentials_kind != "none" or any(map(carries_secret, self.sent_headers))
        if request.authorize and not has_credentials and isinstance(error, AuthenticationError):
            error.advice = f"No credentials are set. {error.advice}"
        if self.operation is not None:
            advise(self.operation, error)
        redact(error, self._secrets())
        raise error from error.__cause__

    def _secrets(self) -> list[str]:
        return [*configured_secrets(self.request.settings, self.sent_headers), *self._sender.secrets()]

    def _log(self, status: int | None, headers: Any) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            headers = headers or {}
            redactor = make_redactor(self._secrets())
            logger.debug(
                "%s %s: %s in %.0f ms, request id %s, track id %s",
                self.request.method,
                self.request.template,
                status or "no response",
                (self._sender.clock.now() - self.started) * 1000,
                # A folded header contains a line break, which would forge a line of the log.
                single_line(redactor(str(headers.get("Zuora-Request-Id")))),
                single_line(redactor(str(headers.get("Zuora-Track-Id")))),
            )


# -- what a response holds --------------------------------------------------------------------------------------------

# Response types that need no JSON. Reads may return non-JSON text; a write must not be treated as successful on it.
_TEXT_TYPES = ("str", str)
_TEXT_ACCEPTED = (None, *_TEXT_TYPES, "object", object)

# Parsing up to so many bytes takes no time worth a look at the deadline.
_SMALL_RESPONSE = 65536

# Reasons that are about Zuora's state and not about the caller: locks, limits, server faults.
_RETRYABLE_CATEGORIES = frozenset((50, 70)) | SERVER_FAULT_CATEGORIES


def _check_deadline(deadline: Deadline) -> None:
    if deadline.expired:
        reason = f"the deadline of {deadline.seconds:g} s passed while the response was parsed"
        raise ApiTimeoutError(reason=reason, outcome=UNKNOWN)


def _interpret(request: Request, operation: Operation | None, response: RESTResponse, deadline: Deadline) -> Any:
    """Return the data of a successful response, or raise the error that the response means."""
    ok = 200 <= response.status <= 299
    document: Any = None
    if response.content:
        try:
            document = serialization.parse_json(response.content)
        except InvalidResponseError:
            is_read = request.retry_class is RetryClass.READ
            is_text_accepted = request.response_type in (_TEXT_ACCEPTED if is_read else _TEXT_TYPES)
            if ok and (operation is not None or not is_text_accepted):
                raise
            document = response.data if ok else None
    may_be_twice = operation is not None and response.content.count(b'"success"') > 1 and isinstance(document, dict)
    if may_be_twice and serialization.has_duplicate_key(response.content, "success"):
        raise InvalidResponseError(reason="the response has two values of `success`")
    if not responses.is_success(operation, response.status, document):
        has_key = request.retry_class is RetryClass.KEYED
        raise responses.error_from_response(
            operation, response, document, has_idempotency_key=has_key, caller_key=request.caller_key
        )
    if request.response_type is None:
        return None
    if response.content:
        if len(response.content) <= _SMALL_RESPONSE:
            return serialization.converter(request.response_type)(document)
        check = partial(_check_deadline, deadline)
        check()
        return serialization.convert(request.response_type, document, check)
    if request.retry_class is RetryClass.READ and request.method != "HEAD":
        raise InvalidResponseError(reason=f"the response is empty ({response.status})")
    return serialization.empty_value(request.response_type)


def _is_definitive_failure(error: ApiException, response: Any) -> bool:
    """Whether a complete 2xx response was received that reports a failure."""
    return response is not None and 200 <= response.status <= 299 and not isinstance(error, InvalidResponseError)


def _add_response(error: ApiException, response: RESTResponse) -> None:
    error.status, error.body, error.headers = response.status, truncate_body(response.data), response.headers


def _add_ids(error: ApiException, sent: dict[str, str]) -> None:
    """Set the ids that Zuora's support asks for, also without a readable response."""
    received = error.headers or {}
    error.request_id = error.request_id or received.get("Zuora-Request-Id")
    error.track_id = error.track_id or received.get("Zuora-Track-Id")
    if error.track_id is None and error.outcome != NOT_SENT:
        error.track_id = next((value for name, value in sent.items() if name.lower() == "zuora-track-id"), None)


# -- the token request ------------------------------------------------------------------------------------------------


def _token_request(call: Request, client_id: str, client_secret: str) -> Request:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "Content-Type": "application/x-www-form-urlencoded",
        **{name: value for name, value in call.headers.items() if name.lower() == "user-agent"},
    }
    request = Request(call.settings, "POST", call.host, _TOKEN_PATH, headers, call.timeouts)
    request.retry_class = RetryClass.READ
    request.response_type = "dict(str, object)"
    form = {"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"}
    request.body = urlencode(form).encode("ascii")
    return request


def _is_rejection(error: ApiException) -> bool:
    """Whether the token endpoint rejected the client, as opposed to a temporary or unreadable response."""
    rejected = error.status is not None and (error.status <= 299 or 400 <= error.status <= 499)
    categories = {reason.category for reason in error.reasons}
    if error.advice == responses.NOT_FROM_ZUORA_ADVICE:
        return False
    is_temporary = error.status in (407, 408, 421, 423, 425, 429, 499) or not categories.isdisjoint(
        _RETRYABLE_CATEGORIES
    )
    return rejected and not is_temporary and not isinstance(error, InvalidResponseError)


def _rejected_client(error: ApiException, host: BaseURL) -> AuthenticationError:
    rejected = error.as_type(AuthenticationError)
    if error.status == 404:
        rejected.advice = f"There is no token endpoint behind {host.url}: host is the base URL, without /v1."
        return rejected
    rejected.advice = (
        f"Check client_id and client_secret, that they were created in the data center of {host.url}, and that the "
        "user behind them is active."
    )
    return rejected
