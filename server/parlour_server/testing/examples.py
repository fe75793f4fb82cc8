"""Makes an example of a frame from its fields, for tests of any program."""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from parlour_protocol.kit.codec import strict_decoder
from parlour_protocol.kit.errors import MalformedFrameError, ProgramError
from parlour_protocol.kit.frames import Frame

_F = TypeVar("_F", bound=Frame)

_TEXTS: Final = ("", "a", "A", "0", "a" * 22, "a" * 43, "aa", "AA", "aaaa", "a" * 64, "1.0", "a.v1")
_TRIES: Final = 20_000


def example(kind: type[_F], **fields: object) -> _F:
    """Return a frame of this kind that the other side would read; ``fields`` are set as given.

    Raises ProgramError if a field has a pattern that nothing simple matches.
    """
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - a frame is a struct
    open_fields = [field for field in info.fields if field.required and field.encode_name not in fields]
    tag = {str(info.tag_field): info.tag}
    decode = strict_decoder(kind)
    values = product(*(_values(field.type) for field in open_fields))
    for _, chosen in zip(range(_TRIES), values, strict=False):
        found = dict(zip((field.encode_name for field in open_fields), chosen, strict=True))
        try:
            made: _F = decode(msgspec.json.encode({**tag, **found, **fields}))
        except MalformedFrameError:
            continue
        return made
    names = ", ".join(field.name for field in open_fields)
    raise ProgramError(f"no example of {kind.__name__}: give its fields {names} yourself")


def _values(info: inspect.Type) -> Iterator[Any]:  # noqa: C901, PLR0912 - one case each
    """Return what may do for a field, the likeliest first."""
    match info:
        case inspect.Metadata():
            yield from _values(info.type)
        case inspect.UnionType():
            for each in info.types:
                yield from _values(each)
        case inspect.NoneType():
            yield None
        case inspect.BoolType():
            yield False
        case inspect.IntType():
            yield info.ge if info.ge is not None else (info.gt or 0) + 1
        case inspect.FloatType():
            yield info.ge if info.ge is not None else 1.0
        case inspect.EnumType():
            yield from (one.value for one in info.cls)
        case inspect.LiteralType():
            yield from info.values
        case inspect.VarTupleType():
            least = info.min_length or 0
            yield from ([value] * least for value in _values(info.item_type))
        case inspect.TupleType():
            yield from (list(items) for items in product(*map(_values, info.item_types)))
        case inspect.StructType():
            parts = [field for field in info.fields if field.required]
            tag = {} if info.tag_field is None else {info.tag_field: info.tag}
            for chosen in product(*(_values(field.type) for field in parts)):
                yield {**tag, **dict(zip((field.encode_name for field in parts), chosen, strict=True))}
        case _:
            yield from _TEXTS
