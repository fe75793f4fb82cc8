"""An entry that a handler appends is what its answer is about, however the handler is written."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from mypy import api as mypy

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.frames import Error, Ok, Part, Push, Request
from parlour_protocol.kit.id_fields import Count
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.log.log import Appended, Entry, Facts
from parlour_server.core.errors import RefusedError
from parlour_server.core.program import Pending
from parlour_server.testing.server import World, running


class Follow(Request, frozen=True, tag="follow"):
    """Follow what is written."""


class Numbered(Request, frozen=True):
    """A request to write a number."""

    number: Count


class Plain(Numbered, frozen=True, tag="plain"):
    """To a handler that returns what ``append`` returned."""


class Later(Numbered, frozen=True, tag="later"):
    """To a coroutine that returns it."""


class Awaited(Numbered, frozen=True, tag="awaited"):
    """To a coroutine that awaits it."""


class Passed(Numbered, frozen=True, tag="passed"):
    """To a handler that passes it to a coroutine, and returns that."""


class PassedAndDropped(Numbered, frozen=True, tag="passed_and_dropped"):
    """To one that passes it to a coroutine, which forgot it."""


class Dropped(Numbered, frozen=True, tag="dropped"):
    """To a handler that forgot the word ``return``."""


class DroppedLater(Numbered, frozen=True, tag="dropped_later"):
    """To a coroutine that forgot it."""


class DroppedAndRefused(Numbered, frozen=True, tag="dropped_and_refused"):
    """To a handler that refuses what it has appended."""


class Place(Part, frozen=True, tag="place"):
    """Where it was written."""

    seq: Count


class Written(Push, frozen=True, tag="written"):
    """A number was written."""

    seq: Count


WIRE: Wire[Any, Any] = Wire(
    "pending.v1",
    requests=Follow
    | Plain
    | Later
    | Awaited
    | Passed
    | PassedAndDropped
    | Dropped
    | DroppedLater
    | DroppedAndRefused,
    pushes=Written,
    results=Place,
)
app: App[None] = App(WIRE)
numbers = app.log("numbers", body=int, state=int, push=lambda entry: Written(entry.seq))


def append(peer: Any, ask: Numbered) -> Pending[Appended[Entry[int]]]:
    """Write a number, unless it is 13."""

    def decide(_: Facts[int]) -> int:
        if ask.number == 13:
            raise RefusedError(ErrorCode.CONFLICT, "not 13")
        return ask.number

    def placed(entry: Entry[int]) -> Place:
        return Place(entry.seq)

    return numbers.append(peer, ask, "all", ask.number, decide, result=placed)


@app.on(Follow, role="member")
async def follow(peer: Any, _: Follow) -> None:
    """Follow."""
    await numbers.follow(peer, "all", after=Seq(0))


app.on(Plain, role="member")(append)


@app.on(Later, role="member")
async def later(peer: Any, ask: Later) -> Pending[Appended[Entry[int]]]:
    """Write a number."""
    return append(peer, ask)


@app.on(Awaited, role="member")
async def awaited(peer: Any, ask: Awaited) -> Place:
    """Write a number."""
    appended = await append(peer, ask)
    return Place(appended.entry.seq)


async def place(written: Pending[Appended[Entry[int]]]) -> Place:
    """Wait for a number that is being written."""
    return Place((await written).entry.seq)


async def forget(_: Pending[Appended[Entry[int]]]) -> None:
    """Wait for nothing."""


@app.on(Passed, role="member")
def pass_on(peer: Any, ask: Passed) -> Awaitable[Place]:
    """Write a number."""
    return place(append(peer, ask))


@app.on(PassedAndDropped, role="member")
def pass_and_drop(peer: Any, ask: PassedAndDropped) -> Awaitable[None]:
    """Write a number."""
    return forget(append(peer, ask))


@app.on(Dropped, role="member")
def drop(peer: Any, ask: Dropped) -> None:
    """Write a number."""
    append(peer, ask)  # type: ignore[unused-awaitable]


@app.on(DroppedLater, role="member")
async def drop_later(peer: Any, ask: DroppedLater) -> None:
    """Write a number."""
    append(peer, ask)  # type: ignore[unused-awaitable]


@app.on(DroppedAndRefused, role="member")
def drop_and_refuse(peer: Any, ask: DroppedAndRefused) -> None:
    """Write a number."""
    append(peer, ask)  # type: ignore[unused-awaitable]
    raise RefusedError(ErrorCode.FORBIDDEN, "too late")


@pytest.mark.parametrize("kind", [Plain, Later, Awaited, Passed])
async def test_the_answer_is_about_the_entry(kind: type[Numbered], tmp_path: Path) -> None:
    """Its place, or why there is none, and everyone who follows gets it once."""
    async with running(app, tmp_path / "data") as world:
        writer, reader = (
            await (await world.person("anna")).connect(),
            await (await world.person("ben")).connect(),
        )
        assert isinstance(await reader.ask(Follow(new_request_id())), Ok)
        for seq in (1, 2):
            ask = kind(new_request_id(), 7)
            for _ in range(2):
                answer = await writer.ask(ask)
                assert isinstance(answer, Ok)
                assert answer.result == Place(seq)
            assert await reader.push() == Written(seq)
        refused = await writer.ask(kind(new_request_id(), 13))
        assert isinstance(refused, Error)
        assert (refused.code, str(refused.hint)) == ("conflict", "not 13")


@pytest.mark.parametrize("kind", [Dropped, DroppedLater, DroppedAndRefused, PassedAndDropped])
async def test_a_dropped_entry_is_a_fault(kind: type[Numbered], tmp_path: Path) -> None:
    """No answer says that it was stored, nor that it was not; the log says what to write instead.

    If it was stored, followers get it.
    """
    async with running(app, tmp_path / "data") as world:
        writer, reader = (
            await (await world.person("anna")).connect(),
            await (await world.person("ben")).connect(),
        )
        assert isinstance(await reader.ask(Follow(new_request_id())), Ok)
        for number in (7, 13):
            answer = await writer.ask(kind(new_request_id(), number))
            assert isinstance(answer, Error)
            assert answer.code == "unavailable"
        assert await reader.push() == Written(1)
        texts = [line["text"] for line in world.faults]
        assert len(texts) == 2
        assert all(text.startswith(f"the handler of {kind.__name__} dropped") for text in texts)
        assert all(text.endswith("return it, or await it") for text in texts)


async def test_a_test_fails_in_the_end_if_the_server_had_faults(tmp_path: Path) -> None:
    """A program's tests see what it dropped, whatever they look at."""

    async def write(world: World) -> None:
        writer = await (await world.person("anna")).connect()
        await writer.ask(Dropped(new_request_id(), 7))

    with pytest.raises(AssertionError, match="the handler of Dropped dropped what append returned"):
        async with running(app, tmp_path / "data") as world:
            await write(world)


def test_mypy_sees_a_dropped_entry(tmp_path: Path) -> None:
    """With the settings that a new program gets."""
    program = tmp_path / "program.py"
    program.write_text(
        "from parlour_server.app.log.log import Appended\n"
        "from parlour_server.core.program import Pending\n\n\n"
        "def forget(made: Pending[Appended[int]]) -> None:\n"
        "    made\n\n\n"
        "def drop() -> None:\n"
        "    make()\n\n\n"
        "def make() -> Pending[Appended[int]]:\n"
        "    raise NotImplementedError\n"
    )
    said, _, status = mypy.run([str(program), "--strict", "--enable-error-code", "unused-awaitable"])
    assert status == 1
    assert (
        'program.py:10: error: Value of type "Pending[Appended[int]]" must be used  [unused-awaitable]'
        in said
    )
