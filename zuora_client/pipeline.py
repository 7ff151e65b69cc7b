"""The road of a request that is ready: authorize, attempt, judge, deserialize, and again if it may.

What it keeps: whatever fails on it is an `ApiException` whose `outcome` is the truth about the whole call, that names
method, path and every attempt, and that holds no secret. Only an allow-list is logged: method, path template, status,
milliseconds, ids.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from . import answers, serialization
from .auth import Credentials, Owner, client_credentials
from .deadline import Clock, Deadline
from .exceptions import (
    ANSWERED,
    NOT_SENT,
    ApiException,
    AuthenticationError,
    InvalidResponseError,
    plain,
)
from .redaction import clean_json, cleaner, redact, secrets_of
from .request import KEYED, READ, Request
from .rest import RESTClientObject, RESTResponse
from .retry import Course, RetryQuota, new_key

if TYPE_CHECKING:
    from .configuration import Configuration, Host

logger = logging.getLogger(__name__)

_TOKEN_PATH = "/oauth/token"


class Pipeline:
    """What all calls of a client share: connections, tokens and the retry quota."""

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
        self._configuration = configuration
        self._clock = clock
        self._credentials = Credentials(clock)
        self._quota = RetryQuota()
        self.rest_client = RESTClientObject(configuration, clock)

    def run(self, request: Request) -> tuple[Any, Any]:
        """Send a request as often as it may be sent.

        Returns:
            The answer, and what its body holds as the request's response type.

        Raises:
            ApiException: see `zuora_client.exceptions`.
        """
        return self._run(request, Deadline(request.timeouts.deadline, self._clock))

    def _run(self, request: Request, deadline: Deadline) -> tuple[Any, Any]:
        course = Course(request.kind, self._configuration, self._quota, deadline, own_key=request.own_key)
        clock = self._clock
        headers = request.headers
        if request.kind == KEYED and not request.own_key:
            headers["Idempotency-Key"] = new_key()
        while True:
            sent = headers
            started = clock.now()
            try:
                if request.authorize:
                    sent = {**headers, **self._authorization(request, deadline)}
            except ApiException as error:
                # The token endpoint had attempts of its own; this call was not sent.
                final = self._finish(course.final(error), request, sent)
                raise final from final.__cause__
            except (TypeError, ValueError) as error:
                if not course.attempts:
                    raise
                # Changed while the call was under way. That something was sent must not be forgotten over it.
                lost = AuthenticationError(reason=f"the credentials cannot be used any more: {error}")
                lost.outcome = NOT_SENT
                final = self._finish(course.final(lost), request, sent)
                raise final from final.__cause__
            try:
                response, data = self._attempt(request, sent, deadline)
            except ApiException as error:
                elapsed = clock.now() - started
                _add_ids(error, sent)
                self._log(request, sent, error.status, elapsed, error.headers)
                wait = course.wait_after(error, elapsed, partial(self._renew, request, sent))
                if wait is None:
                    final = self._finish(course.final(error), request, sent)
                    raise final from final.__cause__
                if course.needs_new_key:
                    headers["Idempotency-Key"] = new_key()
                if wait:
                    clock.sleep(wait)
            else:
                self._quota.give_back()
                if logger.isEnabledFor(logging.DEBUG):
                    self._log(request, sent, response.status, clock.now() - started, response.headers)
                return response, data

    # -- attempt and judge ------------------------------------------------------------------------------------------

    def _attempt(self, request: Request, headers: dict[str, str], deadline: Deadline) -> tuple[Any, Any]:
        response = self.rest_client.attempt(
            request.host,
            request.method,
            request.target,
            headers,
            request.body,
            request.timeouts,
            deadline,
            write=request.kind != READ,
            stream=request.stream,
        )
        if request.stream and not isinstance(response, RESTResponse):
            return response, None
        try:
            return response, self._judge(request, response, headers)
        except InvalidResponseError as error:
            error.status, error.body, error.headers = response.status, response.data, response.headers
            error.outcome = ANSWERED
            raise

    def _judge(self, request: Request, response: RESTResponse, sent: dict[str, str]) -> Any:
        """Return what the answer holds, or raise the error that it is."""
        good = 200 <= response.status <= 299
        document: Any = None
        if response.content:
            try:
                document = serialization.parse_json(response.content)
            except InvalidResponseError:
                if good and request.response_type not in (_TEXT_WILL_DO if request.kind == READ else _TEXT):
                    raise
                document = response.data if good else None
        if not answers.is_yes(response.status, document):
            if not good or self._configuration.raise_on_failure:
                raise answers.refusal(response, document, keyed=request.kind == KEYED)
            # The object keeps the reasons, and reasons may say a secret back.
            shallow = serialization.converter(object)(document)
            document = clean_json(shallow, cleaner(self._secrets(sent)))
        if request.response_type is None:
            return None
        if response.content:
            # Other paths may answer null. The operations that explain their errors answer with an object.
            if document is None and request.explain is not None:
                raise InvalidResponseError(reason="the answer is null where an object should be")
            return serialization.converter(request.response_type)(document)
        if request.kind == READ and request.method != "HEAD":
            raise InvalidResponseError(reason=f"the answer is empty ({response.status})")
        # Zuora said yes and nothing more.
        return serialization.nothing(request.response_type)

    # -- credentials ------------------------------------------------------------------------------------------------

    def _authorization(self, request: Request, deadline: Deadline) -> dict[str, str]:
        fetch = partial(self._fetch_token, request)
        return self._credentials.headers(self._configuration, request.host.url, deadline, fetch)

    def _renew(self, request: Request, sent: dict[str, str]) -> bool:
        return request.authorize and self._credentials.refused(self._configuration, sent)

    def _fetch_token(self, call: Request, owner: Owner, deadline: Deadline) -> dict[str, Any]:
        """Ask the token endpoint, as often as a read may be asked; it has no side effect worth protecting."""
        client_id, client_secret = client_credentials(owner)
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": call.headers.get("User-Agent", ""),
        }
        request = Request("POST", call.host, _TOKEN_PATH, headers, call.timeouts)
        request.kind = READ
        request.response_type = "dict(str, object)"
        form = {"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"}
        request.body = urlencode(form).encode("ascii")
        try:
            document: dict[str, Any] = self._run(request, deadline)[1]
            return document
        except ApiException as error:
            # The configuration may hold another one by now.
            redact(error, [client_secret])
            failure = _refused_client(error, call.host) if _is_refusal(error) else error
            failure.reason = f"{call.host.url}{_TOKEN_PATH}: {failure.reason}"
            raise failure from failure.__cause__

    # -- what is said -----------------------------------------------------------------------------------------------

    def _finish(self, error: ApiException, request: Request, sent: dict[str, str]) -> ApiException:
        """Complete an error with what the whole call knows, and take every secret out of it."""
        error.method, error.path = request.method, request.host.prefix + request.path
        bare = request.authorize and self._configuration.credentials == "none"
        if bare and isinstance(error, AuthenticationError):
            error.advice = f"No credentials are set. {error.advice}"
        if request.explain is not None:
            request.explain(error)
        redact(error, self._secrets(sent))
        return error

    def _secrets(self, sent: dict[str, str]) -> list[str]:
        transient = [*self._credentials.tokens.secrets(), *self.rest_client.secrets()]
        return [*secrets_of(self._configuration, sent), *transient]

    def _log(self, request: Request, sent: dict[str, str], status: int | None, elapsed: float, headers: Any) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            ids = headers or {}
            clean = cleaner(self._secrets(sent))
            logger.debug(
                "%s %s: %s in %.0f ms, request id %s, track id %s",
                request.method,
                request.template,
                status or "no answer",
                elapsed * 1000,
                # A folded header holds a line break, which would forge a line of the log.
                plain(clean(str(ids.get("Zuora-Request-Id")))),
                plain(clean(str(ids.get("Zuora-Track-Id")))),
            )

    # -- life -------------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """In a forked child: go on with connections and locks of its own."""
        self.rest_client.forget()
        self._credentials.tokens.forget()
        self._quota.forget()


# Response types that need no JSON. A yes to a write is never taken from a page that is not Zuora's.
_TEXT = ("str", str)
_TEXT_WILL_DO = (None, *_TEXT, "object", object)


def _add_ids(error: ApiException, sent: dict[str, str]) -> None:
    """Put in what Zuora's support asks for, also when the answer could not be read or never came."""
    came = error.headers or {}
    error.request_id = error.request_id or came.get("Zuora-Request-Id")
    error.track_id = error.track_id or came.get("Zuora-Track-Id")
    if error.track_id is None and error.outcome != NOT_SENT:
        error.track_id = next((value for name, value in sent.items() if name.lower() == "zuora-track-id"), None)


def _is_refusal(error: ApiException) -> bool:
    """Whether the token endpoint said no, as opposed to not now or nothing that can be read."""
    said_no = error.status is not None and (error.status <= 299 or 400 <= error.status <= 499)
    return said_no and error.status not in (408, 429) and not isinstance(error, InvalidResponseError)


def _refused_client(error: ApiException, host: Host) -> AuthenticationError:
    refused = error.recast(AuthenticationError)
    if error.status == 404:
        refused.advice = f"There is no token endpoint behind {host.url}: host is the base URL, without /v1."
        return refused
    refused.advice = (
        f"Check client_id and client_secret, that they were made in the data center of {host.url}, and that the user "
        "behind them is active."
    )
    return refused
