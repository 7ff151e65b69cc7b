"""The first half of a call: arguments to request. Whatever is wrong with them raises here, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._base import parameters
from .._base.base_url import BaseURL
from .._codec import serialization
from .._codec.headers import CREDENTIAL_HEADERS, SECRET_HEADERS, merge_headers, validate_headers
from .._codec.request import Request, RetryClass, checked_method, encode_body, fill_path
from ..deadline import Timeouts
from .auth import check_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..configuration import Configuration


class RequestBuilder:
    """Builds the requests of one client.

    Args:
        is_confidential: returns whether requests to a base URL cannot be read in transit.
    """

    def __init__(self, is_confidential: Callable[[BaseURL], bool]) -> None:
        self._is_confidential = is_confidential
        self._cached_base_url: BaseURL | None = None
        self._cached_defaults: tuple[dict[str, Any], dict[str, tuple[str, str]]] = ({}, {})

    def for_path(
        self,
        configuration: Configuration,
        method: str,
        resource_path: str,
        path_params: list[tuple[str, Any]],
        query: list[tuple[str, Any]],
        headers: dict[str, Any],
        *,
        default_headers: dict[str, Any],
        cookie: str | None,
        body: Any,
        post_params: list[tuple[str, Any]],
        response_type: Any,
        has_auth_settings: bool,
        preload_content: bool,
        request_timeout: Any,
    ) -> Request:
        """Return the request for a path of the configured host, as `ApiClient.call_api` describes it."""
        if response_type is not None:
            serialization.converter(response_type)
        own = {"Accept-Encoding": "gzip" if preload_content else "identity", **headers}
        merged = merge_headers(own, self._validated(default_headers), configuration.entity_id, cookie)
        path = fill_path(resource_path, path_params, configuration.safe_chars_for_path_param)
        host = self._base_url(configuration.host)
        request = _new_request(configuration, method, host, path, merged, request_timeout)
        request.body = encode_body(merged["content-type"][1], body, post_params)
        request.template = resource_path.partition("?")[0]
        request.query = parameters.query_string(query) if query else ""
        request.authorize = CREDENTIAL_HEADERS.isdisjoint(merged)
        request.stream = not preload_content
        request.response_type = response_type
        self._check_credentials(request, merged, has_auth_settings=has_auth_settings)
        return request

    def for_url(
        self,
        configuration: Configuration,
        method: str,
        url: Any,
        query: list[tuple[str, Any]],
        headers: dict[str, Any],
        *,
        body: Any,
        post_params: list[tuple[str, Any]],
        preload_content: bool,
        request_timeout: Any,
    ) -> Request:
        """Return the request for a whole URL, without credentials, as `ApiClient.request` describes it."""
        if not isinstance(url, str):
            raise TypeError(f"url must be text, not {type(url).__name__}")
        if not (url.isascii() and url.isprintable()) or " " in url or "#" in url:
            raise ValueError("url must be percent-encoded: printable ASCII without spaces and without a fragment")
        parts = urlsplit(url)
        merged = merge_headers(headers, {}, None, None)
        host = BaseURL(f"{parts.scheme}://{parts.netloc}")
        path = fill_path(parts.path or "/", (), "")
        request = _new_request(configuration, method, host, path, merged, request_timeout)
        request.body = encode_body(merged["content-type"][1], body, post_params)
        request.query = "&".join(filter(None, (parts.query, parameters.query_string(query))))
        request.stream = not preload_content
        self._check_credentials(request, merged, has_auth_settings=False)
        return request

    def _validated(self, default_headers: dict[str, Any]) -> dict[str, tuple[str, str]]:
        # Validated once and cached until default_headers changes.
        validated_from, validated = self._cached_defaults
        if validated_from != default_headers:
            self._cached_defaults = (dict(default_headers), validate_headers(default_headers))
            validated = self._cached_defaults[1]
        return validated

    def _base_url(self, url: str) -> BaseURL:
        host = self._cached_base_url
        if host is None or host.url != url:
            host = self._cached_base_url = BaseURL(url)
        return host

    def _check_credentials(self, request: Request, headers: dict[str, Any], *, has_auth_settings: bool) -> None:
        """Refuse half a pair of credentials, and credentials over unencrypted HTTP to a remote host."""
        configuration = request.settings
        if request.authorize:
            check_credentials(configuration)
        if configuration.allow_insecure_http or self._is_confidential(request.host):
            return
        is_configured = request.authorize and configuration.credentials_kind != "none"
        if has_auth_settings or is_configured or not SECRET_HEADERS.isdisjoint(headers):
            raise ValueError(
                f"host {request.host.url!r}: over plain http others can read the credentials; use https, or set "
                "allow_insecure_http"
            )


def _new_request(
    configuration: Configuration,
    method: str,
    host: BaseURL,
    path: str,
    headers: dict[str, tuple[str, str]],
    request_timeout: Any,
) -> Request:
    defaults = Timeouts(configuration.connect_timeout, configuration.read_timeout, configuration.deadline)
    timeouts = Timeouts.from_request_timeout(request_timeout, defaults)
    request = Request(configuration, checked_method(method), host, path, dict(headers.values()), timeouts)
    request.caller_key = request.retry_class is RetryClass.KEYED and "idempotency-key" in headers
    return request
