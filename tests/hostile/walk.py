"""A random walk of an operator against three people: acts of theirs, acts of its own, and what came of each.

People write, leave, come back, invite and remove. In between the operator does one of ``ACTS`` to the room
and watches: what changed must be told in words by someone, the other rooms must go on, and once it is honest
again so must this one. The walk ends with the judgement of ``World``.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

from msgspec import structs

from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.values import RoomState
from parlour_client.kit.errors import ApiRefusedError, ServerMisbehavedError, UnreachableError
from parlour_lab.hostile.people import Device, World
from parlour_lab.hostile.views import View
from parlour_protocol.delivery import ClaimedKeyPackages
from parlour_protocol.frames import LogEvent, MessageText
from parlour_protocol.frames.bodies import Added, Joined, Kicked, Message, RoleSet
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_incarnation
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.rooms import Role

SPY: Final = parse_user_name("spy")
Parts = tuple[str, ...]


@dataclass
class Walk:
    """One walk. ``ada`` owns both rooms, ``ben`` and ``cat`` are in them, ``dan`` comes and goes."""

    world: World
    seed: int
    chance: Random = field(init=False)
    room: RoomId = field(init=False)
    aside: RoomId = field(init=False)
    people: list[Device] = field(init=False)
    guest: Device = field(init=False)
    story: list[str] = field(default_factory=list)
    told_before: dict[str, Counter[str]] = field(default_factory=dict)
    """What each of the people told before the act: it is no answer to the act."""

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)  # noqa: S311 - to be repeated

    async def begin(self) -> None:
        """Make the rooms."""
        ada, ben, cat, self.guest, _ = await self.world.start("ada", "ben", "cat", "dan", "spy")
        self.people = [ada, ben, cat]
        self.room = await self.world.room(ada, ben, cat)
        self.aside = await self.world.room(ada, ben, cat)
        for room in (self.room, self.aside):
            await self.world.goes_on(room, *self.people)

    async def play(self, steps: int) -> None:
        """Take so many steps, each an act of people and one of the operator."""
        acts = sorted(ACTS)
        for name in self.chance.sample(acts, min(steps, len(acts))):
            await self._people()
            await self._step(name)
        await self.world.judge()

    async def _step(self, name: str) -> None:
        self.story.append(name)
        self.told_before = {device.user: Counter(await device.words()) for device in self.people}
        await ACTS[name](self)
        await self.world.stays(self.aside, *self.people)
        await self._honest()
        await self.world.goes_on(self.room, *self.people)

    async def _honest(self) -> None:
        """Let the server be honest again, and do what the words ask for where the group has split."""
        for device in [*self.people, self.guest]:
            device.lies.end()
        await self.world.restart()
        ada = self.people[0].client.encryption

        async def is_decided() -> bool:
            asked = ada.room(self.room).state is RoomState.CONTESTED
            return asked or await self.world.agree(self.room, *self.people)

        await self.world.until_true(is_decided)
        if not await self.world.agree(self.room, *self.people):
            self.story.append("recreate")
            with suppress(NotReadyError):  # settled meanwhile; ``agreed`` looks
                await self.world.during(ada.recreate(self.room))
        await self.world.agreed(self.room, *self.people)

    async def told(self, *sentences: Parts) -> None:
        """Wait until someone tells one of these sentences, given by parts of it, since the act began."""

        async def is_told() -> bool:
            new = [
                words
                for device in self.people
                for words in Counter(await device.words()) - self.told_before[device.user]
            ]
            return any(all(part in words for part in parts) for words in new for parts in sentences)

        try:
            await self.world.until_true(is_told, within=20)
        except TimeoutError:
            words = {repr(device): await device.words() for device in self.people}
            raise AssertionError(f"nobody tells {sentences}: {words}") from None

    async def _people(self) -> None:
        """Let people do something honest."""
        match self.chance.randrange(4):
            case 0:
                self.story.append("talk")
                await self.world.goes_on(self.room, *self.people)
            case 1:
                device = self.chance.choice(self.people)
                self.story.append(f"{device!r} restarts")
                await device.stop()
                await device.start()
            case 2:
                inside = self.world.ledger.inside[self.room]
                if "dan" in inside:
                    self.story.append("dan is removed")
                    await self.world.kick(self.room, self.people[0], self.guest)
                else:
                    self.story.append("dan comes in")
                    await self.world.admit(self.room, self.chance.choice(self.people), self.guest)
            case _:
                self.story.append("silence")

    # for the acts
    def victim(self) -> Device:
        """Choose whom to lie to: not the one who writes."""
        return self.chance.choice(self.people[1:])

    async def missed(self, count: int) -> Device:
        """Have ada write while the victim is away; returns the victim, who is off.

        What she writes first is where the victim begins with her, if the keys have changed meanwhile.
        """
        victim = self.victim()
        await victim.stop()
        for _ in range(count):
            await self.people[0].say(self.room)
        return victim


async def ghost(walk: Walk) -> None:
    """List the operator's own account as a member, with events that say so or without."""
    world, server = walk.world, walk.world.server
    async with world.halted():
        if walk.chance.random() < 0.5:
            server.append(walk.room, "ada", Added(who=SPY, members=4))
            server.append(walk.room, "spy", Joined(members=4))
        server.list_as_member(walk.room, "spy")
    await world.goes_on(walk.room, *walk.people)
    await walk.told(("spy", "no member admitted them"))
    async with world.halted():
        server.edit("DELETE FROM members WHERE room = ? AND account = 'spy'", walk.room)


