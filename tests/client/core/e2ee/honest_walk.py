"""A random walk of honest people at an honest server: whatever they do, no client may sound an alarm.

Homes are lost, copied back from a backup and used by two programs; devices are revoked, approved and come
back; people leave and return; the server is restored. What the clients show is judged after each act, and
at the end everyone must read everyone. The walks of ``tests/hostile`` assert that the alarms come.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeVar

from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE
from tests.client.core.e2ee.memory_server import Backup, Line, Room

from parlour_client.core.archive import alarms
from parlour_client.core.client import Client
from parlour_client.core.e2ee.values import RoomState
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import BEFORE_JOIN, Delivery, Entry, NoteKind
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_protocol.delivery import DeviceStatus, EventStored
from parlour_protocol.frames import bodies as b
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.ids import Epoch, RoomId
from parlour_protocol.kit.ids import DeviceId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind, RoomSuite

T = TypeVar("T")

FALSE: Final = frozenset(
    {
        NoteKind.LEFT_OUT,
        NoteKind.MOVED,
        NoteKind.DROPPED,
        NoteKind.FORGED,
        NoteKind.KEY_CHANGED,
        NoteKind.PLAINTEXT_REFUSED,
        NoteKind.MISSING,
    }
)
"""What no honest history may lead to."""
TRUE: Final = frozenset({alarms.Kind.OWN_DEVICE_ADDED, alarms.Kind.RESTORED})
"""Alarms that tell of what was done."""


@dataclass
class Home:
    """A folder of one person, and the programs that run on it."""

    user: UserName
    name: str
    clients: list[Client] = field(default_factory=list)
    is_old: bool = False
    """It was restored from a backup, and what it says about itself is true."""
    backup: bool = False
    sent: int = 0


@dataclass
class HonestWalk:
    """One walk. ``ana`` owns the rooms; she, ``ben`` and ``eve`` have a device each at the beginning."""

    harness: Harness
    seed: int
    chance: Random = field(init=False)
    homes: list[Home] = field(default_factory=list)
    rooms: list[RoomId] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    made: int = 0
    server_copy: Backup | None = None
    is_restored: bool = False

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)  # noqa: S311 - to be repeated

    async def begin(self) -> None:
        """Make the people and three rooms: a private one, one with post-quantum keys, and a direct one."""
        for user in (ANA, BEN, EVE):
            await self.open(self.home(user))
        (ana,) = self.homes[0].clients
        for name, suite in (("garden", RoomSuite.X25519), ("cellar", RoomSuite.X_WING)):
            room = await ana.rooms.create(
                parse_room_name(name), RoomKind.PRIVATE, encrypted=True, suite=suite
            )
            self.rooms.append(room.id)
            for user in (BEN, EVE):
                await ana.invitations.send(room.id, user)
        await self.rest()
        self.rooms.append((await ana.rooms.open_direct(BEN)).id)
        await self.rest()

    async def play(self, steps: int) -> None:
        """Take so many steps, judge after each, and see that all read all at the end."""
        for _step in range(steps):
            await self.chance.choice(ACTS)(self)
            if self.chance.random() < 0.6:
                await self.rest()
            await self.judge()
        await self.everyone_reads()
        await self.judge()

    # homes and clients
    def clients(self) -> list[Client]:
        return [client for home in self.homes for client in home.clients]

    def home(self, user: UserName) -> Home:
        self.made += 1
        made = Home(user, f"{user}-{self.made}")
        self.homes.append(made)
        return made

    async def open(self, home: Home) -> Client:
        # Time passes: its first greeting may tell of a restore, and then it connects again.
        client = await self.during(self.harness.open(home.user, home.name))
        home.clients.append(client)
        return client

    async def connect(self, client: Client) -> None:
        """Bring a client's line back, and wait until it is online."""
        self.harness.lines[client].down = False
        with suppress(SetupError):  # it is connected
            client.connection.retry_now()
        await self.harness.until(lambda: client.connection.status.state is LinkState.ONLINE)
        await self.during(client.connection.ready(60))

    async def close(self, home: Home) -> None:
        while home.clients:
            await self.harness.close(home.clients.pop())

    def online(self, user: UserName | None = None) -> list[Client]:
        """Return the clients that are connected, of one person or of all, the approved ones."""
        return [
            client
            for home in self.homes
            for client in home.clients
            if (user is None or home.user == user) and not self.harness.lines[client].down
            and self.is_active(client)
        ]  # fmt: skip

    def is_active(self, client: Client) -> bool:
        with suppress(EncryptionError):
            own = client.encryption.own()
            return own.status is DeviceStatus.ACTIVE and own.device in self.harness.server.active(
                client.account.user
            )
        return False

    def device(self, client: Client) -> DeviceId:
        return client.encryption.own().device

    def any(self, *, down: bool = False) -> tuple[Home, Client] | None:
        """Choose a client."""
        all_ = [(home, client) for home in self.homes for client in home.clients if self.is_active(client)]
        found = [one for one in all_ if down or not self.harness.lines[one[1]].down]
        return self.chance.choice(found) if found else None

    def room_of(self, client: Client) -> RoomId | None:
        mine = [
            room for room in self.rooms
            if client.account.user in self.harness.server.rooms[room].members
            and client.rooms.get(room) is not None
        ]  # fmt: skip
        return self.chance.choice(mine) if mine else None

    async def rest(self) -> None:
        """Let time pass until nothing is under way that can be done now."""
        try:
            await self.harness.until(lambda: not self._under_way(), advance=0.1)
        except TimeoutError:
            raise AssertionError(f"it never rests: {self._under_way()}") from None

    def _under_way(self) -> str:
        for room in self.harness.server.rooms.values():
            mine = [one for one in self.online() if one.account.user in room.members]
            for client in mine:
                known = client.rooms.get(room.id)
                if known is None or known.head < self.head(client, room.id):
                    return f"{self.who(client)} has not all of {room.id}"
                if self.device(client) in room.present and self.must_recreate(client, room):
                    return f"{self.who(client)} has not recreated {room.id}"
            if (helpful := [one for one in mine if self.is_inside(one, room)]) and not room.contested:
                found = self._unfinished(room, helpful) or next(
                    (why for one in mine if (why := self._waiting(one, room))), ""
                )
                if found:
                    return found
        return ""

    def is_inside(self, client: Client, room: Room) -> bool:
        """Say whether a client is in a room's group, and can change it."""
        active = client.encryption.room(room.id).state is RoomState.ACTIVE
        return active and self.device(client) in room.present and not self.must_recreate(client, room)

    def must_recreate(self, client: Client, room: Room) -> bool:
        """Say whether the group is behind what the client knows, since a restore of the server."""
        return encrypted_rooms(client).room_statuses.of(room.id).again

    def _unfinished(self, room: Room, helpful: Sequence[Client]) -> str:
        """Say which devices someone online should add or remove."""
        state, online = self.harness.server.state(room), {self.device(one) for one in self.online()}
        # After a restore the server may list people whose removal members have signed.
        missing = [
            one for one in state.missing
            if one.device in online and not self.is_restored and one.user not in self.void(room.id, helpful)
        ]  # fmt: skip
        problems = [str(encrypted_rooms(one).scheduler.problems.get(room.id)) for one in helpful]
        undone = state.leaving or missing
        return f"{room.id}: {state.leaving} leave, {missing} are missing: {problems}" if undone else ""

    @staticmethod
    def void(room: RoomId, clients: Sequence[Client]) -> set[UserName]:
        """Return whose invitation all clients call void, as its device was revoked: it must be made again."""
        claims = [encrypted_rooms(one).room_statuses.of(room).claims.void for one in clients]
        return set[UserName].intersection(*({user for user, _why in those} for those in claims))

    def _waiting(self, client: Client, room: Room) -> str:
        """Say what a client waits for, unless its home is old: then the person is told to use another one."""
        if self.device(client) not in room.present or self.home_of(client).is_old:
            return ""
        if client.encryption.room(room.id).state is RoomState.WAITING:
            return f"{self.who(client)} waits in {room.id}"
        unsent = [(str(item.waits), str(item.error)) for item in parts(client).outbox.unsent(room.id)]
        waits = unsent and not self.is_restored  # then the other person may have to come back first
        return f"{self.who(client)} has not sent in {room.id}: {unsent}" if waits else ""

    def head(self, client: Client, room: RoomId) -> Seq:
        """Return the newest event of the server in the numbers of a client."""
        log = self.harness.server.rooms[room]
        return encrypted_rooms(client).world.numbers.of(room).head(log.head)

    async def everyone_reads(self) -> None:
        """Connect everyone, and have each one write to each room: the others read it."""
        for home in self.homes:
            if not home.clients:
                await self.open(home)
            for client in home.clients:
                await self.connect(client)
        await self.rest()
        for room in self.rooms:
            if self.harness.server.rooms[room].contested:
                await self.recreate(room)
        await self.rest()
        await self.invite_again()
        for room in self.rooms:
            at = self.harness.server.rooms[room]
            await self._all_read(room, [one for one in self.online() if self.is_inside(one, at)])

    async def _all_read(self, room: RoomId, inside: Sequence[Client]) -> None:
        wanted: set[str] = set()
        for client in inside:
            text = f"last words of {client.account.user} {self.device(client)[:4]}"
            if not self.home_of(client).is_old:  # it may need new keys first, and is not waited for
                wanted.add(text)
            await client.messages.send(room, text)
            await self.rest()
        for client in inside:  # after a restore someone may have to wait for the other person
            outbox = parts(client).outbox
            wanted -= {str(entry.text) for entry in outbox.rows(outbox.unsent(room))}
        for client in (
            inside if not self.is_restored else ()
        ):  # what comes before a group is recreated is lost
            shown = {str(entry.text) for entry in await client.history.timeline(room) if entry.text}
            assert wanted <= shown, f"{self.who(client)} lacks {sorted(wanted - shown)} in {room}"

    async def invite_again(self) -> None:
        """Have ana make the invitations again that were void, and see that their people come in."""
        for room in self.rooms[:2]:
            at = self.harness.server.rooms[room]
            inside = [one for one in self.online(ANA) if self.is_inside(one, at)][:1]
            for user in self.void(room, inside) if inside else ():
                self.story.append(f"{user} is invited to {room[:5]} again")
                await self.during(inside[0].invitations.send(room, user))
                await self.harness.until(lambda r=room, of=inside: not self.void(r, of), advance=0.1)  # type: ignore[misc]
        await self.rest()

    async def recreate(self, room: RoomId) -> None:
        """Have a device recreate a contested group that knows its members, one of the owner if possible."""
        for client in [*self.online(ANA), *self.online(BEN), *self.online(EVE)]:
            if client.account.user in self.harness.server.rooms[room].members:
                with suppress(ParlourClientError):
                    await self.during(client.encryption.recreate(room))
                    return

    async def attempt(self, work: Awaitable[object]) -> None:
        """Await something that may be refused."""
        with suppress(ParlourClientError):
            await work

    async def during(self, work: Awaitable[T]) -> T:
        """Await something while time passes."""
        task = asyncio.ensure_future(work)
        await self.harness.until(task.done, advance=0.1)
        return await task

    def home_of(self, client: Client) -> Home:
        return next(home for home in self.homes if client in home.clients)

    def who(self, client: Client) -> str:
        return self.home_of(client).name

    # the judgement
    async def judge(self) -> None:
        """Require that no client shows an alarm, or a note of something missing, moved or forged."""
        for home in self.homes:
            for client in home.clients:
                for room in self.rooms:
                    for entry in await client.history.timeline(room, limit=500):
                        self._judge_row(home, room, entry)
                for one in await parts(client).archive.read(alarms.load):
                    true = TRUE | ({alarms.Kind.MEMBERS} if self.is_restored else set())
                    assert one.kind in true, f"{home.name}: alarm {one.kind}: {one.detail}"

    def _judge_row(self, home: Home, room: RoomId, entry: Entry) -> None:
        where = f"{home.name} in {room[:8]} at {entry.seq}"
        if entry.note is not None:
            again = self.is_restored and entry.note.detail.endswith("was revoked.")  # the server forgot it
            assert entry.note.kind not in FALSE or again, f"{where}: {entry.note}"
            assert entry.note.kind is not NoteKind.ROLLED_BACK or self.is_restored, f"{where}: {entry.note}"
            if entry.note.kind is NoteKind.OLDER_COPY:
                old = any(one.is_old for one in self.homes if one.user == entry.note.user)
                assert old, f"{where}: {entry.note}"
            if entry.note.kind is NoteKind.CONTESTED:
                assert entry.note.user is not None, f"{where}: {entry.note}"
        if entry.trouble and entry.trouble != BEFORE_JOIN and entry.delivery is Delivery.STORED:
            after = self.is_restored and "after the server was rolled back" in entry.trouble
            assert home.is_old or after, f"{where}: {entry.trouble}"


