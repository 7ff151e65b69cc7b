"""Python values to JSON and back.

Strict on send: what is no plain data is a TypeError or ValueError that names the parameter. Lenient on receive: only a
wrong container is an `InvalidResponseError`, and nesting that a copy of the model could not follow; scalar values are
never judged, and fields that no model knows are kept. Types are resolved once for each class, not for each object.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
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

# Our choice. Zuora's answers have three levels; what walks a value in Python gives up at some three hundred.
_DEEPEST = 100
_CONTAINERS = frozenset((dict, list))
# Charsets that answers really come in. Python has codecs that are not for text, and one (punycode) that takes hours.
_CHARSETS = r"(?i)utf-?(8|16|32)(-?[bl]e)?|(us-)?ascii|(iso-?8859|latin)-?\d{1,2}|(windows|cp)-?125\d"


def sanitize(value: Any) -> Any:
    """Return `value` as plain data: primitives as they are, containers walked, dates in ISO 8601, models by their
    JSON names with None left out.

    Raises:
        TypeError: an object that is none of these.
        ValueError: a container that contains itself, or is nested too deeply.
    """
    try:
        return _sanitize(value)
    except RecursionError:
        raise ValueError("it contains itself, or is nested too deeply for JSON") from None


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
        raise TypeError(f"cannot send a {type(value).__name__}: it is neither plain data nor a model")
    read = value.wire_value if isinstance(value, Model) else partial(_attribute, value)
    fields = ((key, read(name)) for name, key in names.items())
    return {key: _sanitize(item) for key, item in fields if item is not None}


def _attribute(model: Any, name: str) -> Any:
    return getattr(model, name, None)


def dump_json(name: str, value: Any) -> bytes:
    """Return `value`, sanitized, as JSON in UTF-8. Errors name the parameter.

    Raises:
        TypeError: something in it is no plain data.
        ValueError: NaN or infinity, or it contains itself or is nested too deeply.
    """
    try:
        return _encode(sanitize(value)).encode("ascii")
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    except RecursionError:
        raise ValueError(f"{name}: it is nested too deeply for JSON") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _encode_rest(value: Any) -> Any:
    if isinstance(value, bytes):
        return text("bytes in a body", value)
    raise TypeError(f"cannot send a {type(value).__name__}: it is not plain data")


_encode = json.JSONEncoder(allow_nan=False, default=_encode_rest).encode


def parse_json(body: bytes) -> Any:
    """Return the document in `body`. JSON is UTF-8 whatever a header says about its charset.

    An integer too long for Python's limit (4,300 digits) is kept as its digits in text.

    Raises:
        InvalidResponseError: not UTF-8, not JSON, or nested deeper than the parser can go.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    try:
        document = body.decode("utf-8")
        try:
            return json.loads(document)
        except ValueError:
            # A long integer, or no JSON: then it fails again.
            return json.loads(document, parse_int=_long_integer)
    except RecursionError:
        problem = "JSON nested too deeply to read"
    except json.JSONDecodeError as error:
        problem = f"not JSON ({error})"
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 text (byte {error.start})"
    # Raised here, where the other error, which holds the whole answer, is no longer its context.
    raise InvalidResponseError(reason=f"the answer is {problem}")


