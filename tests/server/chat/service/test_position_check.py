"""The position check: regularly by the clock, at once when the bus lost something, and in one query."""

import pytest
from tests.server.chat.service.fakes import FakePeer, World, settle
from tests.server.chat.service.test_hub import text_message, two_in_a_room

from parlour_protocol.ids import RoomId
from parlour_server.app.log import gap_filler, position_check
from parlour_server.app.log.log import log_subject
from parlour_server.app.log.position_check import ALONE_SECONDS, LONGEST_SECONDS, PositionCheck
from parlour_server.chat.service.hub import Hub
from parlour_server.core.bus.bus import LossHandler
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.testing.clock import FakeClock


class ReportingBus(LocalBus):
    """A bus that reports losses when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.report: LossHandler = lambda _: None

    def on_loss(self, handler: LossHandler) -> None:
        self.report = handler


class Checked:
    """A check of a world's rooms, with a bus and a clock of its own."""

    def __init__(self, chat: World, *, is_shared: bool = True) -> None:
        self.bus, self.clock = ReportingBus(), FakeClock()
        self.background = BackgroundTasks()
        self.hub: Hub = chat.program.hub
        self.check = PositionCheck(
            fanout=self.hub.fanout,
            bus=self.bus,
            clock=self.clock,
            background=self.background,
            is_shared=is_shared,
        )


@pytest.fixture
def checked(chat: World, monkeypatch: pytest.MonkeyPatch) -> Checked:
    """Give a check of this world."""
    monkeypatch.setattr(gap_filler, "_WAIT", 0.0)
    return Checked(chat)


async def test_it_finds_within_a_second_what_no_one_announced(chat: World, checked: Checked):
    """The last event, in one query for all rooms; the next check finds nothing."""
    ada, bob, room = await two_in_a_room(chat)
    for number in range(10):
        await chat.make_room(ada, f"other{number}")
    checked.background.start("checks", checked.check.run(), lambda: None)
    await settle()
    chat.elsewhere(room, "ada", text_message("the last"))
    for _ in range(3):
        chat.store.reads.clear()
        checked.clock.forward(LONGEST_SECONDS)
        await settle()
        assert chat.store.reads.count("heads") == 1
    assert bob.texts(room) == ["the last"]
    assert checked.check.done == 3
    assert checked.check.behind == 1
    await checked.background.close()


async def test_the_only_server_of_a_database_looks_as_well(chat: World, monkeypatch: pytest.MonkeyPatch):
    """Less often: what a fault kept from being published is found in seconds, not with the next event."""
    monkeypatch.setattr(gap_filler, "_WAIT", 0.0)
    _, bob, room = await two_in_a_room(chat)
    alone = Checked(chat, is_shared=False)
    alone.background.start("checks", alone.check.run(), lambda: None)
    await settle()
    chat.elsewhere(room, "ada", text_message("the last"))
    alone.clock.forward(LONGEST_SECONDS)
    await settle()
    assert bob.texts(room) == []
    alone.clock.forward(ALONE_SECONDS)
    await settle()
    assert bob.texts(room) == ["the last"]
    await alone.background.close()


async def test_it_goes_on_when_the_store_cannot_answer(chat: World, checked: Checked):
    """The next check is soon."""
    _, bob, room = await two_in_a_room(chat)
    checked.background.start("checks", checked.check.run(), lambda: None)
    await settle()
    chat.elsewhere(room, "ada", text_message("the last"))
    chat.store.down = True
    checked.bus.report(None)
    checked.clock.forward(LONGEST_SECONDS)
    await settle()
    assert bob.texts(room) == []
    chat.store.down = False
    checked.clock.forward(LONGEST_SECONDS)
    await settle()
    assert bob.texts(room) == ["the last"]
    await checked.background.close()


async def test_a_loss_is_looked_at_at_once(chat: World, checked: Checked):
    """After a reconnection all rooms; for a new subject only its room."""
    ada, bob, room = await two_in_a_room(chat)
    quiet = await chat.make_room(ada, "quiet")
    for subjects, found in ((None, [room, quiet]), ({log_subject(quiet), "user.ada"}, [quiet])):
        chat.elsewhere(room, "bob", text_message("one"))
        chat.elsewhere(quiet, "ada", text_message("two"))
        ada.frames.clear()
        checked.bus.report(subjects)
        await settle()
        assert _rooms_of(ada, (room, quiet)) == found
    assert bob.texts(room) == ["one"]
    checked.bus.report(set())
    checked.bus.report({"user.ada"})
    await settle()
    await checked.background.close()


async def test_losses_during_a_check_are_one_more_check(chat: World, checked: Checked):
    """However many a slow server reports."""
    await two_in_a_room(chat)
    held = chat.store.hold("heads")
    for _ in range(100):
        checked.bus.report(None)
    await settle()
    assert chat.store.reads.count("heads") == 1
    for _ in range(100):
        checked.bus.report(None)
    held.set()
    await settle()
    assert chat.store.reads.count("heads") == 2
    await checked.background.close()


async def test_many_rooms_are_asked_for_in_parts(
    chat: World, checked: Checked, monkeypatch: pytest.MonkeyPatch
):
    """A query stays short."""
    monkeypatch.setattr(position_check, "_LOGS", 3)
    ada = await chat.connect("ada")
    rooms = [await chat.make_room(ada, f"room{number}") for number in range(7)]
    for room in rooms:
        chat.elsewhere(room, "ada", text_message("last"))
    await checked.check.check()
    await settle()
    assert chat.store.reads.count("heads") == 3
    assert [ada.texts(room) for room in rooms] == [["last"]] * 7
    await checked.background.close()


def _rooms_of(peer: FakePeer, rooms: tuple[RoomId, ...]) -> list[RoomId]:
    return [room for room in rooms if peer.texts(room)]