# what people do
async def talk(walk: HonestWalk) -> None:
    """Write a few messages, answered or not."""
    for _ in range(walk.chance.randint(1, 4)):
        chosen = walk.any(down=True)
        if chosen is None:
            return
        home, client = chosen
        room = walk.room_of(client)
        if room is not None:
            home.sent += 1
            walk.story.append(f"{home.name} writes in {room[:5]}")
            await client.messages.send(room, f"{home.name} says {home.sent}")


async def talk_much(walk: HonestWalk) -> None:
    """Write and let it arrive."""
    for _ in range(walk.chance.randint(2, 6)):
        await talk(walk)
        await walk.rest()


async def change(walk: HonestWalk) -> None:
    """React to a message, change or delete it, share a read marker."""
    chosen = walk.any()
    room = None if chosen is None else walk.room_of(chosen[1])
    if chosen is None or room is None:
        return
    home, client = chosen
    entries = [
        e for e in await client.history.timeline(room)
        if e.text is not None and e.seq is not None and e.delivery is Delivery.STORED
    ]  # fmt: skip
    if not entries:
        return
    entry = walk.chance.choice(entries)
    mine = entry.author == home.user
    act = walk.chance.choice(["react", "read", *(["delete", "edit"] if mine else [])])
    walk.story.append(f"{home.name} {act}s {entry.seq} in {room[:5]}")
    with suppress(ParlourClientError):
        match act:
            case "react":
                await client.messages.react(room, entry.seq or Seq(0), "+1")
            case "delete":
                await client.messages.delete(room, entry.seq or Seq(0))
            case "edit":
                await client.messages.edit(room, entry.seq or Seq(0), "changed")
            case _:
                await client.messages.mark_read(room, entry.seq or Seq(0), share=True)


