"""Group E: a server that lies to people who write in encrypted rooms."""

from pathlib import Path

import apsw

from parlour_client.core.archive import key_pins
from parlour_client.core.archive.schema import MIGRATIONS
from parlour_client.core.e2ee.identity import inviter
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.hostile.disks import read_with, server_log, states
from parlour_lab.hostile.people import World
from parlour_lab.hostile.views import View
from parlour_protocol.frames import MessageText
from parlour_protocol.frames.bodies import EncryptedMessage, Message
from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.invite_link import Inviter
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_user_name


@attack(
    "The server shows a message under another member's name",
    expects="The message is not shown as that member's, and a row says why.",
    stage=Stage.PEOPLE,
)
async def another_author(world: World, seen: Evidence) -> bool:
    room, (ada, _, cat) = await world.together("ada", "ben", "cat")
    await cat.stop()
    text = await ada.say(room)
    seen.sent(f"ada writes {text!r}")
    async with world.halted() as server:
        newest = server.sealed(room)[-1]
        server.edit("UPDATE events SET author = 'ben' WHERE room = ? AND seq = ?", room, newest)
    seen.sent("the server's table says that ben wrote it")
    await cat.start()
    await world.until(lambda: cat.top(room) >= world.server.head(room))
    shown = await cat.texts(room)
    seen.received(f"cat's client shows {shown}")
    seen.observed(f"it says: {await cat.words()}")
    return ("ben", text) not in shown


@attack(
    "The server looks for what people write in what it stores",
    expects="No event has it.",
    stage=Stage.PEOPLE,
)
async def plaintext(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    text = await ada.say(room)
    await world.heard(room, text, ben)
    log = server_log(world.server.data.path, room)
    sealed = {event.seq: event.body.data for event in log if isinstance(event.body, EncryptedMessage)}
    found = [seq for seq, data in sealed.items() if text.encode() in bytes(data)]
    seen.sent(f"ada writes {text!r}")
    seen.received(f"events that have it: {found}")
    return not found


@attack(
    "The server writes a readable message into an encrypted room",
    expects="Its text is not shown.",
    stage=Stage.PEOPLE,
)
async def unencrypted_message(world: World, seen: Evidence) -> bool:
    room, (_, ben) = await world.together("ada", "ben")
    async with world.halted() as server:
        server.append(room, "ada", Message(text=MessageText.parse("forged")))
    seen.sent("a message in ada's name: forged")
    await world.until(lambda: ben.top(room) >= world.server.head(room))
    shown = await ben.read(room)
    seen.received(f"ben's client shows {shown}, and says {await ben.words()}")
    return "forged" not in shown


@attack(
    "The server sends a message a second time",
    expects="It is shown once.",
    stage=Stage.PEOPLE,
)
async def replay(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    text = await ada.say(room)
    await world.heard(room, text, ben)
    async with world.halted() as server:
        server.append(room, "ada", server.event(room, server.sealed(room)[-1]))
    seen.sent(f"{text!r} is in the log twice")
    await world.until(lambda: ben.top(room) >= world.server.head(room))
    shown = await ben.read(room)
    seen.received(f"ben's client shows {shown}, and says {await ben.words()}")
    return shown.count(text) == 1


@attack(
    "A thief who copied a device's home opens the messages that it has read",
    expects="Its keys open none of them: each was deleted when it was used.",
    stage=Stage.PEOPLE,
)
async def stolen_state(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    text = await ada.say(room)
    await world.heard(room, text, ben)
    await ben.stop()
    log = server_log(world.server.data.path, room)
    opened = [one for state in states(ben.home) for one in read_with(state, log).values()]
    seen.sent(f"ben has read {text!r}; a thief tries ben's keys on the server's log")
    seen.received(f"the thief reads {opened}")
    return text not in opened


@attack(
    "The server shows another key of the inviter than the invite link",
    expects="The link's key stays, verified.",
    stage=Stage.NOTHING,
)
def another_inviter(folder: Path, seen: Evidence) -> bool:
    del folder
    connection = apsw.Connection(":memory:")
    for migration in MIGRATIONS:
        for statement in migration:
            connection.execute(statement)
    ada, true, false = parse_user_name("ada"), AccountKey.generate().public, AccountKey.generate().public
    inviter.keep(connection, "chat.example.org", Inviter(ada, PublicKey(true)))
    inviter.pin(connection, "chat.example.org", Millis(1))
    seen.sent("the link has one key of ada's; the server's log shows another")
    key_pins.pin(connection, ada, false, Millis(2))
    pinned = key_pins.find(connection, ada)
    assert pinned is not None
    which = "link" if pinned.account_key == true else "server"
    seen.received(f"the key of the {which} is pinned as {pinned.level}")
    return (pinned.account_key, pinned.level) == (true, key_pins.VERIFIED)


@attack(
    "The server moves a removed member's message behind the removal",
    expects="It is not read: the keys of the epochs before are gone.",
    stage=Stage.PEOPLE,
)
async def removed_writer(world: World, seen: Evidence) -> bool:
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    await ben.stop()
    text = await cat.say(room)
    sealed = world.server.sealed(room)[-1]
    await world.heard(room, text, ada)
    await world.kick(room, ada, cat)
    await world.agreed_without(room, "cat", ada)
    async with world.halted() as server:
        server.append(room, "cat", server.event(room, sealed))
    View(room, dropped={sealed}).tell(ben.lies)
    seen.sent(f"ben is shown {text!r} only behind cat's removal")
    await ben.start()
    await world.until_true(lambda: world.agree(room, ada, ben))
    shown = await ben.read(room)
    seen.received(f"ben's client shows {shown}, and says {await ben.words()}")
    return text not in shown
