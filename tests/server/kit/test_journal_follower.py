"""S1: what another process ended closes here, whatever the bus did."""

from collections.abc import Sequence

from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.names import parse_user_name
from parlour_server.kit.errors import UnavailableError
from parlour_server.kit.journal_follower import POLL_SECONDS, JournalFollower
from parlour_server.kit.store.records import JournalEntry, SessionEnded

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
        self.others: list[object] = []
        self.follower = JournalFollower(journal, self.record)

    def record(self, entry: object) -> None:
        if isinstance(entry, SessionEnded):
            self.ended.append(entry.session)
        else:
            self.others.append(entry)


async def test_a_socket_does_not_outlive_a_session_that_another_process_ended() -> None:
    """S1: each entry is reported once, and entries from before the start are not."""
    journal = ShortJournal()
    journal.entries.append(JournalEntry(7, SessionEnded(SessionId("old"), ANNA)))
    recorded = Recorder(journal)
    await recorded.follower.begin()
    journal.entries.append(JournalEntry(8, "one of the program's"))
    journal.entries.append(JournalEntry(9, SessionEnded(SessionId("new"), ANNA)))
    journal.entries.append(JournalEntry(10, "another"))
    await recorded.follower.poll()
    await recorded.follower.poll()
    assert recorded.ended == ["new"]
    assert recorded.others == ["one of the program's", "another"]


async def test_a_handler_that_fails_keeps_no_session_open() -> None:
    """S1: a fault in the program is logged; the entries after it are handled."""
    journal = ShortJournal()
    ended: list[SessionId] = []

    def broken(entry: object) -> None:
        match entry:
            case SessionEnded(session=session):
                ended.append(session)
            case _:
                raise ValueError("a fault")

    follower = JournalFollower(journal, broken)
    journal.entries.append(JournalEntry(1, "one of the program's"))
    journal.entries.append(JournalEntry(2, SessionEnded(SessionId("new"), ANNA)))
    await follower.poll()
    assert ended == ["new"]


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