async def line(walk: HonestWalk) -> None:
    """Lose a connection, or get it back."""
    chosen = walk.any(down=True)
    if chosen is None:
        return
    home, client = chosen
    at = walk.harness.lines[client]
    at.down = not at.down
    walk.story.append(f"{home.name} is {'offline' if at.down else 'online'}")
    if at.down:
        for wire in [wire for wire in walk.harness.server.wires if wire.line is at]:
            wire.drop()
    else:
        await walk.connect(client)


async def lost_answer(walk: HonestWalk) -> None:
    """Lose the answer to a call, or to a message, and the connection with it."""
    chosen = walk.any()
    room = None if chosen is None else walk.room_of(chosen[1])
    if chosen is None or room is None:
        return
    home, client = chosen
    at = walk.harness.lines[client]
    call = walk.chance.choice(["commit", "create_group", "register", "packages", "message"])
    walk.story.append(f"{home.name} loses the answer to {call}")
    if call != "message":
        at.lose_reply_of = call
        return
    seal = walk.harness.server.seal

    def cut(into: Room, by: Line, frame: SendEncrypted) -> EventStored:
        logged = seal(into, by, frame)
        if by is at:
            walk.harness.server.seal = seal  # type: ignore[method-assign]
            for wire in [wire for wire in walk.harness.server.wires if wire.line is at]:
                wire.drop()
        return logged

    walk.harness.server.seal = cut  # type: ignore[method-assign]
    await client.messages.send(room, f"{home.name} says something twice")
    with suppress(TimeoutError):
        await walk.rest()
    walk.harness.server.seal = seal  # type: ignore[method-assign]
    await walk.connect(client)


