"""Messages that are sealed in the write that queues them: one wait for the disk, and nothing leaves by it."""

import asyncio
from dataclasses import dataclass, field

import apsw
import pytest
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, EVE
from tests.client.core.e2ee.test_chat import texts
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.archive import outbox_table
from parlour_client.core.client import Client
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.group.contents import remember
from parlour_client.core.e2ee.messages import outgoing
from parlour_client.core.e2ee.messages.outgoing import Outgoing
from parlour_client.core.model import Entry
from parlour_client.kit.connection_status import LinkState
from parlour_mls import MlsError
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


async def kept(client: Client, entry: Entry) -> list[bytes]:
    """Return the bytes that are kept for a message which has not come back yet."""

    def look(connection: apsw.Connection) -> list[bytes]:
        query = "SELECT data FROM mls_sealed WHERE request = ?"
        return [bytes(data) for (data,) in connection.execute(query, (entry.request,))]

    return await parts(client).archive.read(look)


def sent(harness: Harness) -> list[bytes]:
    """Return all encrypted messages that the server has."""
    bodies = [event.body for room in harness.server.rooms.values() for event in room.log]
    return [bytes(body.data) for body in bodies if isinstance(body, EncryptedMessage)]


async def gone(harness: Harness, client: Client, room: RoomId) -> None:
    """Wait until all that was written is at its place, and everyone has it."""
    await harness.until(lambda: not parts(client).outbox.unsent(room))
    await harness.quiet()


async def test_what_leaves_was_encrypted_when_it_was_queued(harness: Harness) -> None:
    """In a room that is in order nothing is written any more between the disk's word and the frame."""
    ana, ben, room = await pair(harness)
    await harness.until(lambda: room not in encrypted_rooms(ana).scheduler.unsure)
    entry = await ana.messages.send(room, "once")
    (early,) = await kept(ana, entry)
    await gone(harness, ana, room)
    assert sent(harness) == [early]
    assert await texts(ben, room) == ["once"]


async def test_nothing_is_encrypted_early_without_a_connection(harness: Harness) -> None:
    """N4: this home may be an older copy; the server's log says so, if anything does."""
    ana, ben, room = await pair(harness)
    await harness.until(lambda: room not in encrypted_rooms(ana).scheduler.unsure)
    harness.lines[ana].down = True
    for wire in list(harness.server.wires):
        wire.drop()  # type: ignore[attr-defined]
    await harness.until(lambda: ana.connection.status.state is not LinkState.ONLINE)
    entry = await ana.messages.send(room, "later")
    assert await kept(ana, entry) == []
    harness.lines[ana].down = False
    both = ana.connection, ben.connection
    await harness.until(lambda: all(one.status.state is LinkState.ONLINE for one in both))
    await gone(harness, ana, room)
    assert await texts(ben, room) == ["later"]


async def test_an_epoch_that_moved_encrypts_it_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was encrypted for the members of before never leaves."""
    ana, ben, room = await pair(harness)
    await harness.until(lambda: room not in encrypted_rooms(ana).scheduler.unsure)
    seal = Outgoing.encrypt

    async def later(self: Outgoing, *given: object) -> object:
        await encrypted_rooms(ana).reconciler.renew(room)
        return await seal(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Outgoing, "encrypt", later)
    entry = await ana.messages.send(room, "to those of now")
    (early,) = await kept(ana, entry)
    await gone(harness, ana, room)
    assert early not in sent(harness)
    assert await texts(ben, room) == ["to those of now"]


async def test_words_are_queued_whatever_fails(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that cannot seal keeps no one from writing, and what was half done is undone."""
    ana, ben, room = await pair(harness)
    await harness.until(lambda: room not in encrypted_rooms(ana).scheduler.unsure)
    encrypt, in_turn, may_go = outgoing.seal.encrypt, Outgoing.encrypt, asyncio.Event()

    def breaks(*given: object) -> object:
        encrypt(*given)  # type: ignore[arg-type]
        raise MlsError("broken")

    async def held(self: Outgoing, *given: object) -> object:
        await may_go.wait()
        return await in_turn(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Outgoing, "encrypt", held)
    with monkeypatch.context() as patch:
        patch.setattr(outgoing.seal, "encrypt", breaks)
        entry = await ana.messages.send(room, "said all the same")
        assert await kept(ana, entry) == []
    may_go.set()
    await gone(harness, ana, room)
    assert await texts(ben, room) == ["said all the same"]


async def test_what_is_taken_back_leaves_nothing(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that was sealed and is held: its words are not kept beside the outbox, where nobody looks."""
    ana, _, room = await pair(harness)
    await harness.until(lambda: room not in encrypted_rooms(ana).scheduler.unsure)

    async def not_now(*_: object) -> object:
        raise NotReadyError("Not now.")

    monkeypatch.setattr(Outgoing, "encrypt", not_now)
    entry = await ana.messages.send(room, "never mind")
    await harness.until(lambda: any(item.waits for item in parts(ana).outbox.unsent(room)))
    assert len(await kept(ana, entry)) == 1
    assert entry.request is not None
    await ana.messages.cancel(entry.request)
    assert await kept(ana, entry) == []


@dataclass
class Held:
    """Encrypting that waits, in a room where nothing was encrypted early."""

    looks: asyncio.Event = field(default_factory=asyncio.Event)
    may_go: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture(name="held")
def _held(monkeypatch: pytest.MonkeyPatch) -> Held:
    in_turn, held = Outgoing.encrypt, Held()

    async def encrypt(self: Outgoing, *given: object) -> object:
        held.looks.set()
        await held.may_go.wait()
        return await in_turn(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Outgoing, "encrypt_early", lambda *_: None)
    monkeypatch.setattr(Outgoing, "encrypt", encrypt)
    return held


async def test_what_is_taken_back_before_it_is_encrypted_leaves_nothing(harness: Harness, held: Held) -> None:
    """The room is still being made ready: no words are kept of it, and no number is used up."""
    ana, ben, room = await pair(harness)
    entry = await ana.messages.send(room, "never mind")
    await held.looks.wait()
    assert entry.request is not None
    await ana.messages.cancel(entry.request)
    held.may_go.set()
    await say(harness, ana, room, "hello")
    await harness.quiet()
    assert await kept(ana, entry) == []
    assert await texts(ben, room) == ["hello"]


async def test_what_another_program_of_the_home_has_read_is_stored(harness: Harness, held: Held) -> None:
    """It was sent before this program adopted it, and its event has taken its row away."""
    ana, _, room = await pair(harness)
    entry = await ana.messages.send(room, "said before")
    await held.looks.wait()
    request = entry.request
    assert request is not None

    def read(connection: apsw.Connection) -> None:
        remember(connection, room, request, Seq(9), ANA, text=True)
        outbox_table.remove(connection, request)

    await parts(ana).archive.write(read)
    held.may_go.set()
    assert await ana.messages.stored(request) == 9


async def test_what_is_taken_back_never_goes(harness: Harness) -> None:
    """A message that waits for a person, taken back before they come."""
    ana = await harness.open(ANA)
    room = (await ana.rooms.open_direct(EVE)).id
    entry = await ana.messages.send(room, "never mind")
    outbox = parts(ana).outbox
    await harness.until(lambda: any(item.waits for item in outbox.unsent(room)))
    assert entry.request is not None
    await ana.messages.cancel(entry.request)
    eve = await harness.open(EVE)
    await harness.quiet()
    await say(harness, ana, room, "hello")
    await harness.quiet()
    assert await texts(eve, room) == ["hello"]
