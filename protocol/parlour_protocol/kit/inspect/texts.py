"""The texts of a frame: every string in it that is not an identifier, however deep.

A field is text unless its type says otherwise, so a new request with text is looked at without a line about
it. Left out are identifiers (``IDENTIFIER`` in `id_fields.py`), names of accounts, choices (enums) and
``Opaque`` bytes.
"""

import enum
import functools
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from parlour_protocol.kit.fields import ParsedField
from parlour_protocol.kit.id_fields import is_identifier
from parlour_protocol.kit.inspect.inspector import Text
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.opaque import Opaque

_S = TypeVar("_S", bound=msgspec.Struct)
_Path = tuple[str | int, ...]
_SEVERAL: Final = (tuple, list, set, frozenset)
"""No frame has any but tuples; the bodies of a program's HTTPS operations may."""


def texts_of(frame: msgspec.Struct) -> list[tuple[_Path, Text]]:
    """Return the texts that are not empty, each with its path for ``with_texts``."""
    kind = frame.__struct_config__.tag or type(frame).__name__.lower()
    return [(path, Text(f"{kind}.{_name(path)}", text)) for path, text in _texts(frame, ())]


def opaque_bytes(frame: msgspec.Struct) -> int:
    """Return how many bytes are in it that can't be read here."""
    return sum(map(len, _opaque(frame)))


def with_texts(frame: _S, new: dict[_Path, str]) -> _S:
    """Return the frame with these texts instead. Raises ValueError for one that its field does not take."""
    return typing.cast("_S", _replaced(frame, [*new.items()], 0))


def _name(path: _Path) -> str:
    return ".".join(part for part in path if isinstance(part, str))


def _texts(value: object, path: _Path) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, msgspec.Struct):
        for name in _fields_with_text(type(value)):
            yield from _texts(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for number, item in enumerate(value.items()):
            yield from _texts(item, (*path, number))
    elif isinstance(value, _SEVERAL):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))
    elif isinstance(value, str) and value and not isinstance(value, enum.Enum | UserName):
        yield path, str(value)


def _opaque(value: object) -> Iterator[Opaque]:
    if isinstance(value, msgspec.Struct):
        for item in msgspec.structs.astuple(value):
            yield from _opaque(item)
    elif isinstance(value, Mapping):
        yield from _opaque(tuple(value.values()))
    elif isinstance(value, _SEVERAL):
        for item in value:
            yield from _opaque(item)
    elif isinstance(value, Opaque):
        yield value


@functools.cache
def _fields_with_text(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the fields that may hold text: all but those of identifiers and numbers."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return tuple(name for name in kind.__struct_fields__ if _may_hold_text(hints.get(name)))


def _may_hold_text(hint: Any) -> bool:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Annotated:
        return not is_identifier(arguments[1:]) and _may_hold_text(arguments[0])
    if arguments:
        return any(_may_hold_text(argument) for argument in arguments)
    return hint not in {int, float, bool, type(None), Ellipsis}


def _replaced(value: Any, new: list[tuple[_Path, str]], depth: int) -> Any:
    """Return ``value``, which is ``depth`` steps into these paths, with their texts."""
    if not new:
        return value
    if isinstance(value, str):
        return _parsed(value, new[0][1])
    inner: dict[str | int, list[tuple[_Path, str]]] = {}
    for path, text in new:
        inner.setdefault(path[depth], []).append((path, text))
    if isinstance(value, tuple):
        return tuple(_replaced(item, inner.get(number, []), depth + 1) for number, item in enumerate(value))
    if not isinstance(value, msgspec.Struct):
        raise ValueError("a text in a list, a set or an object of any keys can't be replaced")  # noqa: TRY004
    changed: dict[str, Any] = {}
    for name, texts in inner.items():
        field = str(name)
        before = getattr(value, field)
        if type(before) is str:  # its bounds are in the field's type
            msgspec.convert(texts[0][1], typing.get_type_hints(type(value), include_extras=True)[field])
        changed[field] = _replaced(before, texts, depth + 1)
    return msgspec.structs.replace(value, **changed)


def _parsed(value: str, text: str) -> str:
    """Return the text as the type of ``value``. Raises ValueError."""
    kind: Any = type(value)
    return typing.cast("str", kind.parse(text)) if isinstance(kind, ParsedField) else text
