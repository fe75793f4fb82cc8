"""What a fault of a program costs: one answer or one connection, and no one else anything."""

import asyncio
import math
import threading
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Meta

from parlour_protocol.kit.codec import check_numbers
from parlour_protocol.kit.errors import INTERNAL_ERROR, MalformedFrameError
from parlour_protocol.kit.frames import Error, Hello, Ok, Part, Push, Request
from parlour_protocol.kit.id_fields import Count
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.log.log import Appended, Entry, Facts
from parlour_server.core.connections.dispatcher import ANSWER_SECONDS
from parlour_server.core.program import Pending
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import running


class Write(Request, frozen=True, tag="write"):
    """Write a number."""

    number: Count


class Read(Request, frozen=True, tag="read"):
    """Follow what is written."""


class Written(Push, frozen=True, tag="written"):
    """A number was written."""

    seq: Count
    half: Annotated[float, Meta(ge=0)]


class Place(Part, frozen=True, tag="place"):
    """Where it was written, and how far along."""

    seq: Count
    share: float | None = None


BAD_PUSH, BAD_RESULT, NAN_PUSH, NAN_RESULT, SLOW, EXIT_PUSH, CANCELLED_PUSH = range(13, 20)


def show(entry: Entry[int]) -> Push:
    """Make the push, or fail."""
    if entry.body == BAD_PUSH:
        raise ZeroDivisionError
    if entry.body == EXIT_PUSH:
        raise SystemExit
    if entry.body == CANCELLED_PUSH:
        raise asyncio.CancelledError
    return Written(entry.seq, math.nan if entry.body == NAN_PUSH else entry.body / 2)


def placed(entry: Entry[int]) -> Place:
    """Make the result, or fail."""
    if entry.body == BAD_RESULT:
        raise ZeroDivisionError
    return Place(entry.seq, math.inf if entry.body == NAN_RESULT else 0.5)


def state_of(peer: Any) -> str:
    """Make the state, or fail."""
    if peer.user == "sam":
        raise ZeroDivisionError
    if peer.user == "max":
        raise SystemExit
    return str(peer.user)


WIRE: Wire[Any, Any] = Wire("faults.v1", requests=Write | Read, pushes=Written, results=Place)
app: App[str] = App(WIRE, state=state_of)
numbers = app.log("numbers", body=int, state=int, push=show)
deciding, go_on = threading.Event(), threading.Event()


def decide(number: int) -> Any:
    """Return a decision, which may take its time."""

    def keep(_: Facts[int]) -> None:
        if number == SLOW:
            deciding.set()
            assert go_on.wait(60)

    return keep


@app.greets
async def greet(peer: Any) -> Hello:
    """Greet, or fail."""
    if peer.user == "gus":
        raise ZeroDivisionError
    if peer.user == "liv":
        raise KeyboardInterrupt
    return Hello("faults.example", peer.user, peer.device, peer.session, Millis(0))


@app.on(Write, role="member")
def write(peer: Any, ask: Write) -> Pending[Appended[Entry[int]]]:
    """Write a number."""
    return numbers.append(peer, ask, "all", ask.number, decide(ask.number), result=placed)


@app.on(Read, role="member")
async def read(peer: Any, _: Read) -> None:
    """Follow."""
    await numbers.follow(peer, "all", after=Seq(0))


async def test_faults_of_a_program_are_contained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In `state=`, a greeting, `result=` and `push=`: one answer, or the connections that miss something.

    A program's tests show them beside what failed.
    """
    async with running(app, tmp_path / "data") as world:
        anna, ben = await world.person("anna"), await world.person("ben")
        writer, reader = await anna.connect(), await ben.connect()
        assert isinstance(await reader.ask(Read(new_request_id())), Ok)
        for name in ("sam", "max", "gus", "liv"):
            broken = await world.connect(ticket=await (await world.person(name)).ticket())
            assert await broken.close_code() == INTERNAL_ERROR
        for seq, number in enumerate((BAD_RESULT, NAN_RESULT), 1):
            ask = Write(new_request_id(), number)
            for _ in range(2):  # the same request again is no other answer, and no other entry
                refused = await writer.ask(ask)
                assert isinstance(refused, Error)
                assert (refused.re, refused.code) == (ask.id, "unavailable")
            assert await reader.push() == Written(seq, number / 2)
        for seq, number in enumerate((BAD_PUSH, NAN_PUSH, EXIT_PUSH, CANCELLED_PUSH), 3):
            assert (await writer.ask(Write(new_request_id(), number))).result == Place(seq, 0.5)  # type: ignore[attr-defined]
            assert await reader.close_code() == INTERNAL_ERROR
            reader = await ben.connect()
            assert isinstance(await reader.ask(Read(new_request_id())), Ok)
        assert isinstance(await writer.ask(Write(new_request_id(), 2)), Ok)
        assert await reader.push() == Written(7, 1.0)
        assert {"ZeroDivisionError", "SystemExit", "KeyboardInterrupt", "CancelledError"} <= {
            line.get("kind") for line in world.faults
        }
    assert "ZeroDivisionError" in capsys.readouterr().err


async def test_an_overdue_append_may_be_stored_and_is_stored_once(tmp_path: Path) -> None:
    """R5: no answer says that nothing was stored; the same request again gets its entry."""
    clock = FakeClock()
    async with running(app, tmp_path / "data", clock=clock) as world:
        anna = await world.person("anna")
        writer = await anna.connect()
        assert isinstance(await writer.ask(Read(new_request_id())), Ok)
        ask = Write(new_request_id(), SLOW)
        writer.send(ask)
        try:
            assert await asyncio.to_thread(deciding.wait, 60)
            clock.forward(ANSWER_SECONDS + 1)
            assert await writer.close_code() == INTERNAL_ERROR
        finally:
            go_on.set()
        writer = await anna.connect()
        again = await writer.ask(ask)
        assert isinstance(again, Ok)
        assert again.result == Place(1, 0.5)
        record = await numbers.find("all")
        assert record is not None
        assert record.head == 1


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_not_sent(number: float) -> None:
    """Not as null, which the other side would refuse, or read as something else. A log stores none either."""
    for value in (Written(1, number), Ok(new_request_id(), Place(1, number))):
        with pytest.raises(ValueError, match="NaN or an infinity"):
            WIRE.encode(value)
    with pytest.raises(ValueError, match="NaN"):
        check_numbers({"a": [(number,)]})
    WIRE.encode(Ok(new_request_id(), Place(1)))


@pytest.mark.parametrize("number", [b"NaN", b"1e999", b"-1e999", b"null", b"Infinity"])
def test_a_number_that_json_lacks_is_not_read(number: bytes) -> None:
    """Neither by its name nor as one that is too large."""
    with pytest.raises(MalformedFrameError):
        WIRE.decode_server_frame(b'{"type":"written","seq":1,"half":' + number + b"}")