async def cancel(walk: HonestWalk) -> None:
    """Take back what was not sent yet."""
    chosen = walk.any(down=True)
    if chosen is None:
        return
    home, client = chosen
    for room in walk.rooms:
        unsent = parts(client).outbox.unsent(room)
        if unsent:
            item = walk.chance.choice(list(unsent))
            walk.story.append(f"{home.name} takes a message back in {room[:5]}")
            with suppress(ParlourClientError):
                await client.messages.cancel(item.request)


async def restart(walk: HonestWalk) -> None:
    """Stop the programs of a home, and start one."""
    home = walk.chance.choice(walk.homes)
    walk.story.append(f"{home.name} restarts")
    await walk.close(home)
    await walk.open(home)


async def stop(walk: HonestWalk) -> None:
    """Stop the programs of a home."""
    home = walk.chance.choice(walk.homes)
    walk.story.append(f"{home.name} stops")
    await walk.close(home)


async def second_program(walk: HonestWalk) -> None:
    """Start a second program on a home."""
    home = walk.chance.choice(walk.homes)
    if len(home.clients) < 2:
        walk.story.append(f"a program starts on {home.name}")
        await walk.open(home)


async def back_up(walk: HonestWalk) -> None:
    """Copy a home aside."""
    home = walk.chance.choice(walk.homes)
    walk.story.append(f"{home.name} is copied")
    await walk.close(home)
    copy = walk.harness.folder / f"{home.name}.copy"
    if (walk.harness.folder / home.name).exists():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(walk.harness.folder / home.name, copy)
        home.backup = True
    await walk.open(home)