async def dropped_member(walk: Walk) -> None:
    """Take a member off the list, as if they had been removed."""
    world, server, victim = walk.world, walk.world.server, walk.victim()
    ((role, since, read),) = server.look(
        "SELECT role, since, read FROM members WHERE room = ? AND account = ?", walk.room, victim.user
    )
    async with world.halted():
        if walk.chance.random() < 0.5:
            server.append(walk.room, "ada", Kicked(who=parse_user_name(victim.user), members=2))
        server.drop_from_list(walk.room, victim.user)
    await walk.told((victim.user, "no member removed them"))
    async with world.halted():
        server.edit(
            "INSERT INTO members (room, account, role, since, read, consent) VALUES (?, ?, ?, ?, ?, 'given')",
            walk.room, victim.user, role, since, read,
        )  # fmt: skip
        server.edit("UPDATE group_devices SET leaving = 0 WHERE account = ?", victim.user)


async def invented_role(walk: Walk) -> None:
    """Make a member an owner, who then tries to remove another one."""
    world, server, (_, ben, cat) = walk.world, walk.world.server, walk.people
    async with world.halted():
        server.edit("UPDATE members SET role = 'owner' WHERE room = ? AND account = 'ben'", walk.room)
        server.append(walk.room, "ada", RoleSet(who=parse_user_name("ben"), role=Role.OWNER))
    assert await ben.attempt(ben.client.rooms.kick(walk.room, parse_user_name("cat"))), (
        "a false owner removes people"
    )
    async with world.halted():
        server.edit("UPDATE members SET role = 'member' WHERE room = ? AND account = 'ben'", walk.room)
    assert cat.client.rooms.get(walk.room) is not None


async def invented_device(walk: Walk) -> None:
    """Write a device of ada into the table that no one certified: the operator's own, under her name."""
    world, server = walk.world, walk.world.server
    async with world.halted():
        server.edit("UPDATE devices SET account = 'ada' WHERE account = 'spy'")
    await world.goes_on(walk.room, *walk.people)
    users = {member.user for member in (await walk.people[0].report(walk.room)).members}
    assert users <= walk.world.ledger.inside[walk.room]
    async with world.halted():
        server.edit("UPDATE devices SET account = 'spy' WHERE name = 'spy-1'")


async def repeated_message(walk: Walk) -> None:
    """Put an old message at the end of the log again."""
    server = walk.world.server
    async with walk.world.halted():
        seq = walk.chance.choice(server.sealed(walk.room)[-5:])
        ((author,),) = server.look("SELECT author FROM entries WHERE log = ? AND seq = ?", walk.room, seq)
        server.append(walk.room, author, server.event(walk.room, seq))
    await walk.told(("second time",), ("arrived too late",), ("from another room or group",))


