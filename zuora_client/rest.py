"""The transport classes, under the module name of the generated client."""

from __future__ import annotations

from ._http.response import RESTResponse
from ._http.transport import RESTClientObject
from .exceptions import ApiException

__all__ = ["ApiException", "RESTClientObject", "RESTResponse"]
