"""Any program's frames are read as strictly as the chat's; unsafe unions are refused at its start."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta
from tests.protocol.kit.programs import (
    GAME,
    TICKER,
    Board,
    GameOver,
    ListMoves,
    Lobby,
    Mark,
    Move,
    Moved,
    Moves,
    OpenTable,
    Price,
    Remark,
    Symbol,
    TableOpened,
    Turn,
    TurnTaken,
    Watch,
)

from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.connection_state import ConnectionState, Kind, Side, State, kind_of
from parlour_protocol.kit.errors import ErrorCode, MalformedFrameError, OutOfOrderError, ProgramError
from parlour_protocol.kit.fields import ReasonText, WireText
from parlour_protocol.kit.frames import (
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
from parlour_protocol.kit.id_fields import Count, RequestIdField
from parlour_protocol.kit.ids import Millis, RequestId, Seq, SessionId, new_request_id
from parlour_protocol.kit.limits import IN_FLIGHT
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.wire import Wire

ID = RequestId("r" * 22)
ADA = parse_user_name("ada")
HELLO = Hello("localhost", ADA, parse_device_name("laptop"), SessionId("s" * 22), Millis(1))
TURN = Turn(Seq(7), Board(b"xo......."))

REQUESTS: list[tuple[Wire[Any, Any], Request]] = [
    (TICKER, Watch(ID, ("ABC", "XYZ"))),
    (GAME, OpenTable(ID)),
    (GAME, OpenTable(ID, Remark.parse("good luck"))),
    (GAME, Move(ID, 3, 8)),
    (GAME, ListMoves(ID, 3, Seq(0))),
]
FROM_SERVER: list[tuple[Wire[Any, Any], Frame]] = [
    (TICKER, HELLO),
    (TICKER, TICKER.ok(ID)),
    (TICKER, TICKER.error(ID, ErrorCode.RATE_LIMITED, retry_after=20)),
    (TICKER, Price("ABC", 12)),
    (GAME, Lobby((1, 2))),
    (GAME, GAME.ok(ID, TableOpened(4))),
    (GAME, GAME.ok(ID, Moved(Seq(1), ADA, Mark.CROSS, 4))),
    (GAME, GAME.ok(ID, Moves((TURN,), more=True))),
    (GAME, GAME.error(None, "not_your_turn", ReasonText("Wait."))),
    (GAME, TurnTaken(Millis(5), TURN)),
    (GAME, GameOver(ADA)),
]


def test_a_wire_has_a_name_and_a_path():
    """The path follows from the name, unless the program says another."""
    assert (TICKER.subprotocol, TICKER.word, TICKER.path) == ("ticker.v1", "ticker", "/v1/ticker")
    assert (GAME.subprotocol, GAME.word, GAME.path) == ("game.v2", "game", "/v1/play")
    assert TICKER.requests == (Watch,)
    assert GAME.results == (TableOpened, Moved, Moves)


@pytest.mark.parametrize(("wire", "frame"), REQUESTS)
def test_a_request_round_trips(wire: Wire[Any, Any], frame: Request):
    """What a client sends, the server reads; as a server's frame it is nothing."""
    assert wire.decode_request(wire.encode(frame)) == frame
    with pytest.raises(MalformedFrameError):
        wire.decode_server_frame(wire.encode(frame))


@pytest.mark.parametrize(("wire", "frame"), FROM_SERVER)
def test_a_servers_frame_round_trips(wire: Wire[Any, Any], frame: Frame):
    """What a server sends, the client reads; as a request it is nothing."""
    assert wire.decode_server_frame(wire.encode(frame)) == frame
    with pytest.raises(MalformedFrameError):
        wire.decode_request(wire.encode(frame))


def test_what_the_wire_looks_like():
    """One object, the tag first, without spaces and without what is absent."""
    assert encode(TICKER.ok(ID)) == b'{"type":"ok","re":"rrrrrrrrrrrrrrrrrrrrrr"}'
    assert encode(GAME.ok(ID, TableOpened(4))).endswith(b'"result":{"kind":"table_opened","table":4}}')
    assert encode(GAME.error(None, "not_your_turn")) == b'{"type":"error","code":"not_your_turn"}'


