"""What was acknowledged survives: the process killed, the disk full, the file at its size limit."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.server.chat.store.world import FakeClock, World, allow, message

from parlour_protocol.frames.bodies import Message
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.errors import UnavailableError

ROOT = Path(__file__).parents[5]

APPENDER = """
import asyncio, sys
from pathlib import Path
from tests.server.chat.store.world import FakeClock, World, message
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore

async def main():
    store = CHAT.make_store(Path(sys.argv[1]), FakeClock())
    await store.open()
    world = World(store, FakeClock())
    alice = await world.account("alice")
    room = await world.room(alice)
    print(room, flush=True)

    async def talk(name):
        number = 0
        while True:
            stored = await world.append(room, alice, message(f"{name}.{number}"))
            sys.stdout.write(f"{stored.entry.seq} {name}.{number}\\n")
            sys.stdout.flush()
            number += 1

    await asyncio.gather(*(talk(name) for name in range(8)))

asyncio.run(main())
"""


async def test_killing_the_process_loses_nothing_acknowledged(database: Path, clock: FakeClock) -> None:
    """After SIGKILL every acknowledged event is in the database with its number, without gaps."""
    process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own code; the loop has nothing else to do
        [sys.executable, "-c", APPENDER, str(database)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    room = process.stdout.readline().strip()
    acknowledged = [process.stdout.readline() for _ in range(500)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [line for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    process.wait()
    reported = dict(line.split() for line in acknowledged)

    store = CHAT.make_store(database, clock)
    await store.open()
    events = await World(store, clock).events(room)  # type: ignore[arg-type]
    await store.close()
    stored = {str(event.seq): event.body.text for event in events if isinstance(event.body, Message)}
    assert len(reported) >= 500
    assert reported.items() <= stored.items()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_a_full_disk_stores_nothing_half_and_heals(world: World, store: ChatStore) -> None:
    """Events without disk space are refused and leave nothing; earlier and later ones are stored."""
    alice = await world.account("alice")
    room = await world.room(alice)
    pages = await store._writer.submit(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await store._writer.submit(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 10}"))
    futures = [
        store.log.append(world.event(room, alice, message(f"{i}" + "x" * 4000)), allow) for i in range(50)
    ]
    ended = await asyncio.gather(*futures, return_exceptions=True)
    assert {type(end) for end in ended} >= {UnavailableError}
    reported = [end.entry for end in ended if not isinstance(end, BaseException)]
    assert (await world.events(room))[1:] == reported
    summary = await store.rooms.summary(room, alice)
    assert summary is not None
    assert summary.head == 1 + len(reported)

    await store._writer.submit(lambda db: db.execute("PRAGMA max_page_count = 1000000"))
    await store.check()
    assert (await world.append(room, alice, message())).entry.seq == summary.head + 1


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from tests.server.chat.store.world import FakeClock, World, message
from parlour_server.core.errors import UnavailableError
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore

async def main():
    store = CHAT.make_store(Path(sys.argv[1]), FakeClock())
    await store.open()
    world = World(store, FakeClock())
    alice = await world.account("alice")
    room = await world.room(alice)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    acknowledged = 0
    for text in ("x" * 4000, "x"):
        try:
            while True:
                await world.append(room, alice, message(text))
                acknowledged += 1
        except UnavailableError:
            pass
    try:
        while True:  # a check takes less room than a message
            await store.check()
    except UnavailableError:
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await store.check()
    last = await world.append(room, alice, message())
    assert last.entry.seq == acknowledged + 2, (last.entry.seq, acknowledged)
    assert [event.seq for event in await world.events(room)] == list(range(1, acknowledged + 3))
    await store.close()
    print("healed")

asyncio.run(main())
"""


def test_a_file_that_cannot_grow_heals(database: Path) -> None:
    """When files cannot grow (as on a full disk), writes and the check fail whole; then they work again."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", LIMITED, str(database)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.stdout, done.returncode) == ("healed\n", 0), done.stderr
