"""What the checks of `doctor` share: their results, and clients with other credentials."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from .. import ApiClient, Environment
from .._base.text import single_line

if TYPE_CHECKING:
    from typing import Any, Literal

    from .. import ApiException, Configuration

HOST_ADVICE = f"check ZUORA_HOST, or unset it and set ZUORA_ENVIRONMENT to one of {', '.join(Environment.__members__)}"


class Finding(Exception):
    """The result of a check that is not ok.

    Attributes:
        result: ``"failed"`` (the later checks would fail too), ``"warning"`` or ``"unknown"``.
    """

    def __init__(self, result: Literal["failed", "warning", "unknown"], text: str) -> None:
        super().__init__(text)
        self.result = result


def client_with(configuration: Configuration, access_token: Any) -> ApiClient:
    """Return a client with this token instead of the configured credentials; with none if the token is None."""
    other = copy.deepcopy(configuration)
    other.client_id = other.client_secret = None
    other.access_token = access_token
    if access_token is None:
        other.entity_id = None
    return ApiClient(other)


def reason(error: ApiException) -> str:
    """Return status and reason of an error as one line."""
    reasons = "; ".join(str(each) for each in error.reasons) or error.reason
    return single_line(f"{error.status}: {reasons}" if error.status else reasons)
