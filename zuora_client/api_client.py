"""The client: transport, credentials and (de)serialization for any path of Zuora's API.

A call has two halves: *build* turns the arguments into a request and raises TypeError or ValueError for whatever is
wrong, with ``async_req`` too; *send* runs it (`zuora_client._call.call`). Copies and pickles hold what the caller
configured. A forked child continues with connections, locks and threads of its own: their owner is found by the id of
the process, because servers like uWSGI fork where no hook of Python runs.
"""

from __future__ import annotations

import os
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from ._base import parameters
from ._base.secrets import SecretAttribute, SecretDict
from ._call.process_state import ProcessState
from ._call.tracebacks import without_frames
from ._codec import serialization
from ._codec.headers import apply_auth_settings, hide_secret_headers, is_secret_header
from ._version import __version__
from .configuration import Configuration
from .deadline import Clock
from .exceptions import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.pool import ThreadPool

    from typing_extensions import Self

    from ._codec.request import Request
    from ._http.attempt import Attempt
    from ._http.transport import RESTClientObject


# Created for each client, and again for each copy.
_NOT_COPIED = ("_states", "_local", "_closed")


class ApiClient:
    """Transport, credentials and (de)serialization for any path of Zuora's API.

    One client serves many threads. Use it as a context manager, or call `close` when it is no longer needed.

    Args:
        configuration: the settings; a new ``Configuration()`` when None.
        header_name, header_value: a default header, sent with every call.
        cookie: value of the ``Cookie`` header.
        clock: time and sleep; for tests.

    Raises:
        ValueError: a CA file, client certificate or proxy of the configuration cannot be used.
    """

    cookie: SecretAttribute[str | None] = SecretAttribute()

    @without_frames
    def __init__(
        self,
        configuration: Configuration | None = None,
        header_name: str | None = None,
        header_value: str | None = None,
        cookie: str | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.configuration = Configuration() if configuration is None else configuration
        self.default_headers: dict[str, Any] = SecretDict((), is_secret_header)
        self.cookie = cookie
        suffix = self.configuration.user_agent_suffix
        self.user_agent = f"zuora-entity-connections/{__version__}" + (f" {suffix}" if suffix else "")
        if header_name is not None:
            self.set_default_header(header_name, header_value)
        self.clock = clock or Clock()
        self._start()

    def _start(self) -> None:
        from ._call import preload  # noqa: F401 # pyright: ignore[reportUnusedImport]

        self._closed = False
        self._local = threading.local()
        self._states = {os.getpid(): ProcessState(self.configuration, self.clock)}

    @property
    def _state(self) -> ProcessState:
        """The state of this process. Found without a lock, which a thread of a parent process may have held."""
        state = self._states.get(os.getpid())
        if state is None:
            parent = next(reversed(self._states.values()))
            # Of two threads of the child that come here at once, both get the state of the first.
            state = self._states.setdefault(os.getpid(), ProcessState(self.configuration, self.clock, parent))
        return state

    # -- what a caller sets and reads -------------------------------------------------------------------------------

    @property
    def user_agent(self) -> str:
        """The User-Agent header. Settable."""
        return str(self.default_headers["User-Agent"])

    @user_agent.setter
    def user_agent(self, value: str) -> None:
        self.default_headers["User-Agent"] = value

    @property
    def rest_client(self) -> RESTClientObject:
        """The transport. It cannot be replaced as a whole, but for its `pool_manager` and its `request`."""
        return self._state.sender.rest_client

    @rest_client.setter
    def rest_client(self, _: Any) -> None:
        raise TypeError(
            "rest_client cannot be replaced: assign rest_client.pool_manager, or replace rest_client.request, before "
            "the first call"
        )

    @property
    def last_response(self) -> Any:
        """The response to the last successful call of the calling thread, or None."""
        return getattr(self._local, "last_response", None)

    def set_default_header(self, header_name: str, header_value: str | bytes | None) -> None:
        """Set a header that is sent with every later call; it takes precedence over the headers of the call.

        Args:
            header_name: compared without case with the names of earlier default headers, which it replaces.
            header_value: None stops sending the header.
        """
        same = (name for name in self.default_headers if str(name).lower() == str(header_name).lower())
        self.default_headers[next(same, header_name)] = header_value

    @property
    def pool(self) -> ThreadPool:
        """The threads that run calls with ``async_req``, started on first use."""
        self._ensure_open()
        state = self._state
        with state.lock:
            if state.pool is None:
                # Imported here: it costs start-up time, and most programs never need it.
                from multiprocessing.pool import ThreadPool

                state.pool = ThreadPool()
                # close() lets the threads end after their current work. It does not wait for them.
                weakref.finalize(self, state.pool.close)
            return state.pool

    def close(self) -> None:
        """Close every connection and end the threads of ``async_req``. A second call does nothing.

        Later calls raise ValueError, and so does the ``get()`` of a call that has not begun. Calls in progress are not
        retried.
        """
        self._closed = True
        state = self._state
        state.sender.rest_client.close()
        with state.lock:
            if state.pool is not None:
                state.pool.close()

    def _ensure_open(self) -> None:
        if self._closed:
            raise ValueError("this ApiClient is closed: make another one")

    def __repr__(self) -> str:
        configuration = self.configuration
        closed = ", closed" if self._closed else ""
        return f"<ApiClient {configuration.host}, credentials: {configuration.credentials_kind}{closed}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name not in _NOT_COPIED}
        replaced = self.rest_client.replaced()
        return {**state, "_replaced": replaced} if replaced else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        replaced = state.pop("_replaced", None)
        self.__dict__.update(state)
        self._start()
        if replaced:
            self.rest_client.replace(replaced)

    def view(self, clock: Clock, on_attempt: Callable[[Attempt], None]) -> ApiClient:
        """Return a view of this client that shares its connections, tokens and retry quota, for this process.

        Args:
            clock: with which the calls of the view read the time and sleep.
            on_attempt: called before each of their attempts, in the thread that makes it. If it raises an ApiException,
                nothing is sent. ``Attempt.abort()`` may be called from any thread.
        """
        view = object.__new__(ApiClient)
        view.__dict__.update(self.__dict__, clock=clock)
        view._states = {os.getpid(): self._state.view(clock, on_attempt)}
        return view

    # -- calls ------------------------------------------------------------------------------------------------------

    @without_frames
    def call_api(
        self,
        resource_path: str,
        method: str,
        path_params: Any = None,
        query_params: Any = None,
        header_params: dict[str, Any] | None = None,
        body: Any = None,
        post_params: Any = None,
        files: Any = None,
        response_type: Any = None,
        auth_settings: list[str] | None = None,
        async_req: bool | None = None,
        _return_http_data_only: bool | None = None,
        collection_formats: dict[str, str] | None = None,
        _preload_content: bool = True,
        _request_timeout: Any = None,
    ) -> Any:
        """Call any path of Zuora's API.

        Args:
            resource_path: begins with exactly one ``/``; ``{name}`` is replaced by a path parameter.
            method: GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE. It also decides what may be sent twice.
            path_params, query_params: dicts or lists of pairs; a query value of None is not sent.
            header_params: a dict; a value of None is not sent.
            body: plain data or a model, sent as JSON; text and bytes go as they are under another Content-Type.
            post_params: form fields, for ``application/x-www-form-urlencoded``.
            files: not supported.
            response_type: a class, or text such as ``object``, ``list[str]`` or a model's name; None ignores the body.
            auth_settings: names in `Configuration.auth_settings` to send besides the configured credentials.
            async_req: True returns at once an object whose ``get()`` returns or raises what the plain call would.
            _return_http_data_only: True returns the data instead of ``(data, status, headers)``.
            collection_formats: parameter name to csv, ssv, tsv, pipes or multi, for values that are lists.
            _preload_content: False puts urllib3's response, its body unread, in the place of the data; close or
                release it.
            _request_timeout: seconds for the whole call, or a (connect, read) pair or ``urllib3.Timeout`` for each
                attempt.

        Returns:
            ``(data, status, headers)``, or what `async_req` and `_return_http_data_only` say.

        Raises:
            ApiException: the call failed; see `zuora_client.exceptions`.
            TypeError, ValueError: a wrong argument; nothing was sent.
        """
        if files or response_type == "file":
            raise ValueError("files are not supported: no operation of this API takes or returns one")
        self._ensure_open()
        if type(self).request is not _REQUEST or "request" in self.__dict__:
            raise TypeError(
                "ApiClient.request is replaced, but call_api does not use it: replace call_api, "
                "rest_client.request or urllib3.PoolManager.request instead"
            )
        query = parameters.parameters_to_tuples(query_params, collection_formats) if query_params else []
        headers = hide_secret_headers(dict(header_params or {}))
        if collection_formats:
            headers = dict(parameters.parameters_to_tuples(headers, collection_formats))
        if auth_settings:
            apply_auth_settings(headers, query, self.configuration.auth_settings(), auth_settings, hidden=True)
        request = self._state.builder.for_path(
            self.configuration,
            method,
            resource_path,
            parameters.parameters_to_tuples(path_params or (), collection_formats),
            query,
            headers,
            default_headers=dict(dict.items(self.default_headers)),
            cookie=vars(self)["cookie"],
            body=body,
            post_params=parameters.parameters_to_tuples(post_params, collection_formats) if post_params else [],
            response_type=response_type,
            has_auth_settings=bool(auth_settings),
            preload_content=_preload_content,
            request_timeout=_request_timeout,
        )
        if async_req:
            # Imported here: it costs start-up time, and most programs never need it.
            from ._call.async_result import AsyncResult

            result = AsyncResult(partial(without_frames(ApiClient._send), self, request, _return_http_data_only))
            self.pool.apply_async(result.run)
            return result
        return self._send(request, _return_http_data_only)

    @without_frames
    def request(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        headers: dict[str, Any] | None = None,
        post_params: Any = None,
        body: Any = None,
        _preload_content: bool = True,
        _request_timeout: Any = None,
    ) -> Any:
        """Send one request to a whole URL, with these headers and no credentials, under the policy of every call.

        The arguments are those of `call_api`; `url` is percent-encoded, and a query in it comes before `query_params`.

        Returns:
            The response, see `zuora_client.rest.RESTResponse`.

        Raises:
            ApiException: it failed, its status is not 2xx, or Zuora refused it.
            TypeError, ValueError: a wrong argument; nothing was sent.
        """
        self._ensure_open()
        request = self._state.builder.for_url(
            self.configuration,
            method,
            url,
            parameters.parameters_to_tuples(query_params or (), None),
            dict(headers or {}),
            body=body,
            post_params=parameters.parameters_to_tuples(post_params or (), None),
            preload_content=_preload_content,
            request_timeout=_request_timeout,
        )
        return self._send(request, None, return_response=True)

    # -- send -------------------------------------------------------------------------------------------------------

    def _send(self, request: Request, data_only: bool | None, *, return_response: bool = False) -> Any:
        self._ensure_open()
        response, data = self._state.sender.send(request)
        self._local.last_response = response
        if return_response:
            return response
        if request.stream:
            data = response
        return data if data_only else (data, response.status, response.headers)

    # -- helpers that generated clients offer -----------------------------------------------------------------------

    def update_params_for_auth(self, headers: dict[str, Any], querys: Any, auth_settings: list[str] | None) -> None:
        """Add the named entries of `Configuration.auth_settings` to `headers`, or to `querys` (a list of pairs).

        As generated: a name that is not there, or has no value, adds nothing.

        Raises:
            ValueError: an entry that belongs neither into a header nor into the query.
        """
        apply_auth_settings(headers, querys, self.configuration.auth_settings(), auth_settings or [])

    def sanitize_for_serialization(self, obj: Any) -> Any:
        """Return `obj` as plain data: containers walked, dates in ISO 8601, models by their JSON names without None.

        Raises:
            TypeError: an object that is neither plain data nor a model.
        """
        return serialization.sanitize(obj)

    def deserialize(self, response: Any, response_type: Any) -> Any:
        """Return the JSON in ``response.data`` as a `response_type`.

        Raises:
            InvalidResponseError: no JSON, or another container than the type says.
            TypeError, ValueError: there is no such type, or `response` has no text or bytes in ``data``.
        """
        convert = serialization.converter(response_type)
        data = getattr(response, "data", None)
        if not isinstance(data, (str, bytes)):
            raise TypeError(f"response.data must be text or bytes, not {type(data).__name__}")
        content = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
        try:
            return convert(serialization.parse_json(content))
        except InvalidResponseError:
            if response_type in ("str", str):
                return data
            raise

    def select_header_accept(self, accepts: list[str]) -> str | None:
        """Return the Accept header for these media types: JSON when it is among them, None for an empty list."""
        if not accepts:
            return None
        lowered = [parameters.text("accepts", accept).lower() for accept in accepts]
        return "application/json" if "application/json" in lowered else ", ".join(lowered)

    def select_header_content_type(self, content_types: list[str]) -> str:
        """Return the Content-Type for a body that may have any of these: JSON when it may be JSON."""
        lowered = [parameters.text("content_types", content_type).lower() for content_type in content_types]
        if not lowered or "application/json" in lowered or "*/*" in lowered:
            return "application/json"
        return lowered[0]

    def parameters_to_tuples(self, params: Any, collection_formats: dict[str, str] | None) -> list[tuple[str, Any]]:
        """Return parameters as pairs, lists joined or repeated as `collection_formats` says."""
        return parameters.parameters_to_tuples(params, collection_formats)


# Looked up again for each call: another function in its place would be ignored.
_REQUEST = ApiClient.request