async def repeated_commit(walk: Walk) -> None:
    """Put an old commit at the end of the log again."""
    server = walk.world.server
    query = "SELECT seq, author FROM entries WHERE log = ? AND kind = 'handshake'"
    async with walk.world.halted():
        seq, author = walk.chance.choice(server.look(query, walk.room))
        server.append(walk.room, author, server.event(walk.room, seq))


async def repeated_membership(walk: Walk) -> None:
    """Put old events about members at the end of the log again; no one is admitted or removed by it."""
    server = walk.world.server
    query = "SELECT seq, author FROM entries WHERE log = ? AND kind IN ('invited', 'joined', 'kicked')"
    async with walk.world.halted():
        for seq, author in walk.chance.choices(server.look(query, walk.room), k=3):
            server.append(walk.room, author, server.event(walk.room, seq))
    users = {member.user for member in (await walk.people[0].report(walk.room)).members}
    assert users <= walk.world.ledger.inside[walk.room]


async def left_out(walk: Walk) -> None:
    """Leave a message out for one device, and renumber the rest."""
    victim = await walk.missed(4)
    sealed = walk.world.server.sealed(walk.room)
    View(walk.room, dropped={walk.chance.choice(sealed[-3:-1])}).tell(victim.lies)
    await victim.start()
    await walk.told(("missing",))


async def turned_around(walk: Walk) -> None:
    """Turn two messages around for one device."""
    victim, ada = await walk.missed(1), walk.people[0]
    await walk.world.in_a_row(walk.room, ada, ada)
    view = View(walk.room)
    view.swap(*walk.world.server.sealed(walk.room)[-2:])
    await ada.say(walk.room)
    view.tell(victim.lies)
    await victim.start()
    await walk.told(("order",))


async def cut_off(walk: Walk) -> None:
    """Leave the newest messages out for one device, and go on."""
    victim = await walk.missed(2)
    View(walk.room, dropped=set(walk.world.server.sealed(walk.room)[-2:])).tell(victim.lies)
    await victim.start()
    await walk.people[0].say(walk.room)
    await walk.told(("missing",))


async def held_back(walk: Walk) -> None:
    """Show one device nothing of the room for a while: what no one can know of."""
    victim = walk.victim()

    def nothing(event: LogEvent) -> Sequence[LogEvent]:
        return [] if event.room == walk.room else [event]

    victim.lies.frames.append(lambda frame: nothing(frame) if isinstance(frame, LogEvent) else [frame])
    await walk.people[0].say(walk.room)


async def false_head(walk: Walk) -> None:
    """Greet one device with a head that is not so."""
    victim = walk.victim()
    victim.lies.heads(walk.room, walk.chance.choice([-3, -1, 1, 5]))
    await victim.reconnect(ready=False)


async def false_time(walk: Walk) -> None:
    """Give messages times that are not so."""
    server = walk.world.server
    victim = await walk.missed(2)
    async with walk.world.halted():
        for seq in server.sealed(walk.room)[-2:]:
            away = walk.chance.choice([-400, 400]) * 86_400_000
            server.edit("UPDATE entries SET at = at + ? WHERE log = ? AND seq = ?", away, walk.room, seq)
    await victim.start()


async def false_package(walk: Walk) -> None:
    """Hand out key packages under other devices' names while someone is admitted."""
    inside = walk.world.ledger.inside[walk.room]
    if "dan" in inside:
        await walk.world.kick(walk.room, walk.people[0], walk.guest)
    packages = [
        bytes(one)
        for (one,) in walk.world.server.look(
            "SELECT package FROM key_packages p JOIN devices d USING (device)"
            " WHERE d.account = 'spy' AND package IS NOT NULL LIMIT 2"
        )
    ]

    def changed(claimed: ClaimedKeyPackages) -> ClaimedKeyPackages:
        found = [structs.replace(one, package=packages[0]) for one in claimed.packages]
        return structs.replace(claimed, packages=tuple(found))

    for device in walk.people:
        device.lies.answers["claim"] = changed
    await walk.people[0].attempt(walk.people[0].client.invitations.send(walk.room, parse_user_name("dan")))
    await walk.guest.attempt(walk.guest.client.invitations.accept(walk.room))
    inside.add("dan")  # a member invited him: the group lets him in once it has a key package of his
    await walk.world.goes_on(walk.room, *walk.people)


