"""The transport classes, under the path that generated clients give them."""

from __future__ import annotations

from ._http.transport import RESTClientObject, RESTResponse
from .exceptions import ApiException

__all__ = ["ApiException", "RESTClientObject", "RESTResponse"]