def _changed(frame: Frame, **fields: object) -> bytes:
    return json.dumps(json.loads(encode(frame)) | fields).encode()


MOVE = Move(ID, 3, 8)
OPEN = OpenTable(ID, Remark.parse("hi"))
NOT_REQUESTS = {
    "an unknown field": _changed(MOVE, next=1),
    "no tag": b'{"id":"rrrrrrrrrrrrrrrrrrrrrr","table":3,"square":8}',
    "another tag": _changed(MOVE, type="mov"),
    "a tag of the other program": _changed(MOVE, type="watch"),
    "a repeated key": encode(MOVE).replace(b'"table":3', b'"table":3,"table":4'),
    "a repeated key, escaped": encode(MOVE).replace(b'"table":3', b'"table":3,"t\\u0061ble":4'),
    "NaN": encode(MOVE).replace(b"3", b"NaN"),
    "a fraction": encode(MOVE).replace(b"3", b"3.5"),
    "a number as text": _changed(MOVE, table="3"),
    "a number beyond 53 bits": _changed(MOVE, table=2**53),
    "out of bounds": _changed(MOVE, square=9),
    "a request id of another form": _changed(MOVE, id="short"),
    "a lone surrogate": encode(OPEN).replace(b"hi", rb"\ud800"),
    "a NUL": encode(OPEN).replace(b"hi", rb"\u0000"),
    "a noncharacter": encode(OPEN).replace(b"hi", rb"\ufffe"),
    "two lines": encode(OPEN).replace(b"hi", rb"a\nb"),
    "too long": encode(OPEN).replace(b"hi", b"x" * 81),
    "blank": encode(OPEN).replace(b"hi", b"  "),
    "not UTF-8": encode(OPEN).replace(b"hi", b"\xff"),
    "something after": encode(MOVE) + b"{}",
    "an array": b"[" + encode(MOVE) + b"]",
    "deep": b"[" * 100_000,
    "deep in a field": encode(MOVE).replace(b"3", b"[" * 5000 + b"]" * 5000),
    "deep in an unknown field": encode(MOVE).replace(
        b'"table"', b'"x":' + b"[" * 5000 + b"]" * 5000 + b',"table"'
    ),
    "nothing": b"",
}


@pytest.mark.parametrize("data", NOT_REQUESTS.values(), ids=NOT_REQUESTS.keys())
def test_what_is_not_exactly_a_request_is_refused(data: bytes):
    """M1: one reading, or none."""
    with pytest.raises(MalformedFrameError):
        GAME.decode_request(data)


def test_the_only_request_of_a_program_needs_its_tag():
    """A union of one is as strict as a larger one."""
    for wrong in (
        {"symbols": []},
        {"symbols": [], "type": ""},
        {"symbols": [], "type": "price"},
        {"type": ""},
    ):
        with pytest.raises(MalformedFrameError):
            TICKER.decode_request(json.dumps({"id": ID} | wrong).encode())


@pytest.mark.parametrize(
    "result",
    [
        {"kind": "table_opened"},
        {"kind": "price"},
        {"table": 1},
        {"kind": "table_opened", "table": 1, "x": 1},
        5,
        [],
    ],
)
def test_a_result_is_read_strictly(result: object):
    """A client trusts no server either."""
    with pytest.raises(MalformedFrameError):
        GAME.decode_server_frame(_changed(Ok(ID), result=result))


@pytest.mark.parametrize("text", ["AAAAAAAAAAA", "AAAAAAAAAAAA=", "AAAAAAAAAAAAA", "AAAAAAAA AAA", 7])
def test_bytes_have_one_spelling(text: object):
    """Opaque: nine bytes are twelve characters."""
    taken = GAME.decode_server_frame(_changed(TurnTaken(Millis(5), TURN), turn={"seq": 1, "board": "A" * 12}))
    assert taken == TurnTaken(Millis(5), Turn(Seq(1), Board(bytes(9))))
    with pytest.raises(MalformedFrameError):
        GAME.decode_server_frame(_changed(TurnTaken(Millis(5), TURN), turn={"seq": 1, "board": text}))


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just(ID),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "id", "re", "table", "kind", "result", "symbols"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)
TAGS = st.sampled_from(
    ["watch", "move", "moves", "open_table", "ok", "error", "hello", "lobby", "price", "turn_taken"]
)


