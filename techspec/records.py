"""Dataclasses to JSON and back, by their type hints. Knows no record in particular."""

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class NotThatRecord(ValueError):
    """The JSON does not have the form of the dataclass."""


def encode(value: object) -> Any:
    """A dataclass, tuple, mapping or plain value as what `json.dumps` takes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: encode(getattr(value, field.name)) for field in fields}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], data: object) -> T:
    """The `kind` that `encode` made `data` from; keys that `kind` lacks are passed over.

    Raises:
        NotThatRecord: a field is missing or has another form.
    """
    return typing.cast(T, _decode(kind, data, kind.__name__))


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, data: Any, place: str) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, data, place)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(inner, data, place)
    if origin is tuple:
        _expect(isinstance(data, list), place, data)
        return tuple(_decode(inner[0], item, f"{place}[{n}]") for n, item in enumerate(data))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        _expect(isinstance(data, dict), place, data)
        return {key: _decode(inner[1], item, f"{place}.{key}") for key, item in data.items()}
    if origin is typing.Literal:
        _expect(data in inner, place, data)
        return data
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        _expect(data in [member.value for member in kind], place, data)
        return kind(data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind in (Any, object):
        return data
    _expect(type(data) is kind or (data is None and kind is type(None)), place, data)
    return data


def _decode_dataclass(kind: Any, data: Any, place: str) -> Any:
    _expect(isinstance(data, dict), place, data)
    hints = _hints(kind)
    values = {
        field.name: _decode(hints[field.name], data[field.name], f"{place}.{field.name}")
        for field in dataclasses.fields(kind)
        if field.name in data
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise NotThatRecord(f"{place}: {error}") from None


def _decode_union(kinds: tuple[Any, ...], data: Any, place: str) -> Any:
    # The exact type first, so that 1 stays an int where a float would also do.
    for kind in sorted(kinds, key=lambda kind: type(data) is not kind):
        try:
            return _decode(kind, data, place)
        except NotThatRecord:
            continue
    raise NotThatRecord(f"{place}: {data!r} fits none of its forms")


def _expect(fits: bool, place: str, data: object) -> None:
    if not fits:
        raise NotThatRecord(f"{place}: {data!r} is not of its form")