async def put_back(walk: HonestWalk) -> None:
    """Restore a home from its copy."""
    copied = [home for home in walk.homes if home.backup]
    if not copied:
        return
    home = walk.chance.choice(copied)
    walk.story.append(f"{home.name} is restored from its copy")
    await walk.close(home)
    shutil.rmtree(walk.harness.folder / home.name)
    shutil.copytree(walk.harness.folder / f"{home.name}.copy", walk.harness.folder / home.name)
    home.is_old = True
    await walk.open(home)


async def new_device(walk: HonestWalk) -> None:
    """Log in on another device, and approve it from one that is there."""
    user = walk.chance.choice((ANA, BEN, EVE))
    there = [client for client in walk.online(user) if client.encryption.own().has_account_key]
    if not there or sum(home.user == user for home in walk.homes) > 2:
        return
    client = await walk.open(walk.home(user))
    walk.story.append(f"{walk.who(client)} is new, approved by {walk.who(there[0])}")
    await walk.during(there[0].encryption.approve(client.encryption.own().code))


async def lose(walk: HonestWalk) -> None:
    """Lose a home for good, and revoke its device from another one."""
    home = walk.chance.choice(walk.homes)
    others = [one for one in walk.online(home.user) if one not in home.clients]
    others = [one for one in others if one.encryption.own().has_account_key]
    if not others or not home.clients:
        return
    device = walk.device(home.clients[0])
    if any(walk.device(other) == device for other in others):
        return
    walk.story.append(f"{home.name} is lost, and revoked by {walk.who(others[0])}")
    if walk.chance.random() < 0.5:
        await talk(walk)
    await walk.close(home)
    shutil.rmtree(walk.harness.folder / home.name)
    walk.homes.remove(home)
    await walk.during(others[0].encryption.revoke(device))


