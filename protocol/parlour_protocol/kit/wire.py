"""A program's frames on the wire: the one object that its server and its client share.

``Wire`` takes the program's unions of frames and decodes them strictly. It refuses unions that are not safe
when the program is imported (``ProgramError``): a frame that someone could change, a field that takes
anything, text without a bound, one value with several spellings.
"""

import builtins
import enum
import re
import typing
from collections.abc import Callable, Sequence
from types import UnionType
from typing import Any, Final, Generic, TypeVar, cast

import msgspec
from msgspec import inspect

from parlour_protocol.kit import codec
from parlour_protocol.kit.errors import MalformedFrameError, ProgramError
from parlour_protocol.kit.fields import ReasonText, WireText, is_field_type
from parlour_protocol.kit.frames import (
    Answer,
    Error,
    Frame,
    Greeting,
    Hello,
    Ok,
    Part,
    Push,
    Refusal,
    Request,
    Success,
)
from parlour_protocol.kit.id_fields import RequestIdField
from parlour_protocol.kit.ids import MAX_INT, RequestId
from parlour_protocol.kit.limits import FRAME_DEPTH, SERVER_FRAME
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.unions import members

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Frame)

_NAME: Final = re.compile(r"([a-z][a-z0-9-]{0,30})\.v[1-9][0-9]{0,2}")
_PATH: Final = re.compile(r"(/[a-z0-9-]{1,40}){1,4}")
_TAG: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CODE: Final = re.compile(r"[a-z_]{1,40}")


class Wire(Generic[Q, S]):
    """How one program's frames are named, decoded and encoded, on both sides.

    ``Q`` is the union of what a client sends, ``S`` of what a server sends.
    """

    def __init__(
        self,
        name: str,
        *,
        requests: type[Q] | UnionType,
        pushes: type[Push] | UnionType | None = None,
        results: type[Part | None] | UnionType | None = None,
        greeting: type[Greeting] = Hello,
        reads: tuple[type[Q], ...] = (),
        answers: tuple[type[Success], type[Refusal]] | None = None,
        path: str = "",
    ) -> None:
        """Check the unions and make their decoders.

        ``name`` is the WebSocket subprotocol, such as `ticker.v1`, whose URL has the path `/v1/ticker` unless
        ``path`` says another. An ``Ok`` brings one of ``results``. ``reads`` are requests that change
        nothing: they count as reads, with the bytes of their answers, and not as messages, and a client that
        was refused one as too fast sends it again. ``answers`` are the program's own Ok and Error, with
        the same fields as those of the kit. Raises ProgramError.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            raise ProgramError(f"{name!r} is not the name of a protocol: write one like 'ticker.v1'")
        self.subprotocol: Final = name
        self.word: Final = found[1]
        """The name without its version, as in invite links: `ticker://…`."""
        self.path: Final = path or f"/v1/{found[1]}"
        if not _PATH.fullmatch(self.path):
            raise ProgramError(f"{self.path!r} is not a path of a URL: write one like '/v1/{found[1]}'")
        ok, self._error = answers or (_ok_with(results), Error)
        self._ok: Final[type[Success]] = typing.get_origin(ok) or ok
        self.requests: Final = _members(requests, Request)
        for kind in reads:
            if kind not in self.requests:
                raise ProgramError(f"{kind.__name__} is one of the reads of {name}, and not of its requests")
        self.reads: Final = reads
        self.pushes: Final = _members(pushes, Push) if pushes is not None else ()
        self.results: Final = _parts(results)
        self.greeting: Final = greeting
        from_server = (
            *_members(greeting, Greeting),
            *_members(self._ok, Success),
            *_members(self._error, Refusal),
            *self.pushes,
        )
        _check_fields(self._ok, ("re", "result", "redacted"))
        _check_fields(self._error, ("code", "re", "hint", "retry_after"))
        _check_tags("client", self.requests)
        _check_tags("server", from_server)
        server_frames = cast("Any", typing.Union)[(greeting, ok, self._error, *self.pushes)]
        try:
            _check_ids(self.requests)
            self._code: Final = _code_type(self._error)
            for union in (requests, server_frames):
                _check(inspect.type_info(union), "", 1, ())
            self.decode_request: Final[Callable[[bytes], Q]] = codec.frame_decoder(cast("type[Q]", requests))
            """Read a client's request. Raises MalformedFrameError."""
            self.decode_server_frame: Final[Callable[[bytes], S]] = codec.strict_decoder(
                cast("type[S]", server_frames)
            )
            """Read a server's frame. Raises MalformedFrameError."""
            self._check_sent = codec.self_check(cast("type[S]", server_frames))
        except (
            TypeError,
            NameError,
        ) as error:  # frames that cannot be told apart, names that are not defined
            raise ProgramError(f"The frames of {name} cannot be decoded: {error}") from error

    encode = staticmethod(codec.encode)

    def ok(
        self, request: RequestId, result: msgspec.Struct | None = None, redacted: ReasonText | None = None
    ) -> Answer:
        """Return the answer to a request that was done; ``redacted``: what was removed from it before.

        Raises ProgramError for a result that the other side would not read: it would disconnect.
        """
        fields = {} if redacted is None else {"redacted": redacted}
        answer = cast("Callable[..., Answer]", self._ok)(re=request, result=result, **fields)
        if result is not None:
            if type(result) not in self.results:
                raise ProgramError(f"{type(result).__name__} is not one of the results of {self.subprotocol}")
            self._check_readable(answer, type(result).__name__)
        return answer

    def error(
        self,
        request: RequestId | None,
        code: str,
        hint: ReasonText | None = None,
        retry_after: int | None = None,
    ) -> Answer:
        """Return the answer to a request that was refused; ``retry_after`` is in milliseconds.

        Raises ValueError for a code, and ProgramError for anything else, that the other side would not read.
        """
        fields = {"code": self._code(code), "re": request, "retry_after": retry_after}
        if hint is not None:
            fields["hint"] = hint
        answer = cast("Callable[..., Answer]", self._error)(**fields)
        if retry_after is not None:  # the code was checked, and so is the type of the hint
            self._check_readable(answer, "refusal")
        return answer

    def _check_readable(self, answer: Answer, what: str) -> None:
        try:
            data = codec.encode(answer)
            if len(data) > SERVER_FRAME.value:
                raise ProgramError(f"this {what} has {len(data)} bytes, more than the other side takes")
            self._check_sent(data)
        except (ValueError, MalformedFrameError) as error:
            raise ProgramError(f"the other side would not read this {what}: {error}") from error


