"""Opaque holders of secrets: what shows the variables of a program, such as an error tracker, shows no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


class Secret:
    """Holds a value that no repr shows. Equal to its value, and to another holder of the same value."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def reveal(self) -> Any:
        """Return the value."""
        return self._value

    def prefixed(self, prefix: str) -> Secret:
        """Return the text with `prefix` before it."""
        return Secret(prefix + self._value)

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the bytes of the value. http.client and urllib3 ask a header value for nothing else."""
        return self._value if isinstance(self._value, bytes) else self._value.encode(encoding, errors)

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return bool(self._value == (other._value if isinstance(other, Secret) else other))

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret('***')"


def hide(value: Any) -> Any:
    """Return text or bytes in a holder, any other value (None, a callable, a holder) unchanged."""
    return Secret(value) if value and isinstance(value, (str, bytes)) else value


def reveal(value: Any) -> Any:
    """Return what a holder holds, any other value unchanged."""
    return value.reveal() if isinstance(value, Secret) else value


def held(owner: object, name: str) -> Any:
    """Return the holder behind a `SecretAttribute`."""
    return owner.__dict__[name]


_T = TypeVar("_T")


class SecretAttribute(Generic[_T]):
    """An attribute that is read and assigned as plain text. ``__dict__`` has a holder."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> _T:
        if instance is None:
            # As an attribute without a default would raise.
            raise AttributeError(f"type object {owner.__name__ if owner else ''!r} has no attribute {self._name!r}")
        value: Any = instance.__dict__[self._name]
        revealed: _T = value.reveal() if isinstance(value, Secret) else value
        return revealed

    def __set__(self, instance: object, value: _T) -> None:
        instance.__dict__[self._name] = hide(value)


class SecretDict(dict[str, Any]):
    """A dict that is read and assigned as plain text. Its repr, and ``dict.items()`` of it, have holders.

    Args:
        is_secret: tells from the name of an item whether its value is secret.
    """

    def __init__(self, items: Any = (), is_secret: Callable[[str], bool] | None = None) -> None:
        super().__init__()
        self._is_secret = is_secret
        self.update(items)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, hide(value) if self._is_secret is None or self._is_secret(name) else value)

    def __getitem__(self, name: str) -> Any:
        return reveal(super().__getitem__(name))

    def get(self, name: str, default: Any = None) -> Any:
        return reveal(super().get(name, default))

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name: str, *default: Any) -> Any:
        return reveal(super().pop(name, *default))

    def update(self, items: Any = (), /, **more: Any) -> None:
        for name, value in dict(items, **more).items():
            self[name] = value

    def values(self) -> Any:
        return self._revealed().values()

    def items(self) -> Any:
        return self._revealed().items()

    def copy(self) -> SecretDict:
        return SecretDict(self, self._is_secret)

    def _revealed(self) -> dict[str, Any]:
        return {name: reveal(super(SecretDict, self).__getitem__(name)) for name in self}

    def __reduce__(self) -> Any:
        return SecretDict, (self._revealed(), self._is_secret)
