"""When a message of ours makes the client look at its group: only where the rule may say something."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

from parlour_client.core.e2ee.group.report import GroupReport
from parlour_client.core.e2ee.group.run import Receipt
from parlour_client.core.e2ee.group.store import GroupStatus
from parlour_client.core.e2ee.keep.renew import DAY, MINUTE, MOST_UNSEEN, OWN_MESSAGES, Renewal
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.rooms import RoomKind

ROOM = RoomId("r" * 22)
ME, BOB = parse_user_name("alice"), parse_user_name("bob")
START = Millis(1_790_000_000_000)


@dataclass
class World:
    """Archive, keys, keeper and clock at once; ``seen`` is what a look sees."""

    seen: GroupReport
    kind: RoomKind = RoomKind.PRIVATE
    at: int = START
    looks: int = 0
    renewals: int = 0
    waiting: list[Any] = field(default_factory=list)
    state: Any = None
    clock: Any = None
    chance: Any = None
    me = ME

    def __post_init__(self) -> None:
        """Make the thing under test."""
        this = cast("Any", self)
        self.state = self.clock = this
        self.chance = Random(1)  # noqa: S311 - spreads alone
        self.renewal = Renewal(this, this, this)

    async def report(self, _room: RoomId) -> GroupReport:
        """Count a look at the group."""
        self.looks += 1
        return self.seen

    def summary(self, _room: RoomId) -> Any:
        """Return what has the room's kind."""
        return self

    def now(self) -> Millis:
        """Return the time."""
        return Millis(self.at)

    def later(self, room: RoomId, work: Any) -> None:
        """Keep what must be done in the background."""
        self.waiting.append(work(room))

    def renew(self, _room: RoomId, _seconds: float) -> None:
        """Count a renewal."""
        self.renewals += 1

    async def send(self, count: int = 1) -> None:
        """Send messages, one after the other."""
        for _ in range(count):
            self.renewal.sent(ROOM)
            self.seen = GroupReport(
                GroupStatus.ACTIVE, members=self.seen.members, joined=self.seen.joined,
                own_since=self.seen.own_since, sent=self.seen.sent + 1,
            )  # fmt: skip
            for one in self.waiting:
                await one
            self.waiting.clear()

    def hear(self, *, moved: bool = False) -> None:
        """Take in something that is not a message."""
        self.renewal.received(ROOM, Receipt([], Seq(1), moved=moved))
        for one in self.waiting:
            one.close()
        self.waiting.clear()

    def bob_said(self) -> None:
        """Let bob be who spoke last."""
        self.renewal._last[ROOM] = BOB


def group(sent: int = 0, own_since: Millis | None = START) -> GroupReport:
    """Return a group of three."""
    members = cast("Any", [None] * 3)
    return GroupReport(GroupStatus.ACTIVE, members=members, joined=START, own_since=own_since, sent=sent)


async def test_few_messages_make_it_look() -> None:
    """One look, then none for as many messages as are allowed."""
    world = World(group())
    await world.send(1 + MOST_UNSEEN)
    assert world.looks == 1
    await world.send()
    assert world.looks == 2
    assert not world.renewals


async def test_the_two_hundredth_message_renews() -> None:
    """However seldom it looked before, the message that fills the measure is looked at."""
    world = World(group())
    await world.send(OWN_MESSAGES - 1)
    assert not world.renewals
    await world.send()
    assert world.renewals == 1
    assert world.looks < OWN_MESSAGES / 5


async def test_it_looks_each_time_while_a_renewal_is_due() -> None:
    """A renewal that was not made yet is asked for again."""
    world = World(group(own_since=None))
    await world.send(3)
    assert (world.looks, world.renewals) == (3, 3)


async def test_a_day_ends_the_quiet() -> None:
    """What was said a day after the last renewal is looked at."""
    world = World(group())
    await world.send(2)
    world.at = START + DAY
    await world.send()
    assert (world.looks, world.renewals) == (2, 1)


async def test_a_new_epoch_ends_the_quiet() -> None:
    """The group may be another one."""
    world = World(group())
    await world.send(2)
    world.hear()
    await world.send()
    assert world.looks == 1
    world.hear(moved=True)
    await world.send()
    assert world.looks == 2


async def test_a_turn_counts_in_a_direct_room_alone() -> None:
    """There it heals, at most once a minute; in a group room a turn is nothing."""
    for kind, wanted in ((RoomKind.PRIVATE, (1, 0)), (RoomKind.DIRECT, (2, 1))):
        world = World(group(), kind)
        await world.send(2)
        world.bob_said()
        world.at += MINUTE
        await world.send()
        assert (world.looks, world.renewals) == wanted


async def test_who_spoke_before_the_program_began_may_have_been_the_other_one() -> None:
    """A program that says one thing and ends heals a direct room like one that stays."""
    world = World(group(), RoomKind.DIRECT)
    world.at += MINUTE
    await world.send()
    assert world.renewals == 1
