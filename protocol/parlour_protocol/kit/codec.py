"""Frames to bytes and back, strictly, in both directions.

Decoding accepts exactly the schema: one JSON object with every key once, no unknown field, no
NaN, no lone surrogate, no number outside 53 bits, and nothing after the object (M1: parser
differentials). It raises only ``MalformedFrameError``, whatever the bytes.
"""

import builtins
import functools
import json
import math
import typing
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import inspect

from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.fields import decode_field, encode_field
from parlour_protocol.kit.id_fields import RequestIdField
from parlour_protocol.kit.ids import RequestId

_T = TypeVar("_T")

_encoder: Final = msgspec.json.Encoder(enc_hook=encode_field)


class _IdAlone(msgspec.Struct):
    id: RequestIdField


_id_alone: Final = msgspec.json.Decoder(_IdAlone)

_STEP: Final = 64 * 1024
_MOST_QUOTES: Final = 8 * 1024  # a commit that adds and removes 500 devices has some 2,100
_LONG_STRING: Final = 1024
_LONGEST_PATH: Final = 80  # characters; paths of the schema are shorter
# Errors of msgspec on bad input: its own, bad UTF-8 inside a string, and unlimited nesting.
_REFUSALS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise MalformedFrameError("a key appears twice in one object")


# msgspec keeps the last of two equal keys; another parser may keep the first. Parsing a second time costs 2
# us per message, and only input that the schema accepted gets here, so depth is limited.
_check_keys: Final = cast(
    "Callable[[str], object]", json.JSONDecoder(object_pairs_hook=_refuse_repeated_keys).decode
)


def encode(value: msgspec.Struct) -> bytes:
    """Return the JSON text of a frame or a part of one, UTF-8, without spaces.

    Raises ValueError for a number that JSON lacks: NaN, an infinity.
    """
    data = _encoder.encode(value)
    if b"null" in data:  # which msgspec writes for such a number, too
        check_numbers(value)
    return data


def check_numbers(value: object) -> None:
    """Raise ValueError for a NaN or an infinity in a frame, in a part of one, or in what these consist of."""
    if isinstance(value, msgspec.Struct):
        if _may_have_floats(type(value)):
            for each in msgspec.structs.astuple(value):
                check_numbers(each)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a NaN or an infinity cannot be sent: JSON has no such number")
    elif isinstance(value, tuple | list | set | frozenset):
        for each in value:
            check_numbers(each)
    elif isinstance(value, dict):
        for each in value.values():
            check_numbers(each)


@functools.cache
def _may_have_floats(kind: type[msgspec.Struct]) -> bool:
    """Return whether such a struct may have a float in it, at any depth."""
    try:
        return _has_floats(inspect.type_info(kind), set())
    except (TypeError, NameError):  # msgspec knows no such type
        return True


def _has_floats(info: inspect.Type, seen: set[object]) -> bool:
    inner: Iterable[inspect.Type] = ()
    match info:
        case inspect.FloatType() | inspect.AnyType() | inspect.CustomType(cls=builtins.object):
            return True
        case inspect.StructType():
            if info.cls in seen:
                return False
            seen.add(info.cls)
            inner = (field.type for field in info.fields)
        case inspect.UnionType():
            inner = info.types
        case inspect.TupleType():
            inner = info.item_types
        case inspect.CollectionType():
            inner = (info.item_type,)
        case inspect.DictType():
            inner = (info.value_type,)
        case inspect.Metadata():
            inner = (info.type,)
    return any(_has_floats(each, seen) for each in inner)


def request_id_of(data: bytes) -> RequestId | None:
    """Return the id of a refused frame, for the error; None if it has none."""
    try:
        return _id_alone.decode(data).id
    except _REFUSALS:
        return None


@functools.cache
def strict_decoder(kind: type[_T]) -> Callable[[bytes | str], _T]:
    """Return a function that reads ``kind`` as strictly as frames are read. Raises MalformedFrameError."""
    decoder: msgspec.json.Decoder[_T] = msgspec.json.Decoder(kind, dec_hook=decode_field)
    return lambda data: _decode(decoder, data)


class _Never(msgspec.Struct, tag_field="type", tag=""):
    """Beside other frames, so that msgspec asks for a tag where there is only one; nobody sends it."""

    def __post_init__(self) -> None:
        """Refuse it. Raises ValueError."""
        raise ValueError("not a frame")


def frame_decoder(kind: type[_T]) -> Callable[[bytes | str], _T]:
    """Return a function that reads a frame, or one of a union, by its tag. Raises MalformedFrameError."""
    decode: Callable[[bytes | str], _T] = strict_decoder(cast("Any", typing.Union)[kind, _Never])
    return decode


@functools.cache
def self_check(kind: type[_T]) -> Callable[[bytes], None]:
    """Return a function that checks what ``encode`` wrote of a ``kind``. It raises MalformedFrameError.

    msgspec checks no values when a struct is made. It writes each key once, so that is not checked again.
    """
    decoder: msgspec.json.Decoder[_T] = msgspec.json.Decoder(kind, dec_hook=decode_field)

    def check(data: bytes) -> None:
        try:
            decoder.decode(data)
        except _REFUSALS as error:
            raise MalformedFrameError(_reason(error)) from error

    return check


@functools.cache
def large_decoder(kind: type[_T]) -> Callable[[bytes], _T]:
    """Return a function that reads megabytes of ``kind`` in a thread (L27).

    No single step takes long. The large parts of such a body are base64url, so its strings need no escapes,
    and it has few of them: anything else is refused. Raises MalformedFrameError.
    """
    decoder: msgspec.json.Decoder[_T] = msgspec.json.Decoder(kind, dec_hook=decode_field)

    def decode(data: bytes) -> _T:
        _refuse_unusual(data)
        try:
            value = decoder.decode(data)
            _check_keys(_without_long_strings(data).decode())
        except _REFUSALS as error:
            raise MalformedFrameError(_reason(error)) from error
        return value

    return decode


def _refuse_unusual(data: bytes) -> None:
    quotes = 0
    for at in range(0, len(data), _STEP):
        part = data[at : at + _STEP]
        quotes += part.count(b'"')
        if b"\\" in part or quotes > _MOST_QUOTES:
            raise MalformedFrameError("a large body may hold a few plain strings only")


def _without_long_strings(data: bytes) -> bytes:
    """Empty the long strings: keys are short, and without escapes each second quote ends a string."""
    parts = data.split(b'"')
    parts[1::2] = [part if len(part) < _LONG_STRING else b"" for part in parts[1::2]]
    return b'"'.join(parts)


def _decode(decoder: msgspec.json.Decoder[_T], data: bytes | str) -> _T:
    try:
        value = decoder.decode(data)
        _check_keys(data if isinstance(data, str) else data.decode())
    except _REFUSALS as error:
        raise MalformedFrameError(_reason(error)) from error
    return value


def _reason(error: Exception) -> str:
    """Return what is wrong with a frame in ASCII, without quoting it."""
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, msgspec.ValidationError) and (path := _path(error)):
        return f"refused at {path}"
    return "not valid JSON, or not of the schema"


def _path(error: msgspec.ValidationError) -> str:
    """Return the place of the error, such as `$.text`; msgspec's own sentence may quote the content."""
    _, found, path = str(error).rpartition(" - at `")
    path = path.removesuffix("`")
    return path if found and path.isascii() and len(path) <= _LONGEST_PATH else ""
