"""A server that leaves messages out and numbers the rest again, against running clients: rows in words."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from msgspec.structs import replace
from tests.client.core.client_parts import parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN
from tests.client.core.e2ee.lying_server import LyingServer, last_sealed, noted, rows, sealed_of, shown
from tests.client.core.e2ee.memory_server import Line, Room
from tests.client.core.e2ee.test_chat import texts
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.client import Client
from parlour_client.core.events import HistoryReplaced
from parlour_client.core.model import NoteKind
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import SessionEndedError
from parlour_client.plain.line_text import entry_line
from parlour_client.text.note_text import note_words
from parlour_client.ui.chat.timeline.rows import Setting, rows_of
from parlour_protocol.delivery import EventStored
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Blank
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.kit.ids import Seq

NOTES = (NoteKind.LEFT_OUT, NoteKind.MOVED, NoteKind.DROPPED, NoteKind.OLDER_COPY)


def hides(gone: set[Seq]) -> Callable[[LogEvent], LogEvent | None]:
    """Leave events out, and number the rest so that no one sees it."""

    def lie(event: LogEvent) -> LogEvent | None:
        below = sum(one < event.seq for one in gone)
        return None if event.seq in gone else replace(event, seq=Seq(event.seq - below))

    return lie


async def test_what_is_left_out_is_a_row_of_the_message_behind_it(harness: Harness) -> None:
    """N1: in the timeline, in the line mode and on the screen, beside the message itself."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)
    for words in ("one", "two", "three"):
        await say(harness, ana, room, words)
    await harness.close(ben)
    for words in ("four", "five", "six"):
        await say(harness, ana, room, words)
    gone = {event.seq for event in sealed_of(harness.server.rooms[room])[-3:-1]}
    liar.events[BEN] = hides(gone)
    liar.summaries[BEN] = lambda one: replace(one, head=Seq(one.head - len(gone)))
    ben = await harness.open(BEN)
    head = harness.server.rooms[room].head - 2
    await harness.until(lambda: harness.head(ben, room) >= head)
    assert await texts(ben, room) == ["one", "two", "three", "six"]
    assert await noted(ben, room, NoteKind.LEFT_OUT) == ["2 messages from ana are missing here"]
    entry = (await rows(ben, room))[-1]
    assert str(entry.text) == "six"
    assert note_words(entry) == "2 messages from ana are missing here"
    assert entry_line("@ana", entry).split("\n") == [
        "@ana, note: 2 messages from ana are missing here",
        f"@ana, ana {entry.seq}: six",
    ]
    drawn = ["".join(piece.text for piece in row) for row in rows_of(entry, Setting(60, BEN))]
    assert drawn[0].endswith("· 2 messages from ana are missing here")
    assert drawn[-1].endswith("six")


async def test_a_row_goes_when_the_message_comes_after_all(harness: Harness) -> None:
    """N2: what is in the archive is corrected, and views hear of it."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)
    await say(harness, ana, room, "one")
    await say(harness, ana, room, "two")
    await shown(harness, ben, room)
    changes: list[object] = []
    ben.events.subscribe(changes.append)
    gone = Seq(harness.server.rooms[room].head + 1)
    liar.events[BEN] = hides({gone})
    liar.summaries[BEN] = lambda one: replace(one, head=Seq(one.head - 1))
    await say(harness, ana, room, "three")
    three, body = last_sealed(harness.server.rooms[room])
    assert three.seq == gone
    await say(harness, ana, room, "four")
    await harness.until(lambda: harness.head(ben, room) >= gone)
    assert await noted(ben, room, NoteKind.LEFT_OUT) == ["1 message from ana is missing here"]
    harness.server.write(harness.server.rooms[room], ANA, body)
    await say(harness, ana, room, "five")
    await harness.until(lambda: harness.head(ben, room) >= gone + 2)
    assert await texts(ben, room) == ["one", "two", "four", "three", "five"]
    assert await noted(ben, room, NoteKind.LEFT_OUT) == []
    assert len(await noted(ben, room, NoteKind.MOVED)) == 1
    assert any(isinstance(change, HistoryReplaced) for change in changes)


async def test_a_message_that_the_server_drops_by_itself_is_reported(harness: Harness) -> None:
    """N3: it says that it was deleted; nobody has asked for it. One that ana deletes is told as deleted."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)
    await say(harness, ana, room, "one")
    await harness.close(ben)
    await say(harness, ana, room, "two")
    dropped = harness.server.rooms[room].head
    await say(harness, ana, room, "three")
    await harness.until(lambda: not parts(ana).outbox.unsent(room))
    (deleted,) = [row.seq for row in await rows(ana, room) if str(row.text) == "three"]
    assert deleted is not None
    await ana.messages.delete(room, deleted)
    await say(harness, ana, room, "four")
    liar.puts(BEN, dropped, Blank(was="sealed"))
    ben = await harness.open(BEN)
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["one", "four"]
    assert await noted(ben, room, NoteKind.DROPPED) == [
        "the server deleted this message from ana, though no one who may delete it asked for that"
    ]
    assert [row.seq for row in await rows(ben, room) if row.deleted] == [dropped, deleted]