_F = TypeVar("_F", bound=Frame)


def _members(union: object, base: type[_F]) -> tuple[type[_F], ...]:
    kind: Any
    for kind in members(union):
        name = _name(kind)
        if not isinstance(kind, type) or not issubclass(kind, base):
            raise ProgramError(
                f"{name} is not a {base.__name__}: write class {name}({base.__name__}, frozen=True, tag='…')"
            )
        _check_struct(kind, name)
        tag = kind.__struct_config__.tag
        if not isinstance(tag, str) or not _TAG.fullmatch(tag) or kind.__struct_config__.tag_field != "type":
            raise ProgramError(f"{name} has no tag of its own: write class {name}(…, tag='{name.lower()}')")
    return cast("tuple[type[_F], ...]", members(union))


def _parts(results: object) -> tuple[type[Part], ...]:
    kind: Any
    for kind in members(results) if results is not None else ():
        if not isinstance(kind, type) or not issubclass(kind, Part):
            name = _name(kind)
            raise ProgramError(f"{name} is not a result: write class {name}(Part, frozen=True, tag='…')")
    return members(results) if results is not None else ()


def _ok_with(results: object) -> type[Success]:
    return cast("type[Success]", cast("Any", Ok)[results])


def _code_type(error: type[Answer]) -> Callable[[str], str]:
    code = typing.get_type_hints(error).get("code")
    return code if isinstance(code, type) and issubclass(code, enum.StrEnum) else _checked_code


