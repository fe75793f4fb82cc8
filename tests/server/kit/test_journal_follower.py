"""S1: what another process ended closes here, whatever the bus did."""

from collections.abc import Sequence

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq, SessionId
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_server.kit.errors import UnavailableError
from parlour_server.kit.journal_follower import POLL_SECONDS, JournalFollower
from parlour_server.kit.store.records import JournalEntry, SessionEnded
from parlour_server.store.types import DevicesChanged, RoomAdvanced

ANNA = parse_user_name("anna")


class ShortJournal:
    """A journal that can be unreadable."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.broken = False

    async def head(self) -> int:
        return self.entries[-1].number if self.entries else 0

    async def since(self, number: int) -> Sequence[JournalEntry]:
        if self.broken:
            raise UnavailableError
        return [entry for entry in self.entries if entry.number > number]


class Recorder:
    """Records the calls of a follower."""

    def __init__(self, journal: ShortJournal) -> None:
        self.ended: list[SessionId] = []
        self.advanced: list[tuple[RoomId, Seq, Seq]] = []
        self.changed: list[UserName] = []
        self.follower = JournalFollower(
            journal, self.ended.extend, lambda *what: self.advanced.append(what), self.changed.append
        )


async def test_a_socket_does_not_outlive_a_session_that_another_process_ended() -> None:
    """S1: each entry is reported once, and entries from before the start are not."""
    journal = ShortJournal()
    journal.entries.append(JournalEntry(7, SessionEnded(SessionId("old"), ANNA)))
    recorded = Recorder(journal)
    await recorded.follower.begin()
    journal.entries.append(JournalEntry(8, SessionEnded(SessionId("new"), ANNA)))
    journal.entries.append(JournalEntry(9, RoomAdvanced(RoomId("room"), Seq(3))))
    journal.entries.append(JournalEntry(10, DevicesChanged(ANNA)))
    journal.entries.append(JournalEntry(11, RoomAdvanced(RoomId("room"), Seq(4))))
    journal.entries.append(JournalEntry(12, RoomAdvanced(RoomId("other"), Seq(1))))
    await recorded.follower.poll()
    await recorded.follower.poll()
    assert recorded.ended == ["new"]
    assert recorded.advanced == [("room", 3, 4), ("other", 1, 1)]
    assert recorded.changed == [ANNA]


async def test_an_unreadable_journal_is_read_again() -> None:
    """Nothing is lost by a store that cannot answer for a while."""
    journal = ShortJournal()
    recorded = Recorder(journal)
    await recorded.follower.begin()
    journal.entries.append(JournalEntry(1, SessionEnded(SessionId("new"), ANNA)))
    journal.broken = True
    await recorded.follower.poll()
    await recorded.follower.poll()
    assert recorded.ended == []
    journal.broken = False
    await recorded.follower.poll()
    assert recorded.ended == ["new"]


def test_it_looks_often_enough_for_a_second() -> None:
    """S1 promises one second; a quarter leaves room for a slow disk."""
    assert POLL_SECONDS <= 0.25
