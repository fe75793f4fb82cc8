"""Hypothesis strategies for every frame: any value that its schema allows."""

from functools import cache, partial
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from parlour_protocol.frames.fields import FileName, MessageText, Reaction, TopicText
from parlour_protocol.frames.requests import CreateRoom, SetStatus
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.server_notices import NoticeText
from parlour_protocol.room_name import RoomName, parse_room_name
from parlour_protocol.rooms import RoomKind, Status

_CHARACTERS = st.characters(
    exclude_categories=("Cs",),
    exclude_characters="\0" + "".join(chr(c) for c in range(0xFDD0, 0xFDF0)),
).filter(lambda char: ord(char) & 0xFFFE != 0xFFFE)
_LINE = st.text(_CHARACTERS.filter(lambda char: char != "\n"), max_size=12)
_SHOWN = _LINE.filter(lambda text: bool(text) and not text.isspace())
_BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

_TEXTS: dict[type, st.SearchStrategy[Any]] = {
    MessageText: st.lists(_LINE, min_size=1, max_size=3)
    .map("\n".join)
    .filter(lambda text: bool(text) and not text.isspace())
    .map(MessageText),
    TopicText: _LINE.map(TopicText),
    ReasonText: _LINE.map(ReasonText),
    NoticeText: _LINE.filter(lambda text: bool(text) and not text.isspace()).map(NoticeText),
    Reaction: _SHOWN.map(Reaction),
    FileName: _SHOWN.filter(lambda text: not set(text) & set("/\\") and bool(text.strip(". "))).map(FileName),
    Secret: st.text(_BASE64URL, min_size=1, max_size=43).map(Secret),
    UserName: st.sampled_from([parse_user_name(name) for name in ("ada", "bob.smith", "éva")]),
    RoomName: st.sampled_from([parse_room_name(name) for name in ("lounge", "the-den")]),
    DeviceName: st.sampled_from([parse_device_name(name) for name in ("laptop", "Ada's phone")]),
}
_COSIGNATURE = r"\A\u2014 [!-*,-~]{1,100} [A-Za-z0-9+/=]{104}\Z"
_PATTERNS = {
    r"\A[A-Za-z0-9_-]{22}\Z": st.text(_BASE64URL, min_size=22, max_size=22),
    r"\A[A-Za-z0-9_-]{16,36}\Z": st.text(_BASE64URL, min_size=16, max_size=36),
    r"\A[A-Za-z0-9_-]{43}\Z": st.text(_BASE64URL, min_size=43, max_size=43),
    r"\A[a-z2-7]{26}\Z": st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26),
    r"\A[a-z0-9.+-]{1,63}/[a-z0-9.+-]{1,63}\Z": st.sampled_from(["text/plain", "image/svg+xml"]),
    r"\A[a-z0-9]{10}\Z": st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=10, max_size=10),
    r"\A[a-z]{1,16}\Z": st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=16),
    _COSIGNATURE: st.from_regex(_COSIGNATURE),
    r"\A[A-Za-z0-9.:\[\]_-]+\Z": st.sampled_from(["chat.example", "127.0.0.1:8443", "[::1]:8443"]),
}

# fields that take less than their type, which their struct checks itself
_NARROWER: dict[tuple[type, str], st.SearchStrategy[Any]] = {
    (SetStatus, "status"): st.sampled_from([Status.ONLINE, Status.AWAY]),
    (CreateRoom, "kind"): st.sampled_from([RoomKind.PUBLIC, RoomKind.PRIVATE]),
}


@cache
def instances(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Return a strategy for one struct."""
    hints = get_type_hints(kind, include_extras=True)
    fields = {
        field.name: _NARROWER[kind, field.name]
        if (kind, field.name) in _NARROWER
        else values(hints[field.name])
        for field in msgspec.structs.fields(kind)
    }
    return st.builds(kind, **fields)


def values(hint: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one line for each form of a type
    """Return a strategy for a field's type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if arguments:
        return st.one_of([values(argument) for argument in arguments])
    if hint in _TEXTS:
        return _TEXTS[hint]
    if isinstance(hint, type) and issubclass(hint, Opaque):
        return st.binary(min_size=hint.min_bytes, max_size=min(hint.max_bytes, 80)).map(hint)
    if hint is type(None):
        return st.none()
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return instances(hint)
    return st.from_type(hint)


def _annotated(hint: Any, meta: msgspec.Meta) -> st.SearchStrategy[Any]:
    if meta.pattern is not None:
        return _PATTERNS[meta.pattern]
    if meta.max_length is not None and get_origin(hint) is tuple:
        element = values(get_args(hint)[0])
        return st.lists(element, min_size=meta.min_length or 0, max_size=3).map(tuple)
    if meta.min_length is not None or meta.max_length is not None:
        made = {bytes: st.binary, str: partial(st.text, _BASE64URL)}[hint]
        return made(min_size=meta.min_length or 0, max_size=min(meta.max_length or 40, 40))
    if meta.ge is not None or meta.le is not None:
        return st.integers(int(meta.ge or 0), int(meta.le if meta.le is not None else 2**53 - 1))
    return values(hint)


def kinds_of(union: Any) -> tuple[type[msgspec.Struct], ...]:
    """Return the structs of a union."""
    return get_args(union) if get_origin(union) in (Union, type(int | str)) else (union,)
