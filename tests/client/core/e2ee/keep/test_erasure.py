"""Old pages leave the write-ahead log though someone reads it, and old epochs' keys the archive."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import apsw
import pytest
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.core_fake import FakeClock
from tests.client.core.e2ee.harness import Harness, Threads
from tests.client.core.e2ee.test_orchestration import pair

from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.keep.renew import Erasure
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.world import BackgroundTasks


@dataclass
class World:
    """An archive whose log another program reads."""

    folder: Path
    archive: Archive
    other: Archive
    clock: FakeClock = field(default_factory=FakeClock)
    threads: Threads = field(default_factory=Threads)
    background: BackgroundTasks = field(default_factory=BackgroundTasks)

    def __post_init__(self) -> None:
        """Make what is tested."""
        keys = cast("Keys", SimpleNamespace(maybe_groups=None))
        world = cast("Any", SimpleNamespace(archive=self.archive, clock=self.clock, tasks=self.background))
        self.erasure = Erasure(world, keys)

    @property
    def log(self) -> int:
        """Return how many bytes of old pages there are."""
        return (self.folder / "archive.db-wal").stat().st_size

    async def wait(self, seconds: float = 0) -> None:
        """Let time pass, and what is due be done."""
        self.clock.advance(seconds)
        for _ in range(5):
            await self.threads.rest()

    async def write(self) -> None:
        """Write something over."""
        await self.archive.write(lambda c: c.execute("REPLACE INTO ignored VALUES ('eve')"))
        assert self.log

    async def read(self) -> None:
        """Begin to read, as another program."""
        await self.other.read(_begin)

    async def let_go(self) -> None:
        """End that."""
        await self.other.read(lambda c: c.execute("ROLLBACK"))


def _begin(connection: apsw.Connection) -> None:
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM ignored").fetchall()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Return an archive that two programs have open."""
    archive, other = [await Archive.open(tmp_path / "archive.db", tmp_path / "key") for _ in range(2)]
    made = World(tmp_path, archive, other)
    yield made
    await made.background.stop()
    await archive.close()
    await other.close()


async def test_an_epoch_that_ended_leaves_no_old_pages(world: World) -> None:
    """At once, where no one reads."""
    await world.write()
    world.erasure.epoch_ended()
    await world.wait()
    assert world.log == 0


async def test_a_reader_puts_it_off_and_does_not_prevent_it(world: World) -> None:
    """It is tried again, seldom more often than it may help, until it was done."""
    await world.read()
    await world.write()
    world.erasure.epoch_ended()
    await world.wait()
    assert world.log
    await world.wait(0.5)
    assert world.log
    await world.let_go()
    await world.wait(0.9)
    assert world.log
    await world.wait(0.1)
    assert world.log == 0


async def test_what_another_program_left_is_erased_within_a_minute(world: World) -> None:
    """It was asked for an epoch's end, could not, and has ended."""
    world.erasure.start()
    await world.wait()
    await world.read()
    await world.write()
    await world.let_go()
    await world.wait(59)
    assert world.log
    await world.wait(1)
    assert world.log == 0


async def test_the_end_of_the_program_is_the_last_chance(world: World) -> None:
    """And a reader that stays is no one's fault: the other program erases it."""
    await world.write()
    await world.erasure.stop()
    assert world.log == 0
    await world.read()
    await world.write()
    await world.erasure.stop()
    assert world.log


async def test_a_running_client_forgets_past_epochs_by_its_own_clock(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No event has to come for it."""
    monkeypatch.setattr(Scheduler, "renew", lambda *_: None)
    ana, ben, room = await pair(harness)
    await encrypted_rooms(ana).reconciler.renew(room)
    await harness.quiet()

    async def past() -> list[int]:
        return [
            len((await parts(c).archive.read(encrypted_rooms(c).keys.groups.stored, room)).ended)
            for c in (ana, ben)
        ]

    assert await past() == [2, 1]
    await harness.until_true(past, [0, 0], advance=1.0)