async def test_honest_people_get_no_notes(harness: Harness) -> None:
    """N2: many at once, receipts and reactions between, drops of the line, restarts and changes of keys."""
    ana, ben, room = await pair(harness)
    for number in range(6):
        for client in (ana, ben):
            entries = [
                await client.messages.send(room, f"{client.account.user} {number} {at}") for at in range(3)
            ]
            last = [one for one in await rows(client, room) if one.seq is not None and one.text is not None]
            if last:
                await client.messages.react(room, last[-1].seq or Seq(0), "+1")
            assert entries
        await harness.quiet()
        if number == 2:
            for wire in list(harness.server.wires):
                wire.drop()  # type: ignore[attr-defined]
            await harness.until(
                lambda: all(one.connection.status.state is not LinkState.ONLINE for one in harness.clients)
            )
        if number == 4:
            await harness.close(ben)
            await ana.messages.send(room, "while ben is away")
            ben = await harness.open(BEN)
        await harness.until(
            lambda: all(one.connection.status.state is LinkState.ONLINE for one in harness.clients)
        )
        for client in (ana, ben) if number != 2 else ():
            await client.messages.mark_read(room, harness.head(client, room), share=True)
    harness.clock.advance(10)
    await harness.quiet()
    for client in (ana, ben):
        await shown(harness, client, room)
        for kind in NOTES:
            assert await noted(client, room, kind) == []


FALSE = (*NOTES, NoteKind.KEY_CHANGED, NoteKind.FORGED)


async def done(harness: Harness, work: Awaitable[object]) -> None:
    """Let time pass until something is done."""
    doing = asyncio.ensure_future(work)
    await harness.until(doing.done)
    await doing


async def revoked_and_back(harness: Harness, client: Client) -> Client:
    """Revoke the device of a client, and log in again on its home."""
    with suppress(SessionEndedError):  # its own session
        await done(harness, client.encryption.revoke(client.encryption.own().device))
    user = client.account.user
    await harness.close(client)
    again = await harness.open(user)
    await harness.quiet()
    return again


async def test_a_device_that_comes_back_as_another_one_misses_nothing(harness: Harness) -> None:
    """It numbers its messages from one, whatever the old one had sent from the same home."""
    ana, ben, room = await pair(harness)
    for words in ("one", "two", "three"):
        await say(harness, ben, room, words)
    ben = await revoked_and_back(harness, ben)
    await say(harness, ben, room, "four")
    await shown(harness, ana, room)
    assert (await texts(ana, room))[-1] == "four"
    for kind in FALSE:
        assert await noted(ana, room, kind) == []


async def test_what_the_old_device_had_sent_without_an_answer_is_not_missing(harness: Harness) -> None:
    """The server has it under the old device's number, and answers so when the new one sends it again."""
    ana, ben, room = await pair(harness)
    phone = await harness.open(BEN, "phone")
    await done(harness, phone.encryption.recover(await ben.encryption.recovery_words()))
    await say(harness, ben, room, "one")
    seal, line = harness.server.seal, harness.lines[ben]

    def cut(at: Room, by: Line, frame: SendEncrypted) -> EventStored:
        logged = seal(at, by, frame)
        line.down = True
        for wire in [wire for wire in harness.server.wires if wire.line is line]:
            wire.drop()
        return logged

    harness.server.seal = cut  # type: ignore[method-assign]
    await ben.messages.send(room, "two")
    await harness.until(lambda: line.down)
    harness.server.seal = seal  # type: ignore[method-assign]
    device = ben.encryption.own().device
    await harness.close(ben)
    await done(harness, phone.encryption.revoke(device))
    ben = await harness.open(BEN)
    await harness.quiet()
    await harness.until(lambda: not parts(ben).outbox.unsent(room))
    for words in ("three", "four"):
        await say(harness, ben, room, words)
    await shown(harness, ana, room)
    assert await texts(ana, room) == ["one", "two", "three", "four"] == await texts(ben, room)
    for client in (ana, ben):
        for kind in FALSE:
            assert await noted(client, room, kind) == []


@pytest.mark.parametrize("revoked", [False, True])
async def test_a_device_that_came_while_no_one_looked_is_no_alarm(harness: Harness, *, revoked: bool) -> None:
    """Ana's line was down: the key log is fetched before the device is judged, and judged as of then."""
    ana, ben, room = await pair(harness)
    line = harness.lines[ana]
    line.down = True
    for wire in [wire for wire in harness.server.wires if wire.line is line]:
        wire.drop()
    await harness.until(lambda: ana.connection.status.state is not LinkState.ONLINE)
    phone = await harness.open(BEN, "phone")
    for work in (
        ben.encryption.approve(phone.encryption.own().code),
        *([ben.encryption.revoke(phone.encryption.own().device)] if revoked else []),
    ):
        await done(harness, work)
    await say(harness, ben, room, "hello")
    line.down = False
    ana.connection.retry_now()
    await harness.until(lambda: ana.connection.status.state is LinkState.ONLINE)
    await shown(harness, ana, room)
    assert await texts(ana, room) == ["hello"]
    for kind in FALSE:
        assert await noted(ana, room, kind) == []


async def test_what_a_restored_server_lost_is_missing_for_no_one(harness: Harness) -> None:
    """Ben was away, and never had what was lost: what follows does not count on it."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "one")
    await shown(harness, ben, room)
    await harness.close(ben)
    backup = harness.server.back_up()
    for words in ("two", "three"):
        await say(harness, ana, room, words)
    harness.server.restore(backup)
    group = harness.server.rooms[room].group
    await harness.until(lambda: harness.server.rooms[room].group != group)  # ana has recreated it
    ben = await harness.open(BEN)
    await harness.quiet()
    for client, words in ((ana, "four"), (ben, "five"), (ana, "six")):
        await say(harness, client, room, words)
    head = harness.server.rooms[room].head
    await harness.until(lambda: harness.head(ben, room) >= head)
    assert await texts(ben, room) == ["one", "four", "five", "six"]
    for client in (ana, ben):
        for kind in FALSE:
            assert await noted(client, room, kind) == []
