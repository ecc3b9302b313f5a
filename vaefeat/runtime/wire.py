"""A small parser of protobuf's wire format, which allocates nothing beyond the message itself."""

from collections.abc import Iterator
from typing import NamedTuple

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5

Value = int | memoryview


class MalformedError(Exception):
    """The bytes are not a message."""


class Field(NamedTuple):
    """A field of a message."""

    number: int
    value: Value | None  # None for fields of fixed width, none of which is read here
    start: int
    stop: int


def read_fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the number and the value, an integer or bytes, of each field that has no fixed width."""
    for field in scan(message):
        if field.value is not None:
            yield field.number, field.value


def scan(message: memoryview) -> Iterator[Field]:
    """Yield all fields of a message; raise MalformedError or IndexError where it is not one."""
    position = 0
    while position < len(message):
        start = position
        key, position = _varint(message, position)
        if key >= 2**32:  # parsers disagree about such a key: it could hide a field
            raise MalformedError("a field number is too large")
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield Field(number, value, start, position)
            continue
        if wire_type == _LENGTH_DELIMITED:
            length, position = _varint(message, position)
        elif wire_type in (_FIXED32, _FIXED64):
            length = 4 if wire_type == _FIXED32 else 8
        else:
            raise MalformedError(f"wire type {wire_type}")
        stop = position + length
        if stop > len(message):
            raise MalformedError("a field is longer than its message")
        yield Field(number, message[position:stop] if wire_type == _LENGTH_DELIMITED else None, start, stop)
        position = stop


def read_integers(value: Value) -> Iterator[int]:
    """Yield the integers of a repeated field, which are packed, or one by one."""
    if isinstance(value, int):
        yield value
        return
    position = 0
    while position < len(value):
        number, position = _varint(value, position)
        yield number


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, 70, 7):
        byte = message[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
    raise MalformedError("a number is longer than ten bytes")


def as_int(value: Value) -> int:
    """Return a value as an integer; raise MalformedError if it is not one."""
    if not isinstance(value, int):
        raise MalformedError("expected a number")
    return value


def as_signed(value: Value) -> int:
    """Return a value of type int64, which is written in two's complement."""
    number = as_int(value) % 2**64
    return number - 2**64 if number >= 2**63 else number


def as_message(value: Value) -> memoryview:
    """Return a value as bytes; raise MalformedError if it is a number."""
    if isinstance(value, int):
        raise MalformedError("expected a message")
    return value


def as_text(value: Value) -> str:
    """Return a value as text; raise MalformedError or UnicodeDecodeError if it is not text."""
    return bytes(as_message(value)).decode()