def _long_integer(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits


def decode_text(body: bytes, content_type: str | None) -> str:
    """Return a body as text for a person: by its charset when there is such a one, and never failing."""
    found = re.search(r"charset=\"?([\w.:-]+)", content_type or "", re.IGNORECASE)
    charset = found.group(1) if found and re.fullmatch(_CHARSETS, found.group(1)) else "utf-8"
    try:
        return body.decode(charset, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


_converters: dict[Any, Converter] = {}


def converter(kind: Any) -> Converter:
    """Return the function that turns a JSON document into a `kind`: a class, or text such as
    ``list[GETEntityConnectionsArrayItemsType]``, ``dict(str, int)``, ``datetime``.

    Raises:
        ValueError: text that names no type, or ``file``.
        TypeError: a class that is no model, or neither a class nor text.
    """
    try:
        return _converters[kind]
    except KeyError:
        pass
    try:
        return _converters.setdefault(kind, _build(kind))
    except RecursionError:
        raise ValueError("response_type is nested too deeply") from None


def empty_value(kind: Any) -> Any:
    """Return what an empty yes means as a `kind`: a model with nothing set, None for everything else."""
    cls = getattr(models, kind, None) if isinstance(kind, str) else kind
    return converter(kind)({}) if hasattr(cls, "attribute_map") else None


def is_known_model(cls: Any) -> bool:
    """Whether a class is one of our models, and not derived from one."""
    return cls in _OURS


def _build(kind: Any) -> Converter:
    if not isinstance(kind, str):
        return _of_class(kind)
    items = re.fullmatch(r"list\[(.*)\]", kind) or re.fullmatch(r"dict\(([^,]*), ?(.*)\)", kind)
    if items:
        return (_list_of if kind.startswith("list") else _dict_of)(converter(items.groups()[-1]))
    if kind == "file":
        raise ValueError("response_type 'file' is not supported: no operation of this API answers with a file")
    found = _NATIVE.get(kind) or getattr(models, kind, None)
    if not isinstance(found, type):
        raise ValueError(f"response_type: there is no type called {kind!r}")  # noqa: TRY004 - the name is wrong
    return _of_class(found)


def _of_class(cls: Any) -> Converter:
    if cls is datetime.datetime or cls is datetime.date:
        return _moment if cls is datetime.datetime else _day
    if cls in (str, int, float, bool):
        return lambda value: _cast(cls, value)
    if cls is object:
        return _as_it_is
    names, kinds = getattr(cls, "attribute_map", None), getattr(cls, "swagger_types", None)
    if not isinstance(names, dict) or not isinstance(kinds, dict) or not names.keys() <= kinds.keys():
        raise TypeError(
            f"response_type: {cls!r} is neither a native type nor a model, which has a swagger_types and an "
            "attribute_map for all its attributes"
        )
    return _ModelConverter(cls)


def _list_of(convert: Converter) -> Converter:
    def one_by_one(rows: list[Any]) -> list[Any]:
        return [convert(row) for row in rows]

    convert_rows = convert.rows if isinstance(convert, _ModelConverter) else one_by_one

    def convert_list(data: Any) -> Any:
        if data is None:
            return None
        if not isinstance(data, list):
            raise _wrong_container("a list", data)
        return convert_rows(data)

    return convert_list


def _dict_of(convert: Converter) -> Converter:
    def convert_dict(data: Any) -> Any:
        if data is None:
            return None
        if not isinstance(data, dict):
            raise _wrong_container("an object", data)
        return {key: convert(item) for key, item in data.items()}

    return convert_dict


class _ModelConverter:
    """Fills a class through its own constructor.

    The arguments of our models are in the order of ``attribute_map``, so this is what a person would write by hand, and
    as fast. A class of the caller's, derived from one of ours or not, gets what came as keywords.
    """

    def __init__(self, cls: Any) -> None:
        self._cls = cls
        self._keys = tuple(cls.attribute_map.values())
        self._ours = is_known_model(cls)
        # Scalars pass as they are, so only fields of another type need a converter.
        kinds = [cls.swagger_types[name] for name in cls.attribute_map]
        self._nested = {index: converter(kind) for index, kind in enumerate(kinds) if kind not in _SCALARS}
        self._converted = frozenset(self._keys[index] for index in self._nested)
        self._pick = itemgetter(*self._keys) if len(self._keys) > 1 and self._ours and not self._nested else None

    def __call__(self, data: Any) -> Any:
        if data is None:
            return None
        if not isinstance(data, dict):
            raise _wrong_container("an object", data)
        values = [data.get(key) for key in self._keys]
        for index, convert in self._nested.items():
            values[index] = convert(values[index])
        for key, value in data.items():
            if type(value) in _CONTAINERS and key not in self._converted:
                _check_depth(value)
        if self._ours:
            try:
                model = self._cls(*values)
            except (TypeError, ValueError):
                model = _past_constructor(self._cls, values)
        else:
            model = self._foreign(values, data)
        extras = {key: value for key, value in data.items() if key not in self._keys}
        if extras and isinstance(model, Model):
            model.additional_properties.update(extras)
        return model

    def _foreign(self, values: list[Any], data: dict[str, Any]) -> Any:
        named = zip(self._cls.attribute_map, self._keys, values, strict=True)
        try:
            return self._cls(**{name: value for name, key, value in named if key in data})
        except Exception as error:  # The caller's own class may raise what it likes.
            name = self._cls.__name__
            raise InvalidResponseError(reason=f"{name} does not take what the answer holds: {error}") from error

    def rows(self, data: list[Any]) -> list[Any]:
        """Convert a list of objects, at once when all are usual: every field is there, no other, and only text."""
        if self._pick is not None:
            try:
                picked = list(map(self._pick, data))  # A KeyError or TypeError unless all have every field.
                "".join(map("".join, picked))  # A TypeError unless all is text; nothing is quicker.
                if sum(map(len, data)) == len(self._keys) * len(data):
                    return list(starmap(self._cls, picked))
            except (KeyError, TypeError, ValueError):
                pass
        return [self(row) for row in data]


def _past_constructor(cls: Any, values: Any) -> Any:
    # The checks of a constructor are for callers; what an answer holds is kept.
    model = cls.__new__(cls)
    model.__dict__.update(zip(cls.attribute_map, values, strict=True))
    return model


def _as_it_is(value: Any) -> Any:
    if type(value) in _CONTAINERS:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Refuse a list or dict that is nested too deeply to be shown, compared, copied or pickled."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        items = (item for node in level for item in (node.values() if isinstance(node, dict) else node))
        level = [item for item in items if type(item) in _CONTAINERS]
        if not level:
            return
    raise InvalidResponseError(reason=f"the answer is nested deeper than {_DEEPEST} levels")


def _cast(cls: type, value: Any) -> Any:
    if value is None or isinstance(value, (list, dict, cls)):
        return _as_it_is(value)
    try:
        return cls(value)
    except (ValueError, OverflowError):
        return value


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return _as_it_is(value)
    # Imported here: dateutil costs more start-up time than everything else of this package.
    from dateutil.parser import isoparse, parse

    for read in (isoparse, partial(parse, tzinfos=_zone)):
        with contextlib.suppress(ValueError, OverflowError):
            return read(value)
    # Never a part of it: it may be a secret that is said back, and a part is not recognized as one.
    told = repr(value) if len(value) <= 40 else "a long text"
    raise InvalidResponseError(reason=f"the answer holds {told} where a date should be")


def _zone(_: str | None, offset: int | None) -> int | None:
    # Without it dateutil warns of every name of a zone that it does not know.
    return offset


def _day(value: Any) -> Any:
    moment = _moment(value)
    return moment.date() if isinstance(moment, datetime.datetime) else moment


def _wrong_container(expected: str, data: Any) -> InvalidResponseError:
    kind = {dict: "an object", list: "a list", str: "text", bool: "a boolean"}.get(type(data), "a number")
    return InvalidResponseError(reason=f"the answer holds {kind} where {expected} should be")


_NATIVE = {
    "str": str,
    "int": int,
    "long": int,
    "float": float,
    "bool": bool,
    "object": object,
    "date": datetime.date,
    "datetime": datetime.datetime,
}
_OURS = frozenset(getattr(models, name) for name in models.__all__)
_SCALARS = frozenset(("str", "int", "long", "float", "bool", "object"))
