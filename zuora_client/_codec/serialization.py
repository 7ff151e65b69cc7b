"""Python values to JSON and back.

Strict on send: a value that is neither plain data nor a model raises TypeError or ValueError, and the message names the
parameter. Lenient on receive: only a container of the wrong kind, a malformed date, or nesting too deep to copy raises
`InvalidResponseError`. Other scalar values are not validated, and unknown fields are kept. Response types are resolved
once and cached.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import threading
from collections.abc import Callable
from functools import partial
from itertools import starmap
from operator import itemgetter
from typing import Any

from .. import models
from .._base.parameters import text
from ..exceptions import InvalidResponseError
from ..models.base import Model

Converter = Callable[[Any], Any]

# Our choice. Zuora's responses have three levels; copy and pickle exceed Python's recursion limit at about 300.
_MAX_DEPTH = 100
# dateutil takes quadratic time for long digits. The longest form of a date in use has 40 characters.
_MAX_DATE_LENGTH = 100
_ROWS_PER_CHECK = 1000
_CONTAINERS = frozenset((dict, list))
# Charsets used for text. Python also has codecs that are not for text, and punycode takes hours on hostile input.
_CHARSETS = r"(?i)utf-?(8|16|32)(-?[bl]e)?|(us-)?ascii|(iso-?8859|latin)-?\d{1,2}|(windows|cp)-?125\d"


def sanitize(value: Any) -> Any:
    """Return `value` as plain data: primitives unchanged, containers copied, dates in ISO 8601, models as dicts of
    JSON names without None.

    Raises:
        TypeError: an object of any other type.
        ValueError: a container that contains itself, or is nested too deeply.
    """
    try:
        return _sanitize(value)
    except RecursionError:
        raise ValueError("the value contains itself or is nested too deeply for JSON") from None


def _sanitize(value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes, int, float)):
        return value
    if isinstance(value, list):
        return [_sanitize(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_sanitize(item) for item in value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _sanitize(item) for key, item in value.items()}
    names = getattr(value, "attribute_map", None)
    if not isinstance(names, dict):
        raise TypeError(f"cannot serialize {type(value).__name__}: it is neither plain data nor a model")
    get = value.wire_value if isinstance(value, Model) else partial(_get_attribute, value)
    fields = ((key, get(name)) for name, key in names.items())
    return {key: _sanitize(item) for key, item in fields if item is not None}


def _get_attribute(model: Any, name: str) -> Any:
    return getattr(model, name, None)


def dump_json(name: str, value: Any) -> bytes:
    """Return `value`, sanitized, as JSON in UTF-8. Errors name the parameter.

    Raises:
        TypeError: `value` contains an object that is neither plain data nor a model.
        ValueError: NaN or infinity, or `value` contains itself or is nested too deeply.
    """
    try:
        return _encode(sanitize(value)).encode("ascii")
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    except RecursionError:
        raise ValueError(f"{name}: the value is nested too deeply for JSON") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _encode_default(value: Any) -> Any:
    if isinstance(value, bytes):
        return text("bytes in a body", value)
    raise TypeError(f"cannot serialize {type(value).__name__}: it is not plain data")


_encode = json.JSONEncoder(allow_nan=False, default=_encode_default).encode


def parse_json(body: bytes) -> Any:
    """Return the JSON document in `body`, which is UTF-8 whatever charset a header declares (RFC 8259, 8.1).

    An integer with more digits than Python converts (4,300) is returned as text.

    Raises:
        InvalidResponseError: not UTF-8, not JSON, or nested too deeply for the parser.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    try:
        document = body.decode("utf-8")
        try:
            return json.loads(document)
        except ValueError:
            # Either an integer that is too long, or malformed JSON, which fails again.
            return json.loads(document, parse_int=_parse_integer)
    except RecursionError:
        problem = "JSON nested too deeply to parse"
    except json.JSONDecodeError as error:
        problem = f"not JSON ({error})"
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 text (byte {error.start})"
    # Raised outside the handler, so that the first error, which contains the whole body, is not its context.
    raise InvalidResponseError(reason=f"the response is {problem}")


