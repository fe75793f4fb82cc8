"""Several servers on one PostgreSQL: with a bus that loses everything, and with a real NATS between them.

Without the bus a server learns from the journal (read four times a second) and from the position check (once
a second): here each happens when a test says so, and once is enough.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from secrets import token_hex

import pytest
from tests.nats import server as nats_server
from tests.server.chat.service.disk import DiskWorld
from tests.server.chat.service.fakes import FakeClock, FakePeer, settle, stored

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.opaque import LogEntryBytes, PublicKey
from parlour_protocol.frames.replies import (
    Entered,
    InvitationReceived,
    InvitationWithdrawn,
    KeyLogAppended,
    Ok,
    RoomClosed,
    RoomEntered,
)
from parlour_protocol.frames.requests import (
    Accept,
    Decline,
    Invite,
    Join,
    Kick,
    Leave,
    OpenDirect,
    Send,
    Typing,
    Uninvite,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import ACCOUNT_DISABLED, SESSION_ENDED
from parlour_server.app.kit_notices import KIT_NOTICES
from parlour_server.app.log import gap_filler
from parlour_server.capabilities.nats.address import NatsAddress
from parlour_server.capabilities.nats.bus import NatsBus
from parlour_server.chat.program import CHAT
from parlour_server.chat.service.notices import NOTICES
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.tables.authority import ByOperator, BySession
from parlour_server.core.bus.bus import Bus
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.clock import SystemClock
from parlour_server.host.journal_follower import JournalFollower
from tests import postgres


class Node(DiskWorld):
    """One of the servers, and the people who are connected to it."""

    def __init__(self, store: ChatStore, bus: Bus) -> None:
        super().__init__(store, bus)
        self._follower = JournalFollower(store.journal, self.chat.journal)

    @classmethod
    async def start(cls, stack: AsyncExitStack, store: ChatStore, bus: Bus) -> "Node":
        """Serve until the stack is closed."""
        await store.open()
        stack.push_async_callback(store.close)
        await bus.open()
        stack.push_async_callback(bus.close)
        node = cls(store, bus)
        stack.push_async_callback(node.chat.close)
        await node._follower.begin()
        return node

    async def read_journal(self) -> None:
        """Do what happens four times a second."""
        await self._follower.poll()
        await settle()

    async def check_positions(self) -> None:
        """Do what happens once a second."""
        await self.program.positions.check()
        await settle()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill gaps at once."""
    monkeypatch.setattr(gap_filler, "_WAIT", 0.0)


@pytest.fixture
async def deaf() -> AsyncIterator[tuple[Node, Node]]:
    """Start two servers whose bus loses everything that is for the other."""
    async with AsyncExitStack() as stack:
        yield (await _start(stack, LocalBus()), await _start(stack, LocalBus(), new=False))


@pytest.fixture
async def three() -> AsyncIterator[tuple[Node, Node, Node]]:
    """Start three servers with NATS between them."""
    prefix = f"parlour.{token_hex(8)}"

    def bus() -> NatsBus:
        address = NatsAddress.parse(nats_server().url)
        return NatsBus(address, (*KIT_NOTICES, *NOTICES), prefix=prefix, clock=SystemClock())

    async with AsyncExitStack() as stack:
        one, two, three = [await _start(stack, bus(), new=number == 0) for number in range(3)]
        yield one, two, three


async def _start(stack: AsyncExitStack, bus: Bus, *, new: bool = True) -> Node:
    engine = postgres.database("chat", CHAT.schema) if new else postgres.again("chat", CHAT.schema)
    return await Node.start(stack, CHAT.make_store(engine, FakeClock(), tells_by_bus=True), bus)


async def shared_room(one: Node, two: Node) -> tuple[FakePeer, FakePeer, RoomId]:
    """Connect Ada to one server and Bob to the other, in one room."""
    ada = await one.connect("ada")
    room = await one.make_room(ada, "lounge")
    bob = await two.connect("bob")
    assert isinstance(await two.ask(bob, Join, room=room), Ok)
    return ada, bob, room


