"""Receipts in encrypted rooms come encrypted from the reader; the server can neither see nor make one up."""

import apsw
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN
from tests.client.core.e2ee.lying_server import sealed_of, shown
from tests.client.core.e2ee.memory_server import Line, RefusedError, Room
from tests.client.core.e2ee.test_hostile_keys import FORGER
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.client import Client
from parlour_client.core.e2ee.messages.receipts import GATHER_SECONDS
from parlour_client.core.e2ee.values import Trust
from parlour_client.kit.connection_status import LinkState
from parlour_protocol.delivery import EventStored
from parlour_protocol.encrypted import ReadContent
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.replies import ReadBy
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq, new_request_id


async def let_pass(harness: Harness, seconds: float = 4 * GATHER_SECONDS) -> None:
    """Let all happen that happens in so long."""
    for _ in range(int(seconds * 10)):
        harness.clock.advance(0.1)
        await harness.threads.rest()


async def read_all(client: Client, room: RoomId, *, share: bool = True) -> None:
    """Mark everything read, as a window does that shows it."""
    known = client.rooms.get(room)
    assert known is not None
    await client.messages.mark_read(room, known.head, share=share)


async def test_a_receipt_is_an_encrypted_message_and_the_server_gets_none(harness: Harness) -> None:
    """It says up to which message; the server sees one more sealed message, and is asked to tell nobody."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "read this")
    await shown(harness, ben, room)
    said = sealed_of(harness.server.rooms[room])
    await read_all(ben, room)
    await harness.until(lambda: bool(ana.messages.receipts(room)))
    assert ana.messages.receipts(room) == {BEN: said[-1].seq}
    assert len(sealed_of(harness.server.rooms[room])) == len(said) + 1
    assert [frame.share for frame in harness.server.marked] == [False]


async def test_what_the_server_says_of_readers_is_not_heard(harness: Harness) -> None:
    """A receipt that the server makes up moves nothing in an encrypted room."""
    ana, _, room = await pair(harness)
    await say(harness, ana, room, "unread")
    for wire in harness.server.wires:
        wire.say(ReadBy(room=room, user=BEN, seq=Seq(harness.server.rooms[room].head)))
    await let_pass(harness, 1)
    assert ana.messages.receipts(room) == {}


async def test_nothing_leaves_unless_it_was_wished(harness: Harness) -> None:
    """Receipts are off at the start; the own marker moves all the same."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "read this")
    await shown(harness, ben, room)
    await read_all(ben, room, share=False)
    await let_pass(harness)
    assert len(sealed_of(harness.server.rooms[room])) == 1
    assert ana.messages.receipts(room) == {}


async def test_a_receipt_answers_no_receipt(harness: Harness) -> None:
    """Two who both tell, and whose windows mark each event: it ends, and a run of messages is told once."""
    ana, ben, room = await pair(harness)
    for number in range(5):
        await say(harness, ana, room, f"message {number}")
        await shown(harness, ben, room)
        await read_all(ben, room)
    for _ in range(5):
        await let_pass(harness)
        for client in (ana, ben):
            await read_all(client, room)
    await let_pass(harness)
    assert len(sealed_of(harness.server.rooms[room])) == 5 + 1


async def test_a_receipt_waits_for_the_connection(harness: Harness) -> None:
    """What was read without one is told afterwards; what was under way when it broke as well."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "read this")
    await shown(harness, ben, room)
    await read_all(ben, room)
    harness.lines[ben].down = True
    for wire in list(harness.server.wires):
        if wire.line is harness.lines[ben]:
            wire.drop()  # type: ignore[attr-defined]
    await harness.until(lambda: ben.connection.status.state is not LinkState.ONLINE)
    await let_pass(harness)
    assert ana.messages.receipts(room) == {}
    harness.lines[ben].down = False
    await harness.until(lambda: bool(ana.messages.receipts(room)))


async def test_a_receipt_that_cannot_be_encrypted_is_given_up(harness: Harness) -> None:
    """A changed key stops it like everything else, and the chat goes on."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "read this")
    await shown(harness, ben, room)
    harness.server.swap_account_key(ANA, FORGER)
    harness.server.keys_changed(ANA)
    await harness.until(lambda: ben.encryption.trust(ANA) is Trust.CHANGED)
    await read_all(ben, room)
    await let_pass(harness)
    assert len(sealed_of(harness.server.rooms[room])) == 1
    assert ben.connection.status.state is LinkState.ONLINE


async def test_a_receipt_of_what_is_not_here_says_nothing(harness: Harness) -> None:
    """A member that names a message which no one wrote is not shown as a reader."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "there")
    await encrypted_rooms(ben).world.say(room, ReadContent(target=new_request_id()))
    await shown(harness, ana, room)
    await let_pass(harness, 1)
    assert ana.messages.receipts(room) == {}


async def test_a_receipt_whose_answer_was_lost_leaves_no_number_open(harness: Harness) -> None:
    """Each later message would have to say that it does not count on that number, for ever."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "read this")
    await shown(harness, ben, room)
    store, tries = harness.server.seal, 0

    def lost(into: Room, by: Line, frame: SendEncrypted) -> EventStored:
        nonlocal tries
        tries += 1
        if tries == 1:
            for wire in [wire for wire in harness.server.wires if wire.line is by]:
                wire.drop()
            raise RefusedError(ErrorCode.UNAVAILABLE)
        return store(into, by, frame)

    harness.server.seal = lost  # type: ignore[method-assign]
    await read_all(ben, room)
    await let_pass(harness)
    await harness.until(lambda: bool(ana.messages.receipts(room)))
    await harness.quiet()

    def left(connection: apsw.Connection) -> list[object]:
        return list(connection.execute("SELECT request FROM mls_sealed"))

    assert tries > 1
    assert await parts(ben).archive.read(left) == []
