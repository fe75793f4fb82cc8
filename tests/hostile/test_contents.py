"""What the operator can read, make up, change or move, and whether encryption can be switched off."""

from pathlib import Path

import pytest

from parlour_lab.hostile.people import Device, World
from parlour_protocol.frames import MessageText
from parlour_protocol.frames.bodies import Edited, Message, Pinned, Reacted
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq

CANARY = b"CANARY"


async def seq_of(device: Device, room: RoomId, text: str) -> Seq:
    """Return the number of a message that is shown."""
    found = next(one.seq for one in await device.entries(room) if one.text == text)
    assert found is not None
    return found


async def everything(world: World, room: RoomId, ada: Device, ben: Device, folder: Path) -> None:
    """Have ada write all that can be written, each with a canary in it, and ben read it."""
    client, ledger = ada.client, world.ledger
    first = await client.messages.send(room, f"CANARY {ledger.text(room, 'ada')}", reply_to=None)
    assert first.request is not None
    seq = await world.during(client.messages.stored(first.request))
    await client.messages.edit(room, seq, "CANARY edited")
    await client.messages.react(room, seq, "🦜")
    await client.messages.send(room, "CANARY reply", reply_to=seq)
    await client.messages.pin(room, seq)
    file = folder / "CANARY name.txt"
    file.write_bytes(b"CANARY contents" * 100)
    await world.during(client.files.send(room, file, "CANARY caption"))
    await world.until(lambda: not client.messages.outgoing())
    await world.heard(room, "CANARY caption", ben)
    await ben.client.messages.mark_read(room, seq, share=True)
    await world.until(lambda: bool(ada.client.messages.receipts(room)))


async def test_no_plaintext_is_on_the_server(world: World, tmp_path: Path) -> None:
    """Texts, edits, reactions, replies, pins, receipts, attachments and their names are not on its disk."""
    ada, ben = await world.start("ada", "ben")
    room = await world.room(ada, ben)
    await everything(world, room, ada, ben, tmp_path)
    await world.close()
    data = world.server.data.path
    found = [path.name for path in data.rglob("*") if path.is_file() and CANARY in path.read_bytes()]
    assert not found
    assert not [path for path in data.rglob("*") if path.is_file() and "🦜".encode() in path.read_bytes()]


async def test_kinds_of_messages_look_alike(world: World) -> None:
    """A short text, an edit, a reaction, a pin and a receipt are of one kind and one size on the server."""
    ada, ben = await world.start("ada", "ben")
    room = await world.room(ada, ben)
    text = await ada.say(room)
    await world.heard(room, text, ben)
    seq = await seq_of(ben, room, text)
    await ada.client.messages.edit(room, seq, "another")
    await ada.client.messages.react(room, seq, "🦜")
    await ada.client.messages.pin(room, seq)
    await world.until(lambda: not ada.client.messages.outgoing())
    await ben.client.messages.mark_read(room, seq, share=True)
    await world.until(lambda: bool(ada.client.messages.receipts(room)))
    rows = world.server.look(
        "SELECT kind, length(body) FROM entries WHERE log = ? AND seq >= ? AND kind != 'handshake'", room, seq
    )
    assert len(rows) == 5
    assert {kind for kind, _ in rows} == {"sealed"}
    lengths = {length for _, length in rows}
    assert max(lengths) - min(lengths) <= 8, lengths  # the number of the epoch, and padding of base64


@pytest.mark.parametrize("body", ["message", "edit", "reaction", "pin"])
async def test_what_the_server_writes_itself(world: World, body: str) -> None:
    """Something readable in someone's name is not shown, and a row says that it came."""
    ada, ben = await world.start("ada", "ben")
    room = await world.room(ada, ben)
    text = await ada.say(room)
    await world.heard(room, text, ben)
    seq = await seq_of(ben, room, text)
    forged = {
        "message": Message(text=MessageText.parse("forged")),
        "edit": Edited(target=seq, text=MessageText.parse("forged")),
        "reaction": Reacted(target=seq, reaction=Reaction.parse("👎"), on=True),
        "pin": Pinned(target=seq, on=True),
    }[body]
    async with world.halted() as server:
        server.append(room, "ada", forged)
    await world.goes_on(room, ada, ben)
    entry = next(one for one in await ben.entries(room) if one.seq == seq)
    assert (entry.text, entry.reactions, entry.edited, entry.pinned) == (text, (), False, False)
    await world.told(ben, "an unencrypted message arrived in this encrypted room")
    await world.judge()


async def test_encryption_switched_off(world: World) -> None:
    """A room that the server calls open again is not: what is written goes out encrypted, or not at all."""
    room, (ada, ben) = await world.together("ada", "ben")
    async with world.halted() as server:
        server.edit("UPDATE rooms SET encrypted = 0 WHERE room = ?", room)
        server.append(room, "ada", Message(text=MessageText.parse("forged")))
        head = server.head(room)
    for device in (ada, ben):
        await device.queue(room)
    await world.turns(200)
    rows = world.server.look("SELECT kind FROM entries WHERE log = ? AND seq > ?", room, head)
    assert {kind for (kind,) in rows} <= {"sealed", "handshake"}
    await world.told(ben, "an unencrypted message arrived in this encrypted room")
    async with world.halted() as server:
        server.edit("UPDATE rooms SET encrypted = 1 WHERE room = ?", room)
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_message_moved_to_another_room(world: World) -> None:
    """A message of one room is not shown in another, and a row says so."""
    ada, ben = await world.start("ada", "ben")
    room, other = await world.room(ada, ben), await world.room(ada, ben)
    await world.goes_on(other, ada, ben)
    await ben.stop()
    await ada.say(room)
    async with world.halted() as server:
        server.append(other, "ada", server.event(room, server.sealed(room)[-1]))
    await ben.start()
    await world.goes_on(other, ada, ben)
    assert len([words for words in await ben.words() if "read" in words or "message" in words]) > 2
    await world.judge()


async def test_a_message_with_another_bit(world: World) -> None:
    """A message that the server changed is not shown, and a row says so."""
    room, (ada, ben) = await world.together("ada", "ben")
    await ben.stop()
    text = await ada.say(room)
    async with world.halted() as server:
        seq = server.sealed(room)[-1]
        changed = bytearray(server.event(room, seq))
        place = changed.index(b'"data":"') + 100
        changed[place] = ord("A") if changed[place] != ord("A") else ord("B")
        server.edit("UPDATE entries SET body = ? WHERE log = ? AND seq = ?", bytes(changed), room, seq)
    await ben.start()
    await world.goes_on(room, ada, ben)
    assert text not in await ben.read(room)
    assert any(one.trouble or one.note for one in await ben.entries(room) if one.seq == seq)
    await world.judge()