class TestWithoutTheBus:
    async def test_the_last_event_of_a_silent_room_is_found(self, deaf: tuple[Node, Node]):
        """No gap shows it, and no one appends another one: one query finds those of all rooms."""
        one, two = deaf
        ada, bob, room = await shared_room(one, two)
        stored(await one.ask(ada, Send, room=room, text="the last"))
        await settle()
        assert bob.texts(room) == []
        await two.check_positions()
        await bob.until(lambda: bob.texts(room) == ["the last"])
        assert two.program.positions.behind == 1
        await two.check_positions()
        assert two.program.positions.behind == 1
        assert bob.texts(room) == ["the last"]

    async def test_someone_who_enters_or_leaves_elsewhere_is_told(self, deaf: tuple[Node, Node]):
        """The room has no listener here: the journal names who it concerns."""
        one, two = deaf
        ada = await one.connect("ada")
        room = await one.make_room(ada, "lounge")
        phone, laptop = await one.connect("bob"), await two.connect("bob")
        assert isinstance(await one.ask(phone, Join, room=room), Ok)
        await two.read_journal()
        await laptop.until(lambda: [each.room.room for each in laptop.got(RoomEntered)] == [room])
        stored(await one.ask(ada, Kick, room=room, user="bob"))
        await two.read_journal()
        await laptop.until(lambda: laptop.got(RoomClosed))
        stored(await one.ask(ada, Send, room=room, text="about bob"))
        await two.check_positions()
        assert laptop.texts(room) == []
        refused = await two.ask(laptop, Send, room=room, text="not any more")
        assert getattr(refused, "code", None) == ErrorCode.FORBIDDEN

    async def test_a_kick_is_found_by_the_position_check_too(self, deaf: tuple[Node, Node]):
        """S4: whichever comes first."""
        one, two = deaf
        ada, bob, room = await shared_room(one, two)
        await one.check_positions()
        stored(await one.ask(ada, Kick, room=room, user="bob"))
        await two.check_positions()
        await bob.until(lambda: bob.got(RoomClosed))

    async def test_an_invitation_arrives_and_goes(self, deaf: tuple[Node, Node]):
        """It is of no room that anyone listens to here."""
        one, two = deaf
        ada, bob = await one.connect("ada"), await two.connect("bob")
        room = await one.make_room(ada, "den", "private")
        stored(await one.ask(ada, Invite, room=room, user="bob"))
        await two.read_journal()
        await bob.until(lambda: [each.invitation.room for each in bob.got(InvitationReceived)] == [room])
        stored(await one.ask(ada, Uninvite, room=room, user="bob"))
        await two.read_journal()
        await bob.until(lambda: bob.got(InvitationWithdrawn))

    async def test_a_direct_room_and_its_answers_reach_all_devices(self, deaf: tuple[Node, Node]):
        """Its log names only one of the two."""
        one, two = deaf
        ada = await one.connect("ada")
        phone, laptop = await one.connect("bob"), await two.connect("bob")
        answer = await one.ask(ada, OpenDirect, user="bob")
        assert isinstance(answer, Ok)
        assert isinstance(answer.result, Entered)
        room = answer.result.room.room
        await two.read_journal()
        await laptop.until(lambda: [each.room.request for each in laptop.got(RoomEntered)] == [True])
        assert isinstance(await one.ask(phone, Accept, room=room), Ok)
        await two.read_journal()
        await laptop.until(lambda: [each.room.request for each in laptop.got(RoomEntered)] == [True, False])
        other = await one.connect("cora")
        answer = await one.ask(other, OpenDirect, user="bob")
        assert isinstance(answer, Ok)
        assert isinstance(answer.result, Entered)
        await two.read_journal()
        await laptop.until(lambda: len(laptop.got(RoomEntered)) == 3)
        assert isinstance(await one.ask(phone, Decline, room=answer.result.room.room), Ok)
        await two.read_journal()
        await laptop.until(lambda: laptop.got(RoomClosed))

    async def test_ended_sessions_and_revoked_devices_close_sockets(self, deaf: tuple[Node, Node]):
        """S1, S5: a session that ends, an account that is disabled, a device that is revoked, elsewhere."""
        one, two = deaf
        ended, gone, phone, laptop = [
            await two.connect(name, keys=keys)
            for name, keys in (("ada", False), ("bob", False), ("cora", True), ("cora", True))
        ]
        await one.disk.sessions.end(ByOperator(ended.info.grant.user), ended.info.grant.session)
        await one.disk.accounts.set_disabled(ByOperator(gone.info.grant.user), disabled=True)
        user, device = phone.info.grant.user, phone.info.grant.device_id
        key = await one.disk.devices.account_key(user)
        assert key is not None
        assert device is not None
        entry = LogEntryBytes(b"revoked")
        await one.disk.devices.revoke(
            BySession(user, laptop.info.grant.session), device, PublicKey(key), entry
        )
        await two.read_journal()
        assert [peer.ended for peer in (ended, gone, phone)] == [
            SESSION_ENDED,
            ACCOUNT_DISABLED,
            SESSION_ENDED,
        ]
        assert laptop.ended is None
        await laptop.until(lambda: laptop.got(KeyLogAppended))