def _checked_code(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise ValueError(f"{code!r} is not a code: write one like 'not_found'")
    return str(code)


def _check_tags(sender: str, kinds: Sequence[type[Frame]]) -> None:
    seen: dict[object, type[Frame]] = {}
    for kind in kinds:
        tag = kind.__struct_config__.tag
        if tag in seen:
            raise ProgramError(
                f"{seen[tag].__name__} and {kind.__name__} of the {sender} have the same tag {tag!r}: "
                "give one of them another"
            )
        seen[tag] = kind


def _check_ids(kinds: Sequence[type[Request]]) -> None:
    for kind in kinds:
        if typing.get_type_hints(kind, include_extras=True)["id"] != RequestIdField:
            raise ProgramError(f"{kind.__name__}.id is the request's id: give the field another name")


def _check_fields(kind: type[Answer], fields: tuple[str, ...]) -> None:
    missing = set(fields) - set(kind.__struct_fields__)
    if missing:
        raise ProgramError(
            f"{kind.__name__} lacks {', '.join(sorted(missing))}: an answer needs {', '.join(fields)}"
        )


def _check_struct(kind: type[msgspec.Struct], where: str) -> None:
    config = kind.__struct_config__
    if not config.frozen:
        raise ProgramError(f"{where} can be changed after it was checked: write frozen=True")
    if not config.forbid_unknown_fields:
        raise ProgramError(
            f"{where} takes unknown fields: inherit from Part, or write forbid_unknown_fields=True"
        )
    if config.array_like:
        raise ProgramError(
            f"{where} is an array on the wire, which may have more items: remove array_like=True"
        )


_PLAIN: Final = (inspect.BoolType, inspect.NoneType, inspect.FloatType, inspect.EnumType, inspect.LiteralType)


def _check(  # noqa: C901, PLR0912 - one case each
    info: inspect.Type, where: str, depth: int, above: tuple[object, ...]
) -> None:
    """Refuse a type that is not safe on the wire. ``depth`` counts objects and arrays (FRAME_DEPTH)."""
    match info:
        case inspect.Metadata():
            _check(info.type, where, depth, above)
        case inspect.UnionType():
            for each in info.types:
                _check(each, where, depth, above)
        case inspect.StructType():
            kind = typing.get_origin(info.cls) or info.cls
            name = where or kind.__name__
            if info.cls in above:
                raise ProgramError(f"{name} contains itself, so it nests without end: refer to it by an id")
            _check_depth(name, depth)
            _check_struct(kind, name)
            for field in info.fields:
                _check(field.type, f"{name}.{field.encode_name}", depth + 1, (*above, info.cls))
        case inspect.VarTupleType():
            _check_depth(where, depth)
            _check(info.item_type, where, depth + 1, above)
        case inspect.TupleType():
            _check_depth(where, depth)
            for each in info.item_types:
                _check(each, where, depth + 1, above)
        case inspect.StrType():
            if info.max_length is None and info.pattern is None:
                raise ProgramError(
                    f"{where} is text of any length: write a subclass of WireText, "
                    "or Annotated[str, Meta(max_length=…)]"
                )
        case inspect.IntType():
            _check_int(info, where)
        case inspect.AnyType() | inspect.RawType() | inspect.CustomType(cls=builtins.object):
            raise ProgramError(f"{where} takes anything: write its type")
        case inspect.CustomType():
            _check_custom(info.cls, where)
        case inspect.BytesType() | inspect.ByteArrayType() | inspect.MemoryViewType():
            raise ProgramError(f"{where} has bytes, which have several spellings: write a subclass of Opaque")
        case inspect.ListType() | inspect.SetType() | inspect.FrozenSetType():
            raise ProgramError(f"{where} can be changed or has no order: write tuple[…, ...]")
        case inspect.DictType():
            raise ProgramError(f"{where} takes any keys: write a tuple of a Part that has the key as a field")
        case _ if not isinstance(info, _PLAIN):
            kind = type(info).__name__.removesuffix("Type")
            raise ProgramError(
                f"{where} is a {kind}, which is not a type of the wire: write a Part, text or a number"
            )


def _check_depth(where: str, depth: int) -> None:
    if depth > FRAME_DEPTH.value:
        raise ProgramError(f"{where} nests deeper than {FRAME_DEPTH.value} levels: make it flatter")


def _check_int(info: inspect.IntType, where: str) -> None:
    least = [bound for bound in (info.ge, info.gt) if bound is not None]
    most = [bound for bound in (info.le, info.lt) if bound is not None]
    if not least or not most or max(least) < -MAX_INT or min(most) > MAX_INT:
        raise ProgramError(
            f"{where} is a number that not every JSON reader keeps: write Count, "
            "or Annotated[int, Meta(ge=…, le=…)]"
        )


def _check_custom(kind: type, where: str) -> None:
    if not is_field_type(kind):
        raise ProgramError(
            f"{where} has the type {kind.__name__}, which nothing checks: write a subclass of WireText or "
            "Opaque, or give the class a parse()"
        )
    if issubclass(kind, WireText | Opaque) and not hasattr(kind, "max_bytes"):
        raise ProgramError(f"{where}: {kind.__name__} has no max_bytes: write a subclass that says it")


def _name(kind: object) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)