@given(st.binary(max_size=300) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_frame_or_malformed(data: bytes):
    """Nothing else comes out, whatever comes in, and what is read is written as the same frame again."""
    for wire in (TICKER, GAME):
        for decode in (wire.decode_request, wire.decode_server_frame):
            try:
                frame = decode(data)
            except MalformedFrameError:
                continue
            assert decode(wire.encode(frame)) == frame


@given(
    TAGS,
    st.dictionaries(st.sampled_from(["id", "re", "code", "table", "result", "turn"]), ANY_JSON, max_size=4),
)
def test_any_fields_are_a_frame_or_malformed(tag: str, fields: dict[str, object]):
    """The same, with a tag that is known."""
    data = json.dumps(fields | {"type": tag}).encode()
    for decode in (
        GAME.decode_request,
        GAME.decode_server_frame,
        TICKER.decode_request,
        TICKER.decode_server_frame,
    ):
        try:
            frame = decode(data)
        except MalformedFrameError:
            continue
        assert decode(encode(frame)) == frame


def test_an_answer_that_the_other_side_would_not_read_is_not_made():
    """A result of another program, and a code that is none."""
    with pytest.raises(ProgramError, match="Moved is not one of the results of ticker"):
        TICKER.ok(ID, Moved(Seq(1), ADA, Mark.CROSS, 4))
    for code in ("", "Not Found", "x" * 41, "no\n"):
        with pytest.raises(ValueError, match="is not a code"):
            GAME.error(ID, code)


def test_a_read_is_one_of_the_requests():
    """The mistake is named when the program is imported."""
    with pytest.raises(ProgramError, match=r"Moved is one of the reads of toy\.v1, and not of its requests"):
        Wire[Any, Any]("toy.v1", requests=Watch, reads=(Moved,))


# what a program may not write, with the words of the sentence that says so


class NotFrozen(msgspec.Struct, forbid_unknown_fields=True):
    """Anyone can change it."""

    a: bool


class Loose(Request, frozen=True, forbid_unknown_fields=False, tag="x"):
    """Takes more fields."""


class Untagged(Request, frozen=True):
    """Its tag would be the name of the class."""


class OtherTagField(Request, frozen=True, tag="x", tag_field="kind"):
    """The tag is elsewhere."""


class OwnId(Request, frozen=True, tag="x"):
    """An id of any form."""

    id: str  # pyright: ignore[reportIncompatibleVariableOverride] - what the wire must refuse


class Array(Part, frozen=True, array_like=True):
    """Items without names."""

    a: bool


class LooseStruct(msgspec.Struct, frozen=True):
    """Takes more fields."""

    a: bool


class Pair(NamedTuple):
    """Not a Part."""

    a: bool


class Unchecked(str):
    """Text that nothing checks."""

    __slots__ = ()


class Itself(Part, frozen=True):
    """Nests without end."""

    inner: "Itself | None" = None


class Endless(Opaque):
    """Without a limit."""

    __slots__ = ()


def _of(kind: Any) -> Any:
    return msgspec.defstruct(
        "Ask", [("what", kind)], bases=(Request,), frozen=True, tag="ask", module=__name__
    )


def _nested(levels: int) -> type[Part]:
    kind: Any = bool
    for _ in range(levels):
        kind = msgspec.defstruct("Level", [("inner", kind)], bases=(Part,), frozen=True, module=__name__)
    return kind


class _Twin(Request, frozen=True, tag="move"):
    pass


class _OkPush(Push, frozen=True, tag="ok"):
    pass


class _BareAnswer(Success, frozen=True, tag="ok"):
    re: RequestIdField  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer


class _BareError(Refusal, frozen=True, tag="error"):
    code: str  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    re: RequestIdField | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    hint: ReasonText = ReasonText()  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    retry_after: Count | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer


make: Any = Wire
"""Takes what a type checker would refuse already."""
REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: make("ticker", requests=Watch), "not the name of a protocol: write one like 'ticker.v1'"),
    (lambda: make("Ticker.v1", requests=Watch), "not the name of a protocol"),
    (lambda: make("t.v1\n", requests=Watch), "not the name of a protocol"),
    (lambda: make("t.v1", requests=Watch, path="v1/t"), "not a path of a URL: write one like '/v1/t'"),
    (lambda: make("t.v1", requests=Watch, path="/v1/../t"), "not a path of a URL"),
    (
        lambda: make("t.v1", requests=Price),
        r"Price is not a Request: write class Price\(Request, frozen=True",
    ),
    (lambda: make("t.v1", requests=Watch | Price), "Price is not a Request"),
    (lambda: make("t.v1", requests=None), "None is not a Request"),
    (lambda: make("t.v1", requests=Watch, pushes=Move), r"Move is not a Push: write class Move\(Push"),
    (lambda: make("t.v1", requests=Watch, greeting=Move), "Move is not a Greeting"),
    (lambda: make("t.v1", requests=Watch, results=Price), r"Price is not a result: write class Price\(Part"),
    (
        lambda: make("t.v1", requests=_of(NotFrozen)),
        "Ask.what can be changed after it was checked: write frozen=True",
    ),
    (lambda: make("t.v1", requests=Loose), "Loose takes unknown fields"),
    (lambda: make("t.v1", requests=Untagged), r"Untagged has no tag of its own: write .*tag='untagged'"),
    (lambda: make("t.v1", requests=OtherTagField), "OtherTagField has no tag of its own"),
    (lambda: make("t.v1", requests=OwnId), "OwnId.id is the request's id: give the field another name"),
    (lambda: make("t.v1", requests=Move | _Twin), "Move and _Twin of the client have the same tag 'move'"),
    (
        lambda: make("t.v1", requests=Watch, pushes=_OkPush),
        "Ok and _OkPush of the server have the same tag 'ok'",
    ),
    (
        lambda: make("t.v1", requests=Watch, answers=(_BareAnswer, Error)),
        "_BareAnswer lacks redacted, result: an answer needs",
    ),
    (
        lambda: make("t.v1", requests=Watch, answers=(Ok[None], _BareError)),
        "_BareError.code is text of any length",
    ),
    (lambda: make("t.v1", requests=_of(Any)), "Ask.what takes anything: write its type"),
    (lambda: make("t.v1", requests=_of(object)), "Ask.what takes anything"),
    (lambda: make("t.v1", requests=_of(msgspec.Raw)), "Ask.what takes anything"),
    (lambda: make("t.v1", requests=_of(str)), "Ask.what is text of any length: write a subclass of WireText"),
    (lambda: make("t.v1", requests=_of(str | None)), "Ask.what is text of any length"),
    (lambda: make("t.v1", requests=_of(tuple[str, ...])), "Ask.what is text of any length"),
    (lambda: make("t.v1", requests=_of(tuple[bool, str])), "Ask.what is text of any length"),
    (
        lambda: make("t.v1", requests=_of(Annotated[str, Meta(min_length=1)])),
        "Ask.what is text of any length",
    ),
    (lambda: make("t.v1", requests=_of(bytes)), "Ask.what has bytes, .* write a subclass of Opaque"),
    (lambda: make("t.v1", requests=_of(Annotated[bytes, Meta(max_length=4)])), "Ask.what has bytes"),
    (
        lambda: make("t.v1", requests=_of(int)),
        "Ask.what is a number that not every JSON reader keeps: write Count",
    ),
    (lambda: make("t.v1", requests=_of(Annotated[int, Meta(ge=0)])), "Ask.what is a number"),
    (lambda: make("t.v1", requests=_of(Annotated[int, Meta(ge=0, le=2**60)])), "Ask.what is a number"),
    (
        lambda: make("t.v1", requests=_of(list[bool])),
        r"Ask.what can be changed or has no order: write tuple\[",
    ),
    (lambda: make("t.v1", requests=_of(set[bool])), "Ask.what can be changed or has no order"),
    (
        lambda: make("t.v1", requests=_of(dict[Symbol, bool])),
        "Ask.what takes any keys: write a tuple of a Part",
    ),
    (lambda: make("t.v1", requests=_of(UUID)), "Ask.what is a UUID, which is not a type of the wire"),
    (lambda: make("t.v1", requests=_of(Pair)), "Ask.what is a NamedTuple, which is not a type of the wire"),
    (lambda: make("t.v1", requests=_of(Array)), "Ask.what is an array on the wire"),
    (lambda: make("t.v1", requests=_of(LooseStruct)), "Ask.what takes unknown fields: inherit from Part"),
    (lambda: make("t.v1", requests=_of(Itself)), "Ask.what.inner contains itself"),
    (lambda: make("t.v1", requests=_of(_nested(6))), "nests deeper than 6 levels: make it flatter"),
    (lambda: make("t.v1", requests=_of(Unchecked)), "Ask.what has the type Unchecked, which nothing checks"),
    (lambda: make("t.v1", requests=_of(complex)), "Ask.what has the type complex, which nothing checks"),
    (lambda: make("t.v1", requests=_of(WireText)), "Ask.what: WireText has no max_bytes: write a subclass"),
    (lambda: make("t.v1", requests=_of(Endless)), "Ask.what: Endless has no max_bytes"),
    (lambda: make("t.v1", requests=_of(Turn | TableOpened)), "The frames of t.v1 cannot be decoded"),
    (lambda: make("t.v1", requests=_of("Nowhere")), "The frames of t.v1 cannot be decoded"),
]


