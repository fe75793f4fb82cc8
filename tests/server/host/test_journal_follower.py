"""S1: what another process ended closes here, whatever the bus did."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.server.core.store.world import FakeClock
from tests.server.shop_database import PROGRAM

from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import parse_user_name
from parlour_server.app.program_store import ProgramStore
from parlour_server.core.store.engine.journal import note_changed, note_session_ended
from parlour_server.core.store.records import Changed, SessionEnded
from parlour_server.host.journal_follower import POLL_SECONDS, JournalFollower

ANNA = parse_user_name("anna")


@pytest.fixture
async def store(kit_database: Path) -> AsyncIterator[ProgramStore]:
    """Return the store of a program."""
    opened = ProgramStore(kit_database, PROGRAM, FakeClock())
    await opened.open()
    yield opened
    await opened.close()


async def end(store: ProgramStore, session: str) -> None:
    """End a session, as far as the journal knows."""
    await store.writer.submit(lambda db: note_session_ended(db, Millis(1), SessionId(session), ANNA))


async def change(store: ProgramStore, what: str) -> None:
    """Change something that servers have to read again."""
    await store.writer.submit(lambda db: note_changed(db, Millis(1), what))


class Recorder:
    """Records the calls of a follower."""

    def __init__(self, store: ProgramStore) -> None:
        self.ended: list[SessionId] = []
        self.others: list[object] = []
        self.follower = JournalFollower(store.journal, self.record)

    def record(self, entry: object) -> None:
        if isinstance(entry, SessionEnded):
            self.ended.append(entry.session)
        else:
            self.others.append(entry)


async def test_a_socket_does_not_outlive_a_session_that_another_process_ended(store: ProgramStore) -> None:
    """S1: each entry is reported once, and entries from before the start are not."""
    await end(store, "old")
    recorded = Recorder(store)
    await recorded.follower.begin()
    await change(store, "this")
    await end(store, "new")
    await change(store, "that")
    await recorded.follower.poll()
    await recorded.follower.poll()
    assert recorded.ended == ["new"]
    assert recorded.others == [Changed("this"), Changed("that")]


async def test_a_handler_that_fails_keeps_no_session_open(store: ProgramStore) -> None:
    """S1: a fault in the program is logged; the entries after it are handled."""
    ended: list[SessionId] = []

    def broken(entry: object) -> None:
        match entry:
            case SessionEnded(session=session):
                ended.append(session)
            case _:
                raise ValueError("a fault")

    follower = JournalFollower(store.journal, broken)
    await change(store, "this")
    await end(store, "new")
    await follower.poll()
    assert ended == ["new"]


async def test_an_unreadable_journal_is_read_again(store: ProgramStore) -> None:
    """Nothing is lost by a store that cannot answer for a while."""
    recorded = Recorder(store)
    await recorded.follower.begin()
    await end(store, "new")
    await store.writer.submit(lambda db: db.execute("ALTER TABLE journal RENAME TO elsewhere"))
    await recorded.follower.poll()
    await recorded.follower.poll()
    assert recorded.ended == []
    await store.writer.submit(lambda db: db.execute("ALTER TABLE elsewhere RENAME TO journal"))
    await recorded.follower.poll()
    assert recorded.ended == ["new"]


def test_it_looks_often_enough_for_a_second() -> None:
    """S1 promises one second; a quarter leaves room for a slow disk."""
    assert POLL_SECONDS <= 0.25
