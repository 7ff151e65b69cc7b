"""The road of a request that is ready: authorize, attempt, judge, deserialize, and again if it may.

What it keeps: whatever fails on it is an `ApiException` whose `outcome` is the truth about the whole call, that names
method, path and every attempt, and that holds no secret. Only an allow-list is logged: method, path template, status,
milliseconds, ids.
"""

from __future__ import annotations

import contextlib
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

from .._codec import serialization
from .._codec.request import KEYED, READ, Request
from .._http.transport import RESTClientObject, RESTResponse
from ..deadline import Clock, Deadline
from ..exceptions import (
    ANSWERED,
    NOT_SENT,
    TROUBLE,
    ApiException,
    AuthenticationError,
    InvalidResponseError,
    body_to_keep,
    plain,
)
from . import responses
from .advice import OPERATIONS, advise
from .auth import Credentials, Owner, client_credentials, token_in
from .redaction import carries_secret, clean_json, cleaner, redact, secrets_of, token_like
from .retry import Course, RetryQuota, new_key

if TYPE_CHECKING:
    from .._base.base_url import Host
    from ..configuration import Configuration

logger = logging.getLogger(__name__)

_TOKEN_PATH = "/oauth/token"


class Pipeline:
    """What all calls of a client share: connections, tokens and the retry quota."""

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
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
        course = Course(request.kind, request.settings, self._quota, deadline, own_key=request.own_key)
        clock = self._clock
        headers = request.headers
        # The headers of each attempt: an answer may say back what an earlier one held.
        history = [headers]
        if request.kind == KEYED and not request.own_key:
            headers["Idempotency-Key"] = new_key()
        while True:
            sent = headers
            response = None
            started = clock.now()
            try:
                if request.authorize:
                    sent = {**headers, **self._authorization(request, deadline)}
            except ApiException as error:
                # The token endpoint had attempts of its own; this call was not sent.
                self._give_up(course, error, request, history)
            except (TypeError, ValueError) as error:
                if not course.attempts:
                    raise
                # Changed while the call was under way. That something was sent must not be forgotten over it.
                lost = AuthenticationError(reason=f"the credentials cannot be used any more: {error}")
                lost.outcome = NOT_SENT
                self._give_up(course, lost, request, history)
            history.append(sent)
            try:
                response = self._send(request, sent, deadline)
                data = self._read(request, response)
            except ApiException as error:
                elapsed = clock.now() - started
                _add_ids(error, sent)
                self._log(request, history, error.status, elapsed, error.headers)
                was_in_doubt = course.in_doubt
                wait = course.wait_after(error, elapsed, partial(self._renew, request, sent))
                if wait is None:
                    # An object would hide it if an earlier attempt, one without an answer, may have been done.
                    hides = was_in_doubt and course.in_doubt
                    if not request.settings.raise_on_failure and not hides and _is_a_plain_no(error, response):
                        with contextlib.suppress(InvalidResponseError):
                            return response, self._no_as_object(request, response, history)
                    self._give_up(course, error, request, history)
                if course.needs_new_key:
                    headers["Idempotency-Key"] = new_key()
                if wait:
                    clock.sleep(wait)
            else:
                self._quota.give_back()
                if logger.isEnabledFor(logging.DEBUG):
                    self._log(request, history, response.status, clock.now() - started, response.headers)
                return response, data

    # -- attempt and judge ------------------------------------------------------------------------------------------

    def _send(self, request: Request, headers: dict[str, str], deadline: Deadline) -> Any:
        return self.rest_client.attempt(
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

    def _read(self, request: Request, response: Any) -> Any:
        """Return what an answer holds, or raise the error that it is."""
        if request.stream and not isinstance(response, RESTResponse):
            return None
        try:
            return self._judge(request, response)
        except InvalidResponseError as error:
            _add_answer(error, response)
            raise

    def _judge(self, request: Request, response: RESTResponse) -> Any:
        good = 200 <= response.status <= 299
        document: Any = None
        if response.content:
            try:
                document = serialization.parse_json(response.content)
            except InvalidResponseError:
                if good and request.response_type not in (_TEXT_WILL_DO if request.kind == READ else _TEXT):
                    raise
                document = response.data if good else None
        if not responses.is_yes(response.status, document):
            raise responses.refusal(response, document, keyed=request.kind == KEYED, own_key=request.own_key)
        if request.response_type is None:
            return None
        if response.content:
            # Other paths may answer null. The five operations answer with an object.
            if document is None and request.template in OPERATIONS:
                raise InvalidResponseError(reason="the answer is null where an object should be")
            return serialization.converter(request.response_type)(document)
        if request.kind == READ and request.method != "HEAD":
            raise InvalidResponseError(reason=f"the answer is empty ({response.status})")
        # Zuora said yes and nothing more.
        return serialization.nothing(request.response_type)

    def _no_as_object(self, request: Request, response: Any, history: list[dict[str, str]]) -> Any:
        """Return a refusal as generated clients do. Raises InvalidResponseError when it does not fit the type."""
        if request.response_type is None:
            return None
        # The object keeps the reasons, and reasons may say a secret back.
        shallow = serialization.converter(object)(serialization.parse_json(response.content))
        document = clean_json(shallow, cleaner(self._secrets(request, history)))
        answer = serialization.converter(request.response_type)(document)
        if serialization.is_ours(type(answer)):
            # Envelopes that are not of this service say it with other words.
            answer.success = False
        return answer

    # -- credentials ------------------------------------------------------------------------------------------------

    def _authorization(self, request: Request, deadline: Deadline) -> dict[str, str]:
        fetch = partial(self._fetch_token, request)
        return self._credentials.headers(request.settings, request.host.url, deadline, fetch)

    def _renew(self, request: Request, sent: dict[str, str]) -> bool:
        return request.authorize and self._credentials.refused(request.settings, sent)

    def _fetch_token(self, call: Request, owner: Owner, deadline: Deadline) -> dict[str, Any]:
        """Ask the token endpoint, as often as a read may be asked; it has no side effect worth protecting."""
        client_id, client_secret = client_credentials(owner)
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/x-www-form-urlencoded",
            **{name: value for name, value in call.headers.items() if name.lower() == "user-agent"},
        }
        request = Request(call.settings, "POST", call.host, _TOKEN_PATH, headers, call.timeouts)
        request.kind = READ
        request.response_type = "dict(str, object)"
        form = {"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"}
        request.body = urlencode(form).encode("ascii")
        response = None
        try:
            response, document = self._run(request, deadline)
            if not responses.is_yes(response.status, document):
                # Only with raise_on_failure switched off, which is meant for the caller's own calls.
                raise responses.refusal(response, document, keyed=False, own_key=False)
            token_in(document)
            found: dict[str, Any] = document
            return found
        except ApiException as error:
            if response is not None:
                _add_answer(error, response)
                _add_ids(error, {})
            # The configuration may hold another secret by now, and the answer a token that nobody has.
            redact(error, [client_secret, *token_like(error)])
            if isinstance(error, InvalidResponseError):
                # It may be a live token in a form that nobody foresaw.
                error.body = None
            failure = _refused_client(error, call.host) if _is_refusal(error) else error
            failure.reason = f"{call.host.url}{_TOKEN_PATH}: {failure.reason}"
            raise failure from failure.__cause__

    # -- what is said -----------------------------------------------------------------------------------------------

    def _give_up(self, course: Course, last: ApiException, request: Request, history: list[dict[str, str]]) -> NoReturn:
        """Raise what the last error of a call means for all of it, without a secret."""
        error = course.final(last)
        error.method, error.path = request.method, request.host.prefix + request.path
        bare = request.authorize and request.settings.credentials == "none" and not any(map(carries_secret, history))
        if bare and isinstance(error, AuthenticationError):
            error.advice = f"No credentials are set. {error.advice}"
        advise(request.template, error)
        redact(error, self._secrets(request, history))
        raise error from error.__cause__

    def _secrets(self, request: Request, history: list[dict[str, str]]) -> list[str]:
        transient = [*self._credentials.tokens.secrets(), *self.rest_client.secrets()]
        return [*secrets_of(request.settings, history), *transient]

    def _log(
        self, request: Request, history: list[dict[str, str]], status: int | None, elapsed: float, headers: Any
    ) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            ids = headers or {}
            clean = cleaner(self._secrets(request, history))
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


# Categories of a refusal that is about Zuora's state and not about who asks: locks, limits, trouble.
_NOT_NOW = frozenset((50, 70)) | TROUBLE

# Response types that need no JSON. A yes to a write is never taken from a page that is not Zuora's.
_TEXT = ("str", str)
_TEXT_WILL_DO = (None, *_TEXT, "object", object)


def _is_a_plain_no(error: ApiException, response: Any) -> bool:
    """Whether an answer of 2xx was read to its end, and is a refusal."""
    return response is not None and 200 <= response.status <= 299 and not isinstance(error, InvalidResponseError)


def _add_answer(error: ApiException, response: RESTResponse) -> None:
    error.status, error.body, error.headers = response.status, body_to_keep(response.data), response.headers
    error.outcome = ANSWERED


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
    later = error.status in (407, 408, 429) or any(reason.category in _NOT_NOW for reason in error.reasons)
    return said_no and not later and not isinstance(error, InvalidResponseError)


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