@pytest.mark.parametrize(("make", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_a_union_that_is_not_safe_is_refused(make: Callable[[], object], sentence: str):
    """Each with a sentence that says where, and what to write instead."""
    with pytest.raises(ProgramError, match=sentence):
        make()


@pytest.mark.parametrize(
    "kind",
    [
        Symbol,
        Remark,
        Board,
        Count,
        Mark,
        Secret,
        Literal["a", "b"],
        Literal[1, 2],
        bool,
        float,
        tuple[bool, Count],
        tuple[Turn, ...],
        Turn | None,
        _nested(5),
        Annotated[int, Meta(gt=-5, lt=5)],
        Annotated[str, Meta(max_length=5)],
    ],
)
def test_what_is_safe_is_taken(kind: Any):
    """The other side of the rules."""
    assert Wire("t.v1", requests=_of(kind)).requests


def test_the_state_machine_runs_with_another_programs_frames():
    """It knows the kinds of frames, not the frames."""
    client, server = ConnectionState(Side.CLIENT), ConnectionState(Side.SERVER)

    def pass_on(sender: ConnectionState, receiver: ConnectionState, frame: Frame) -> None:
        sender.sent(frame)
        receiver.received(frame)

    pass_on(server, client, Lobby())
    pass_on(client, server, MOVE)
    pass_on(server, client, GameOver())
    assert client.in_flight == server.in_flight == {ID}
    pass_on(server, client, GAME.ok(ID, Moved(Seq(1), ADA, Mark.CROSS, 8)))
    assert client.in_flight == server.in_flight == frozenset()
    assert client.state is server.state is State.READY
    with pytest.raises(OutOfOrderError, match="an answer to no request"):
        client.received(GAME.error(ID, "conflict"))
    client.received(GAME.error(None, "malformed"))
    for _ in range(IN_FLIGHT.value):
        server.received(Move(new_request_id(), 1, 1))
    with pytest.raises(OutOfOrderError, match="more than"):
        server.received(Move(new_request_id(), 1, 1))


def test_every_frame_of_a_program_has_a_kind():
    """And what is only a part of one has none."""
    assert kind_of(HELLO) is kind_of(Lobby()) is Kind.HELLO
    assert kind_of(MOVE) is kind_of(Watch(ID, ())) is Kind.REQUEST
    assert kind_of(TICKER.ok(ID)) is kind_of(TICKER.error(ID, "conflict")) is Kind.ANSWER
    assert kind_of(Price("A", 1)) is kind_of(GameOver()) is Kind.PUSH
    assert issubclass(Lobby, Greeting)