async def failures(walk: Walk) -> None:
    """Refuse calls, and lose answers, while people write."""
    kinds: Sequence[Callable[[], Exception]] = (
        lambda: ApiRefusedError("Too many requests.", "rate_limited", retry_after=1),
        lambda: ServerMisbehavedError("The server answered with HTTP status 500."),
        lambda: UnreachableError("The connection broke."),
    )
    for device in walk.people:
        for call in walk.chance.sample(("claim", "commit", "group", "key_log", "welcomes"), 3):
            into = walk.chance.choice([device.lies.refusals, device.lies.lost])
            into[call] = [walk.chance.choice(kinds)() for _ in range(walk.chance.randint(1, 2))]  # type: ignore[misc]
    for device in walk.people:
        await device.queue(walk.room)
    await walk.world.until(lambda: not any(device.waiting(walk.room) for device in walk.people))


async def older_copy(walk: Walk) -> None:
    """Go on from a backup, or from an older copy of the folder."""
    world, server = walk.world, walk.world.server
    way = walk.chance.choice(["restore", "copy"])
    async with world.halted():
        kept = server.kept(way)
    await world.goes_on(walk.room, *walk.people)
    async with world.halted():
        server.go_back(kept)
    await walk.told(("older",))


async def held_back_message(walk: Walk) -> None:
    """Leave a number out for one device."""
    victim = await walk.missed(4)
    lost = walk.world.server.sealed(walk.room)[-2]
    victim.lies.events(lambda event: [] if (event.room, event.seq) == (walk.room, lost) else [event])
    await victim.start()
    await walk.told(("missing",))


async def older_for_one(walk: Walk) -> None:
    """Show one device an older history, as if the server had been restored."""
    server, victim = walk.world.server, walk.victim()
    text = await walk.people[0].say(walk.room)
    await walk.world.heard(walk.room, text, *walk.people)
    head = server.head(walk.room)
    View(walk.room, dropped=set(range(head - walk.chance.randrange(3), head + 100))).tell(victim.lies)
    if walk.chance.random() < 0.5:
        victim.lies.incarnation(new_incarnation())
    await victim.reconnect(ready=False)
    await victim.connect()  # a restored server is connected to once more, when the device is registered there
    await walk.told(("older",))


async def another_name(walk: Walk) -> None:
    """Say to one device that the logs are others, and show the same.

    It compares them all: where an act before has changed what it knew, it recreates the group first.
    """
    victim = walk.victim()
    victim.lies.incarnation(new_incarnation())
    await victim.reconnect()
    await walk.world.agreed(walk.room, *walk.people)
    await walk.world.goes_on(walk.room, *walk.people)


async def readable(walk: Walk) -> None:
    """Write something readable in someone's name."""
    server = walk.world.server
    async with walk.world.halted():
        author = walk.chance.choice(walk.people).user
        server.append(walk.room, author, Message(text=MessageText.parse("forged")))
    await walk.told(("an unencrypted message arrived",))


async def moved(walk: Walk) -> None:
    """Put a message of the one room into the other, under its author's name or another's."""
    server = walk.world.server
    async with walk.world.halted():
        author = walk.chance.choice(walk.people).user
        server.append(walk.room, author, server.event(walk.aside, server.sealed(walk.aside)[-1]))


async def other_author(walk: Walk) -> None:
    """Say of a message that someone else wrote it."""
    server = walk.world.server
    victim = await walk.missed(1)
    async with walk.world.halted():
        last = server.sealed(walk.room)[-1]
        server.edit("UPDATE entries SET author = 'cat' WHERE log = ? AND seq = ?", walk.room, last)
    await victim.start()
    await walk.told(("the server claimed something about a message",))


Act = Callable[[Walk], Awaitable[None]]
ACTS: Final[dict[str, Act]] = {
    act.__name__: act
    for act in (
        ghost, dropped_member, invented_role, invented_device, repeated_message, repeated_commit,
        repeated_membership, left_out, turned_around, cut_off, held_back, false_head, false_time,
        false_package, failures, older_copy, held_back_message, older_for_one, another_name, readable, moved,
        other_author,
    )
}  # fmt: skip
"""What the operator does, and what must be told of it."""