def _parse_integer(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits


def decode_text(body: bytes, content_type: str | None) -> str:
    """Return a body as text for display: in its declared charset if that is a known one, else UTF-8. Never raises."""
    found = re.search(r"charset=\"?([\w.:-]+)", content_type or "", re.IGNORECASE)
    charset = found.group(1) if found and re.fullmatch(_CHARSETS, found.group(1)) else "utf-8"
    try:
        return body.decode(charset, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


_converters: dict[Any, Converter] = {}
# Converters take the document alone: the check of `convert` reaches those of lists through the thread.
_local = threading.local()


def converter(response_type: Any) -> Converter:
    """Return the function that converts a JSON document to `response_type`: a class, or text such as
    ``list[GETEntityConnectionsArrayItemsType]``, ``dict(str, int)``, ``datetime``.

    Raises:
        ValueError: an unknown type name, or ``file``.
        TypeError: a class that is not a model, or neither a class nor text.
    """
    try:
        return _converters[response_type]
    except KeyError:
        pass
    try:
        return _converters.setdefault(response_type, _build_converter(response_type))
    except RecursionError:
        raise ValueError("response_type is nested too deeply") from None


def convert(kind: Any, document: Any, check: Callable[[], None]) -> Any:
    """Return `document` as a `kind`. `check` is called before every 1,000 rows of a list; its exception propagates."""
    _local.check = check
    try:
        return converter(kind)(document)
    finally:
        _local.check = None


def empty_value(response_type: Any) -> Any:
    """Return the data of a successful response without a body: a model with nothing set, None for other types."""
    cls = getattr(models, response_type, None) if isinstance(response_type, str) else response_type
    return converter(response_type)({}) if hasattr(cls, "attribute_map") else None


def is_known_model(cls: Any) -> bool:
    """Whether `cls` is a model class of this package itself, not a subclass of one."""
    return isinstance(cls, type) and getattr(models, cls.__name__, None) is cls


def _build_converter(response_type: Any) -> Converter:
    if not isinstance(response_type, str):
        return _class_converter(response_type)
    items = re.fullmatch(r"list\[(.*)\]", response_type) or re.fullmatch(r"dict\(([^,]*), ?(.*)\)", response_type)
    if items:
        convert_item = converter(items.groups()[-1])
        return _list_converter(convert_item) if response_type.startswith("list") else _dict_converter(convert_item)
    if response_type == "file":
        raise ValueError("response_type 'file' is not supported: no operation of this API returns a file")
    cls = _NATIVE_TYPES.get(response_type) or getattr(models, response_type, None)
    if not isinstance(cls, type):
        raise ValueError(f"response_type: unknown type {response_type!r}")  # noqa: TRY004 - the name is wrong
    return _class_converter(cls)


def _class_converter(cls: Any) -> Converter:
    if cls is datetime.datetime or cls is datetime.date:
        return _parse_datetime if cls is datetime.datetime else _parse_date
    if cls in (str, int, float, bool):
        return lambda value: _cast(cls, value)
    if cls is object:
        return _identity
    names, types = getattr(cls, "attribute_map", None), getattr(cls, "swagger_types", None)
    if not isinstance(names, dict) or not isinstance(types, dict) or not names.keys() <= types.keys():
        raise TypeError(
            f"response_type: {cls!r} is neither a native type nor a model, which needs an attribute_map and a "
            "swagger_types for each of its attributes"
        )
    return _ModelConverter(cls)


def _list_converter(convert: Converter) -> Converter:
    def convert_each(rows: list[Any]) -> list[Any]:
        return [convert(row) for row in rows]

    convert_rows = convert.convert_rows if isinstance(convert, _ModelConverter) else convert_each

    def convert_list(data: Any) -> Any:
        if data is None:
            return None
        if not isinstance(data, list):
            raise _container_error("a list", data)
        return convert_rows(data) if len(data) <= _ROWS_PER_CHECK else _convert_in_batches(convert_rows, data)

    return convert_list


def _convert_in_batches(convert_rows: Converter, rows: list[Any]) -> list[Any]:
    check = getattr(_local, "check", None)
    converted: list[Any] = []
    for start in range(0, len(rows), _ROWS_PER_CHECK):
        if check is not None:
            check()
        converted += convert_rows(rows[start : start + _ROWS_PER_CHECK])
    return converted


def _dict_converter(convert: Converter) -> Converter:
    def convert_dict(data: Any) -> Any:
        if data is None:
            return None
        if not isinstance(data, dict):
            raise _container_error("an object", data)
        return {key: convert(item) for key, item in data.items()}

    return convert_dict


class _ModelConverter:
    """Converts JSON objects to instances of one model class.

    Known models take their arguments in the order of ``attribute_map``, so they are constructed positionally, which is
    fastest. A class defined by the caller gets the received fields as keywords.
    """

    def __init__(self, cls: Any) -> None:
        self._cls = cls
        self._keys = tuple(cls.attribute_map.values())
        self._is_known = is_known_model(cls)
        # Scalars are kept unchanged, so only fields of other types need a converter.
        types = [cls.swagger_types[name] for name in cls.attribute_map]
        self._nested = {index: converter(name) for index, name in enumerate(types) if name not in _SCALAR_TYPES}
        self._converted = frozenset(self._keys[index] for index in self._nested)
        is_flat = self._is_known and not self._nested
        self._get_values = itemgetter(*self._keys) if is_flat and len(self._keys) > 1 else None

    def __call__(self, data: Any) -> Any:
        if data is None:
            return None
        if not isinstance(data, dict):
            raise _container_error("an object", data)
        values = [data.get(key) for key in self._keys]
        for index, convert in self._nested.items():
            values[index] = convert(values[index])
        for key, value in data.items():
            if type(value) in _CONTAINERS and key not in self._converted:
                _check_depth(value)
        if self._is_known:
            try:
                model = self._cls(*values)
            except (TypeError, ValueError):
                model = _construct_unvalidated(self._cls, values)
        else:
            model = self._construct_from_keywords(values, data)
        extras = {key: value for key, value in data.items() if key not in self._keys}
        if extras and isinstance(model, Model):
            model.additional_properties.update(extras)
        return model

    def _construct_from_keywords(self, values: list[Any], data: dict[str, Any]) -> Any:
        fields = zip(self._cls.attribute_map, self._keys, values, strict=True)
        try:
            return self._cls(**{name: value for name, key, value in fields if key in data})
        except Exception as error:  # A class defined by the caller may raise anything.
            name = self._cls.__name__
            raise InvalidResponseError(reason=f"cannot create {name} from the response: {error}") from error

    def convert_rows(self, data: list[Any]) -> list[Any]:
        """Convert a list of objects. If every row has exactly the known fields, all of them text, no row is visited."""
        if self._get_values is not None:
            try:
                rows = list(map(self._get_values, data))  # KeyError or TypeError if a field is missing.
                # The fastest check there is: TypeError if a value is not text.
                is_text = all(map("".join, rows))
                if is_text and sum(map(len, data)) == len(self._keys) * len(data):
                    return list(starmap(self._cls, rows))
            except (KeyError, TypeError, ValueError):
                pass
        return [self(row) for row in data]


def _construct_unvalidated(cls: Any, values: Any) -> Any:
    # Bypass __init__ validation: response data is stored as received.
    model = cls.__new__(cls)
    model.__dict__.update(zip(cls.attribute_map, values, strict=True))
    return model


def _identity(value: Any) -> Any:
    if type(value) in _CONTAINERS:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Raise InvalidResponseError if a list or dict is nested too deeply to be printed, compared, copied or pickled."""
    level: list[Any] = [value]
    for _ in range(_MAX_DEPTH):
        items = (item for node in level for item in (node.values() if isinstance(node, dict) else node))
        level = [item for item in items if type(item) in _CONTAINERS]
        if not level:
            return
    raise InvalidResponseError(reason=f"the response is nested deeper than {_MAX_DEPTH} levels")


def _cast(cls: type, value: Any) -> Any:
    if value is None or isinstance(value, (list, dict, cls)):
        return _identity(value)
    try:
        return cls(value)
    except (ValueError, OverflowError):
        return value


def _parse_datetime(value: Any) -> Any:
    if not isinstance(value, str):
        return _identity(value)
    # Imported here: importing dateutil takes longer than importing the rest of this package.
    from dateutil.parser import isoparse, parse

    parsers = (isoparse, partial(parse, tzinfos=_utc_offset)) if len(value) <= _MAX_DATE_LENGTH else ()
    for parse_text in parsers:
        with contextlib.suppress(ValueError, OverflowError):
            return parse_text(value)
    # Shown whole or not at all: the text may be an echoed secret, and redaction would not find a part of it.
    shown = repr(value) if len(value) <= 40 else "a long text"
    raise InvalidResponseError(reason=f"the response has {shown} where a date should be")


def _utc_offset(_: str | None, offset: int | None) -> int | None:
    # Without this callback dateutil warns about unknown time zone names.
    return offset


def _parse_date(value: Any) -> Any:
    parsed = _parse_datetime(value)
    return parsed.date() if isinstance(parsed, datetime.datetime) else parsed


def _container_error(expected: str, data: Any) -> InvalidResponseError:
    found = {dict: "an object", list: "a list", str: "text", bool: "a boolean"}.get(type(data), "a number")
    return InvalidResponseError(reason=f"the response has {found} where {expected} should be")


_NATIVE_TYPES = {
    "str": str,
    "int": int,
    "long": int,
    "float": float,
    "bool": bool,
    "object": object,
    "date": datetime.date,
    "datetime": datetime.datetime,
}
_SCALAR_TYPES = frozenset(("str", "int", "long", "float", "bool", "object"))
