"""Group E: a server that lies to people who write in encrypted rooms."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import apsw
from msgspec.structs import replace

from parlour_client.core.archive import key_pins
from parlour_client.core.archive.schema import create
from parlour_client.core.e2ee.errors import NotDurableError, RuleBrokenError
from parlour_client.core.e2ee.group.rules import validate_credential
from parlour_client.core.e2ee.group.store import require_durable
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.key_log_audit import audit
from parlour_client.core.e2ee.identity.keys import CERTIFICATE, KNOWN, SUITES, AccountKey, DeviceKey
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.hostile.disks import read_with, server_log, states
from parlour_lab.hostile.people import World
from parlour_lab.hostile.views import View
from parlour_mls import Extension, KeyPackageStore, Lifetime, Policy
from parlour_protocol.frames import MessageText, Ok
from parlour_protocol.frames.bodies import Contested, EncryptedMessage, Message
from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.frames.replies import Entered
from parlour_protocol.identity import AccountEntry
from parlour_protocol.identity.key_log import encode_entry
from parlour_protocol.invite_link import Inviter
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind, RoomSuite


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
        server.edit("UPDATE entries SET author = 'ben' WHERE log = ? AND seq = ?", room, newest)
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
    stage=Stage.UNIT,
)
def another_inviter(folder: Path, seen: Evidence) -> bool:
    del folder
    connection = _archive()
    ada, true, false = parse_user_name("ada"), AccountKey.generate().public, AccountKey.generate().public
    pins.keep_inviter(connection, "chat.example.org", Inviter(ada, PublicKey(true)))
    pins.pin_inviter(connection, "chat.example.org", Millis(1))
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


@attack(
    "A device of the server's shows the certificate of a member's device",
    expects="It is not accepted: the certificate is for another key.",
    stage=Stage.UNIT,
)
def ghost_device(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, server, now = parse_user_name("ada"), "chat.example.org", Millis(1_800_000_000_000)
    real, ghost = DeviceKey.generate(ada, server), DeviceKey.generate(ada, server)
    name = parse_device_name("laptop")
    _, certificate = AccountKey.generate().certify(ada, server, real.public, name, now)
    store = KeyPackageStore()
    store.create(
        real.credential,
        ghost.signer,
        Lifetime(now // 1_000, now // 1_000 + 86_400),
        leaf_extensions=(Extension(CERTIFICATE, certificate),),
        policy=Policy(extensions=KNOWN, cipher_suites=SUITES),
    )
    (package,) = store
    seen.sent("a key package signed by another key, with the certificate and the name of ada's laptop")
    try:
        validate_credential(server, package.leaf_node)
    except RuleBrokenError as error:
        seen.received(str(error))
        return True
    seen.received("it is accepted as a device of ada's")
    return False


@attack(
    "A device that makes a group in a transaction that a power cut would undo",
    expects="It refuses to: used keys must be on the disk before anything is sent.",
    stage=Stage.UNIT,
)
def lost_transaction(folder: Path, seen: Evidence) -> bool:
    del folder
    connection = _archive()
    connection.pragma("synchronous", "normal")
    seen.sent("a transaction that waits for no disk")
    try:
        require_durable(connection)
    except NotDurableError as error:
        seen.received(str(error))
        return True
    seen.received("keys are used in it")
    return False


@attack(
    "The server makes an ordinary room where one with post-quantum keys was asked for",
    expects="The person is told, and nothing is encrypted for it.",
    stage=Stage.PEOPLE,
)
async def weaker_room(world: World, seen: Evidence) -> bool:
    (ada,) = await world.start("ada")

    def told(frame: Frame) -> Sequence[Frame]:
        match frame:
            case Ok(result=Entered(room=summary)):
                return [replace(frame, result=Entered(room=replace(summary, suite=RoomSuite.X25519)))]
            case _:
                return [frame]

    ada.lies.frames.append(told)
    name = parse_room_name("garden")
    seen.sent("ada asks for a room with post-quantum keys; the server answers with another")
    rooms = ada.client.rooms
    words = await ada.attempt(rooms.create(name, RoomKind.PRIVATE, encrypted=True, suite=RoomSuite.X_WING))
    seen.received(f"ada's client says: {words or 'nothing'}")
    return "without post-quantum keys" in words


@attack(
    "A thief looks for keys of past epochs in the write-ahead log of an archive",
    expects="The log is empty soon after each epoch.",
    stage=Stage.PEOPLE,
)
async def write_ahead_log(world: World, seen: Evidence) -> bool:
    room, (ada, _) = await world.together("ada", "ben")
    wal = ada.home / "archive.db-wal"
    assert wal.exists()

    async def is_empty() -> bool:
        return wal.stat().st_size == 0

    seen.sent(f"after the epochs of {room} ada's archive has {wal.stat().st_size} bytes in that log")
    try:
        await world.until_true(is_empty, within=90)
    except TimeoutError:
        seen.received(f"a minute later it has {wal.stat().st_size}")
        return False
    seen.received("it was emptied")
    return True


def _archive() -> apsw.Connection:
    """Return an empty archive in memory."""
    connection = apsw.Connection(":memory:")
    create(connection)
    return connection


@attack(
    "An older copy of a home is started when the other copy has changed the room's keys",
    expects="It says that another copy is in use, and reports no split of the group.",
    stage=Stage.PEOPLE,
)
async def two_copies(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    (cat,) = await world.start("cat")
    for device in (ada, ben):
        await device.stop()
    copy = world.folder / "older"
    shutil.copytree(ben.home, copy)
    await ben.start()
    await world.admit(room, ben, cat)
    await ben.stop()
    shutil.rmtree(ben.home)
    shutil.copytree(copy, ben.home)
    seen.sent("ben's home is put back to before he admitted cat")
    await ben.start(ready=False)
    await world.until(lambda: ben.top(room) >= world.server.head(room))
    await world.turns(200)
    seen.received(f"ben's client says: {await ben.words()}")
    contested = [one for one in server_log(world.server.data.path, room) if isinstance(one.body, Contested)]
    seen.observed(f"reports of a split: {len(contested)}")
    return not contested


@attack(
    "Someone with the server's database writes another account key for ben into its key log",
    expects="An audit of the key log names ben, and the entry.",
    stage=Stage.PEOPLE,
)
async def slipped_in_key(world: World, seen: Evidence) -> bool:
    (ada, _) = await world.start("ada", "ben")
    entry = encode_entry(AccountEntry(Millis(int(world.clock.time)), parse_user_name("ben"), bytes(32)))
    async with world.halted() as server:
        tree = Tree()
        for (logged,) in server.look("SELECT entry FROM key_log ORDER BY number"):
            tree = tree.after(logged)
        tree = tree.after(entry)
        server.edit("INSERT INTO key_log VALUES (?, ?, ?)", tree.size, entry, tree.subtrees[-1])
    seen.sent(f"entry {tree.size} of the server's table is a key of ben's, and the tree is right")
    parts = ada.client.encryption.world
    found = await audit(parts.archive, parts.delivery)
    seen.received(f"the audit says {[(one.number, one.words) for one in found.findings]}")
    return any(one.number == tree.size and "ben" in one.words for one in found.findings)
