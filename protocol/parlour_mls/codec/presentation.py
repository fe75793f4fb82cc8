"""The presentation language of RFC 9420 section 2: integers, optional values, vectors.

`Reader` refuses everything that is not the one shortest encoding, reads nothing past its bounds and builds
no list longer than its caller allows; no exception but `MalformedError` leaves it. Every structure of the
engine is read and written with these.
"""

import struct
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import TypeVar

from parlour_mls.errors import MalformedError

T = TypeVar("T")

MAX_VECTOR = (1 << 30) - 1
"""Bytes in one vector: what a header of four bytes can say (section 2.1.2)."""

_ONE_BYTE, _TWO_BYTES = 1 << 6, 1 << 14
_INVALID_PREFIX = 3


def u8(value: int) -> bytes:
    """One octet."""
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    """Two octets, network order."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Four octets, network order."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Eight octets, network order."""
    return value.to_bytes(8, "big")


def header(length: int) -> bytes:
    """Write the length header of a vector in its shortest form (section 2.1.2)."""
    if length < _ONE_BYTE:
        return length.to_bytes(1, "big")
    if length < _TWO_BYTES:
        return (length | 0x4000).to_bytes(2, "big")
    if length <= MAX_VECTOR:
        return (length | 0x8000_0000).to_bytes(4, "big")
    raise MalformedError(f"a vector of {length} bytes is longer than RFC 9420 allows ({MAX_VECTOR})")


def vec(value: bytes) -> bytes:
    """Write `opaque value<V>`."""
    return header(len(value)) + value


def vec_of(items: Iterable[bytes]) -> bytes:
    """Write a vector of items that are encoded already."""
    return vec(b"".join(items))


def u16_vec(values: tuple[int, ...]) -> bytes:
    """Write `uint16 values<V>`."""
    return vec(struct.pack(f">{len(values)}H", *values))


def u32_vec(values: tuple[int, ...]) -> bytes:
    """Write `uint32 values<V>`."""
    return vec(struct.pack(f">{len(values)}I", *values))


def optional(value: bytes | None) -> bytes:
    """Write `optional<T>` from an encoded value (section 2.1.1)."""
    return b"\x00" if value is None else b"\x01" + value


class Reader:
    """Takes values off the front of a byte string, never past its end."""

    __slots__ = ("_data", "_end", "_pos")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._pos = start
        self._end = len(data) if end is None else end

    @property
    def position(self) -> int:
        """How far the reading has come, for `since`."""
        return self._pos

    def since(self, start: int) -> bytes:
        """Give the bytes read since `start`, a former `position`."""
        return self._data[start : self._pos]

    def left(self) -> int:
        """How many bytes are still to be read."""
        return self._end - self._pos

    def take(self, count: int) -> bytes:
        """Read exactly `count` bytes."""
        start = self._pos
        stop = start + count
        if stop > self._end:
            raise MalformedError("the input ends in the middle of a value")
        self._pos = stop
        return self._data[start:stop]

    def u8(self) -> int:
        """Read one octet."""
        return self.take(1)[0]

    def u16(self) -> int:
        """Read a uint16."""
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        """Read a uint32."""
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        """Read a uint64."""
        return int.from_bytes(self.take(8), "big")

    def length(self) -> int:
        """Read a vector's header (section 2.1.2); a longer form than needed is refused, so is prefix 11."""
        first = self.take(1)[0]
        prefix = first >> 6
        if prefix == 0:
            return first
        if prefix == _INVALID_PREFIX:
            raise MalformedError("a vector header starts with the invalid prefix 11")
        value = ((first & 0x3F) << 8 * ((1 << prefix) - 1)) | int.from_bytes(
            self.take((1 << prefix) - 1), "big"
        )
        if value < (_ONE_BYTE if prefix == 1 else _TWO_BYTES):
            raise MalformedError("a vector header is not in its shortest form")
        return value

    def vec(self) -> bytes:
        """Read `opaque value<V>`."""
        return self.take(self.length())

    def one_of(self, sizes: AbstractSet[int], what: str) -> bytes:
        """Read `opaque value<V>` whose size a cipher suite fixes: one of these."""
        value = self.take(self.length())
        if len(value) not in sizes:
            raise MalformedError(f"{what} has {len(value)} bytes, which no cipher suite here uses")
        return value

    def exactly(self, size: int, what: str) -> bytes:
        """Read `opaque value<V>` whose size all cipher suites share."""
        value = self.take(self.length())
        if len(value) != size:
            raise MalformedError(f"{what} has {len(value)} bytes instead of {size}")
        return value

    def sub(self) -> "Reader":
        """Read a vector's header and give a reader that is bound to its body."""
        length = self.length()
        start = self._pos
        if start + length > self._end:
            raise MalformedError("a vector is longer than what holds it")
        self._pos = start + length
        return Reader(self._data, start, start + length)

    def many(self, read: "Callable[[Reader], T]", most: int) -> tuple[T, ...]:
        """Read `T items<V>`; more than `most` items are refused, which bounds time and memory."""
        body = self.sub()
        items: list[T] = []
        while body._pos < body._end:  # noqa: SLF001 - the same class; a method call for each item is a third slower
            if len(items) >= most:
                raise MalformedError(f"a list holds more than {most} items")
            items.append(read(body))
        return tuple(items)

    def u16s(self) -> tuple[int, ...]:
        """Read `uint16 values<V>`."""
        body = self.vec()
        if len(body) % 2:
            raise MalformedError("a list of uint16 has an odd length")
        return struct.unpack(f">{len(body) // 2}H", body)

    def u32s(self) -> tuple[int, ...]:
        """Read `uint32 values<V>`."""
        body = self.vec()
        if len(body) % 4:
            raise MalformedError("a list of uint32 has a length that is not a multiple of 4")
        return struct.unpack(f">{len(body) // 4}I", body)

    def optional(self, read: "Callable[[Reader], T]") -> T | None:
        """Read `optional<T>`; a presence octet other than 0 and 1 is refused (section 2.1.1)."""
        present = self.take(1)[0]
        if present > 1:
            raise MalformedError("a presence octet is neither 0 nor 1")
        return read(self) if present else None

    def done(self) -> None:
        """Refuse trailing bytes."""
        if self._pos != self._end:
            raise MalformedError(f"{self._end - self._pos} bytes follow the end of the value")


def decode(read: Callable[[Reader], T], data: bytes) -> T:
    """Read one value that must fill `data` to its last byte."""
    reader = Reader(data)
    value = read(reader)
    reader.done()
    return value
