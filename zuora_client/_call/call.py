"""One call: authorize, attempt, interpret the response, and retry where the policy allows it.

Whatever fails is raised as an `ApiException` whose `outcome` holds for the whole call, that names method, path and
every attempt, and that contains no secret. `reporting` has the log lines and the events.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import sys
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NoReturn

from .._base.secrets import Secret, hide
from .._base.text import truncate_body
from .._codec import serialization
from .._codec.headers import SECRET_HEADERS
from .._codec.request import Request, RetryClass
from .._http.interruptions import is_from_outside, raise_interruption
from .._http.response import RESTResponse
from .._http.transport import RESTClientObject
from ..deadline import Clock, Deadline
from ..exceptions import ANSWERED, NOT_SENT, UNKNOWN, ApiException, AuthenticationError, InvalidResponseError
from .access_token import token_from_document
from .auth import Credentials, client_credentials
from .interpret import interpret
from .operations import Operation, find_operation
from .reporting import CallReport
from .retry import Renewal, RetryQuota, RetryState, is_throttled, new_idempotency_key
from .success import is_success

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..configuration import Configuration
    from .access_token import AccessToken
    from .auth import OnThrottled, TokenKey

logger = logging.getLogger("zuora_client")


class Sender:
    """Sends requests. Holds what all calls of a client share: connections, tokens and the retry quota."""

    def __init__(self, configuration: Configuration, clock: Clock, rest_client: RESTClientObject | None = None) -> None:
        self.clock = clock
        self.credentials = Credentials(clock)
        self.quota = RetryQuota()
        self.rest_client = rest_client or RESTClientObject(configuration, clock)
        self.event_failures = itertools.count()
        self.redactor: tuple[list[Any], Callable[[str], str]] = ([], str)

    def send(self, request: Request) -> tuple[Any, Any]:
        """Send a request, and again where the policy allows it.

        Returns:
            The response, and its body as the response type of the request.

        Raises:
            ApiException: see `zuora_client.exceptions`.
        """
        return _Call(self, request, Deadline(request.timeouts.deadline, self.clock)).run()

    def fetch_token(
        self, call: _Call, key: TokenKey, deadline: Deadline, on_throttled: OnThrottled | None, advisory: bool
    ) -> AccessToken:
        """Request a token. Retried like a read: the request has no lasting effect.

        Args:
            call: needs the token.
            on_throttled: called before a wait that Zuora asked for, with its seconds.
            advisory: the caller has a valid token, and is not held up when Zuora throttles.
        """
        # Imported here: what only token requests and failures need costs start-up time.
        from . import redaction, response_errors
        from .token_request import TOKEN_PATH, failed_token_request, token_request

        client_id, client_secret = client_credentials(key)
        request = token_request(call.request, client_id, client_secret)
        host = request.host
        response = None
        handled = sys.exc_info()[1]
        try:
            # Zuora limits the token requests of all clients behind one address together, so a client cannot know how
            # often it is refused: its deadline decides.
            attempts = _Call(
                self,
                request,
                deadline,
                call.report,
                max_throttled=1 if advisory else math.inf,
                on_throttled=on_throttled,
            )
            response, document = attempts.run()
            if not is_success(None, response.status, document.reveal()):
                # raise_on_failure=False is for the caller's own calls, not for this one.
                raise response_errors.error_from_response(None, response, document.reveal(), has_idempotency_key=False)
            token = token_from_document(document.reveal())
            # The lifetime starts when Zuora issues the token, which is not before the request.
            token.remaining -= self.clock.now() - attempts.started
            return token
        except ApiException as error:
            raise_interruption(error, handled)
            if response is not None:
                _add_response(error, response)
                _add_ids(error, {})
            # The configuration may have changed since, and the response may contain a token that was never stored.
            redaction.redact(error, redaction.Redactor([client_secret]), is_token_request=True)
            if isinstance(error, InvalidResponseError):
                # A body that cannot be parsed may contain a live token in an unknown form.
                error.body = None
            failure = failed_token_request(error, host)
            failure.reason = f"{host.url}{TOKEN_PATH}: {failure.reason}"
            raise failure from failure.__cause__

    def in_child(self, configuration: Configuration) -> Sender:
        """In a forked child: return a sender with the tokens, and without connections and locks of the parent."""
        child = Sender(configuration, self.clock, self.rest_client.in_child())
        child.credentials.tokens.inherit(self.credentials.tokens)
        return child


class _Call:
    """One call: its request, its deadline, the headers that were sent, the attempts, and what is known.

    Attributes:
        headers: the headers of the next attempt, without the credentials.
        sent_headers: all headers so far; a response may echo those of an earlier attempt.
        response: of the current attempt, or None.
        started: the time at which the current attempt began.
        report: its log lines and events.

    Args:
        report: for a token request, that of the call that needs the token.
        max_throttled: see `RetryState`.
        on_throttled: called before a wait that Zuora asked for, with its seconds.
    """

    def __init__(
        self,
        sender: Sender,
        request: Request,
        deadline: Deadline,
        report: CallReport | None = None,
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
        self.report = report or CallReport(request, self.operation, deadline, sender.clock, sender.event_failures)
        self._is_token_request = report is not None
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
        handled = sys.exc_info()[1]
        try:
            while True:
                self.response = None
                self.authorize()
                self.started = self._sender.clock.now()
                try:
                    data = self.attempt()
                except ApiException as error:
                    raise_interruption(error, handled)
                    if not self.decide(error):
                        data = self.fail(error)
                        return self.response, data
                else:
                    self._sender.quota.release()
                    if self.report.on_event is not None or logger.isEnabledFor(logging.INFO):
                        self._report_success(data)
                    return self.response, data
        except BaseException as error:
            if not isinstance(error, ApiException) or is_from_outside(error):
                self._report_interruption(error)
            raise

    # -- one attempt ------------------------------------------------------------------------------------------------

    def authorize(self) -> None:
        """Put together the headers of the next attempt, with the credentials."""
        request = self.request
        if not request.authorize:
            self.sent_headers.append(self.headers)
            return
        fetch = partial(self._sender.fetch_token, self)
        try:
            credentials = self._sender.credentials.headers(
                request.settings, request.host.url, self.deadline, fetch, self.report
            )
        except ApiException as error:
            if is_from_outside(error):
                raise
            # The token endpoint had attempts of its own; this request was not sent.
            self._raise_final(error)
        except (TypeError, ValueError) as error:
            if not self._retry.attempts or is_from_outside(error):
                raise
            # The configuration was changed mid-call. An earlier attempt was sent, so raise an ApiException that keeps
            # the outcome.
            reason = f"the credentials cannot be used any more: {error}"
            self._raise_final(AuthenticationError(reason=reason, outcome=NOT_SENT))
        if self.report.held is not None:
            self.report.release()
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
            allow_insecure_http=request.settings.allow_insecure_http,
        )
        if request.stream and not isinstance(self.response, RESTResponse):
            return None
        try:
            data = interpret(request, self.operation, self.response, self.deadline)
            # The document has a token.
            return Secret(data) if self._is_token_request else data
        except InvalidResponseError as error:
            _add_response(error, self.response)
            raise

    # -- after a failed attempt -------------------------------------------------------------------------------------

    def decide(self, error: ApiException) -> bool:
        """Return whether another attempt follows, after the wait before it."""
        elapsed = self._sender.clock.now() - self.started
        _add_ids(error, self.sent_headers[-1])
        is_reported = self.report.on_event is not None or logger.isEnabledFor(logging.INFO)
        # Made before the retry policy drops a refused token.
        redactor = self._redactor() if is_reported else str
        wait = self._retry.next_delay(error, elapsed, self._refresh_token)
        if is_reported:
            self.report.failed_attempt(
                self.request, self._attempts, error, elapsed, self.sent_headers[-1], redactor, wait
            )
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
                model = self._failure_as_model()
                self._report_failure(ANSWERED, error, error)
                return model
        return self._raise_final(error)

    def _failure_as_model(self) -> Any:
        """Return the failure as generated clients do. Raises InvalidResponseError if it does not fit the type."""
        # The model keeps the reasons, and reasons and headers may echo a secret.
        from . import redaction

        self.response = redaction.redact_response(self.response, redaction.Redactor(self._secrets()))
        response_type = self.request.response_type
        if response_type is None:
            return None
        document = serialization.converter(object)(serialization.parse_json(self.response.content))
        model = serialization.converter(response_type)(document)
        if serialization.is_known_model(type(model)):
            # Envelopes of other services have no `success`.
            model.success = False
        return model

    def _raise_final(self, last: ApiException) -> NoReturn:
        """Raise what the last error means for the whole call, redacted."""
        from . import redaction
        from .advice import advise, explain_settings
        from .error_context import describe_request

        request = self.request
        error = self._retry.finalize(last)
        describe_request(error, request, self.headers)
        advise(self.operation, error)
        if not self._is_token_request:
            explain_settings(error, request)
        redaction.redact(error, redaction.Redactor(self._secrets()))
        self._report_failure(error.outcome, error, last)
        raise error from error.__cause__

    def _secrets(self) -> list[Any]:
        from . import redaction

        sender = self._sender
        headers = [*self.sent_headers, *({"Proxy-Authorization": value} for value in sender.rest_client.secrets())]
        return [*redaction.configured_secrets(self.request.settings, headers), *sender.credentials.tokens.secrets()]

    # -- log lines and events ---------------------------------------------------------------------------------------

    @property
    def _attempts(self) -> int:
        """The number of attempts that were begun."""
        return len(self.sent_headers) - 1

    def _redactor(self, new_token: Any = None) -> Callable[[str], str]:
        """Return a function that masks what `_secrets` returns. It is made again only if one of them changed."""
        settings = self.request.settings
        own = vars(settings)  # with the holders of the secrets
        known = [new_token, self.request.host.url, own["client_secret"], own["access_token"], own["username"]]
        known += (own["password"], *dict.values(settings.api_key), *self._sender.credentials.tokens.secrets())
        for headers in self.sent_headers:
            for name, value in headers.items():
                if name.lower() in SECRET_HEADERS:
                    known.append(value)
        made_for, redactor = self._sender.redactor
        if made_for != known:
            from . import redaction

            secrets = [*self._secrets(), *([new_token] if isinstance(new_token, Secret) else [])]
            # Most texts are the same in all calls: the template, the ids of entities and connections.
            redactor = lru_cache(maxsize=256)(redaction.Redactor(secrets))
            self._sender.redactor = known, redactor
        return redactor

    def _report_success(self, data: Any) -> None:
        seconds = self._sender.clock.now() - self.started
        # A new token is not among the known secrets yet.
        redactor = self._redactor(hide(data.reveal().get("access_token")) if self._is_token_request else None)
        sent = self.sent_headers[-1]
        new_id = getattr(data, "id", None) if self.operation is Operation.INITIATE else None
        self.report.success(self.request, len(self.sent_headers) - 1, self.response, seconds, sent, redactor, new_id)

    def _report_failure(self, outcome: str, error: BaseException, last: BaseException) -> None:
        if not self._is_token_request:
            self.report.failure(self._attempts, outcome, error, last, self.sent_headers[-1], self._redactor())

    def _report_interruption(self, error: BaseException) -> None:
        """Report what a signal handler raised, or credentials that cannot be sent."""
        outcome: str = self._retry.outcome()
        if self._attempts > len(self._retry.attempts):
            outcome = UNKNOWN
            seconds = self._sender.clock.now() - self.started
            self.report.failed_attempt(
                self.request, self._attempts, error, seconds, self.sent_headers[-1], self._redactor(), None
            )
        self._report_failure(outcome, error, error)


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