async def revoke(walk: HonestWalk) -> None:
    """Revoke a device, often the one at which the person sits, and log in there again."""
    home = walk.chance.choice(walk.homes)
    able = [
        one for one in walk.online(home.user) if one.encryption.own().has_account_key
    ]  # fmt: skip
    if not able or not home.clients or not walk.is_active(home.clients[0]):
        return
    device, by = walk.device(home.clients[0]), walk.chance.choice(able)
    walk.story.append(f"{home.name} is revoked by {walk.who(by)}, and logs in again")
    if walk.chance.random() < 0.5:  # with something that was not sent
        room = walk.room_of(home.clients[0])
        if room is not None:
            await home.clients[0].messages.send(room, f"{home.name} says before it ends")
    await walk.during(walk.attempt(by.encryption.revoke(device)))
    await walk.close(home)
    client = await walk.open(home)
    if not walk.is_active(client):
        there = [one for one in walk.online(home.user) if one.encryption.own().has_account_key]
        if there:
            await walk.during(there[0].encryption.approve(client.encryption.own().code))


async def leave(walk: HonestWalk) -> None:
    """Have someone leave or be removed, and perhaps come back."""
    server = walk.harness.server
    room = walk.chance.choice(walk.rooms[:2])
    user = walk.chance.choice((BEN, EVE))
    ana = [one for one in walk.online(ANA) if not walk.home_of(one).is_old]
    theirs = walk.online(user)
    if not ana:
        return
    if user not in server.rooms[room].members:
        walk.story.append(f"{user} comes back to {room[:5]}")
        await walk.during(walk.attempt(ana[0].invitations.send(room, user)))
    elif theirs and walk.chance.random() < 0.5:
        walk.story.append(f"{user} leaves {room[:5]}")
        await walk.during(walk.attempt(theirs[0].rooms.leave(room)))
    else:
        walk.story.append(f"{user} is kicked from {room[:5]}")
        await walk.during(walk.attempt(ana[0].rooms.kick(room, user)))


async def back_up_server(walk: HonestWalk) -> None:
    """Make a backup of the server."""
    await walk.rest()
    walk.story.append("the server is backed up")
    walk.server_copy = walk.harness.server.back_up()


async def restore_server(walk: HonestWalk) -> None:
    """Restore the server from its backup, honestly: it says so."""
    if walk.server_copy is None:
        return
    walk.story.append("the server is restored")
    walk.is_restored = True
    walk.harness.server.restore(walk.server_copy)
    walk.rooms = [room for room in walk.rooms if room in walk.harness.server.rooms]
    for client in walk.clients():
        if not walk.harness.lines[client].down:
            await walk.connect(client)


async def wait(walk: HonestWalk) -> None:
    """Let time pass: minutes, hours or days."""
    seconds = walk.chance.choice((40, 400, 4_000, 90_000))
    walk.story.append(f"{seconds} seconds pass")
    walk.harness.clock.advance(seconds)


async def split(walk: HonestWalk) -> None:
    """Contest a group, as a broken device would, and recreate it."""
    room = walk.chance.choice(walk.rooms)
    chosen = [one for one in walk.online() if one.account.user in walk.harness.server.rooms[room].members]
    at = walk.harness.server.rooms[room]
    if not chosen or at.group is None or at.contested:
        return
    walk.story.append(f"{room[:5]} is contested, and recreated")
    await walk.rest()
    at.contested = True
    walk.harness.server.write(
        at, walk.chance.choice(chosen).account.user, b.Contested(group=at.group, epoch=Epoch(at.epoch))
    )
    walk.harness.server.group_changed(at)
    await walk.rest()
    await walk.recreate(room)


ACTS: Final[tuple[Callable[[HonestWalk], Awaitable[None]], ...]] = (
    talk, talk, talk, talk_much, talk_much, change, change, line, line, lost_answer, cancel, restart, stop,
    second_program, new_device, new_device, lose, revoke, revoke, leave, leave, wait, split, back_up,
    put_back, back_up_server, restore_server,
)  # fmt: skip