class TestOverNats:
    async def test_an_event_reaches_everyone_and_only_those_servers(self, three: tuple[Node, Node, Node]):
        """A server that no member is connected to hears nothing of the room."""
        one, two, idle = three
        ada, bob, room = await shared_room(one, two)
        await _listening(two.bus)
        for number in range(20):
            stored(await one.ask(ada, Send, room=room, text=f"{number}"))
        await bob.until(lambda: len(bob.texts(room)) == 20)
        stored(await two.ask(bob, Send, room=room, text="back"))
        await ada.until(lambda: "back" in ada.texts(room))
        one.push(ada, Typing, room=room, on=True)
        await settle()
        await _listening(idle.bus)
        assert isinstance(idle.bus, NatsBus)
        assert idle.bus.counts.received == 0

    async def test_what_the_bus_told_is_not_told_again_by_the_journal(self, three: tuple[Node, Node, Node]):
        """One frame for each change, wherever it was made."""
        one, two, _ = three
        ada = await one.connect("ada")
        phone, laptop = await one.connect("bob"), await two.connect("bob")
        await _listening(two.bus)
        den = await one.make_room(ada, "den", "private")
        stored(await one.ask(ada, Invite, room=den, user="bob"))
        await laptop.until(lambda: laptop.got(InvitationReceived))
        answer = await one.ask(ada, OpenDirect, user="bob")
        assert isinstance(answer, Ok)
        assert isinstance(answer.result, Entered)
        direct = answer.result.room.room
        await laptop.until(lambda: laptop.got(RoomEntered))
        assert isinstance(await one.ask(phone, Accept, room=direct), Ok)
        await laptop.until(lambda: len(laptop.got(RoomEntered)) == 2)
        lounge = await one.make_room(ada, "lounge")
        assert isinstance(await one.ask(phone, Join, room=lounge), Ok)
        await laptop.until(lambda: len(laptop.got(RoomEntered)) == 3)
        stored(await one.ask(phone, Leave, room=lounge))
        await laptop.until(lambda: laptop.got(RoomClosed))
        for peer in (phone, laptop):
            peer.frames.clear()
        for node in (one, two):
            await node.read_journal()
            await node.check_positions()
            await node.disk.journal.head()  # behind the reads of what was found
            await settle()
        assert [(type(frame), frame) for peer in (phone, laptop) for frame in peer.frames] == []

    async def test_an_event_from_before_the_subscription_stood_is_found(self, three: tuple[Node, Node, Node]):
        """The bus reports each new subject as lost until then, and its room is looked at now."""
        one, two, _ = three
        ada = await one.connect("ada")
        room = await one.make_room(ada, "lounge")
        bob = await two.connect("bob")
        assert isinstance(await two.ask(bob, Join, room=room), Ok)
        stored(await one.ask(ada, Send, room=room, text="early"))
        await bob.until(lambda: bob.texts(room) == ["early"])


async def _listening(bus: Bus) -> None:
    """Wait until a server's subjects are listened to, and it has had what was published before."""
    assert isinstance(bus, NatsBus)
    losses: list[object] = []
    bus.on_loss(losses.append)
    name = f"room.{token_hex(4)}"
    bus.listen(name)
    while not any(isinstance(found, set) and name in found for found in losses):
        await settle()
