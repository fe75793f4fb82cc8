"""M30: heads are signed for many records together, and published in the database and to a command."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.server.capabilities.audit_chain.audit_world import AuditWorld, record
from tests.server.fakes import StoppedClock

from parlour_server.capabilities.audit_chain.head_publisher import HeadPublisher
from parlour_server.capabilities.audit_chain.settings import AuditSettings
from parlour_server.capabilities.audit_chain.store import AuditHeads
from parlour_server.chat.store.chat_store import ChatStore


@pytest.fixture
def world(tmp_path: Path) -> AuditWorld:
    """Return an empty folder."""
    return AuditWorld(tmp_path / "log")


async def test_a_head_for_many_records(world: AuditWorld, store: ChatStore) -> None:
    """M30: one signature for all records since the last, the same in the file and in the database."""
    file = world.start()
    publisher = HeadPublisher(file, AuditHeads(store), AuditSettings(), StoppedClock())
    for _ in range(2):
        record(file, 50)
        await publisher.publish()
        await publisher.publish()  # nothing is new
    await publisher.close()
    assert sum(b"audit_head" in line for line in world.lines) == 3
    known = await AuditHeads(store).all()
    assert known[file.chain].signed == file.signed
    world.known = known
    assert world.check().faults == []


async def test_the_last_records_of_a_run(world: AuditWorld, store: ChatStore) -> None:
    """M30: a server that stops publishes the head of everything."""
    file = world.start()
    publisher = HeadPublisher(file, AuditHeads(store), AuditSettings(), StoppedClock())
    record(file, 5)
    await publisher.close()
    [chain] = world.check().chains
    assert chain.unsigned == 0
    assert (await AuditHeads(store).all())[file.chain].signed.records == 6


async def give(world: AuditWorld, store: ChatStore, command: str, until: Callable[[], object]) -> None:
    """Publish a head, and run the command until something has happened."""
    file = world.start()
    publisher = HeadPublisher(file, AuditHeads(store), AuditSettings(head_command=command), StoppedClock())
    await publisher.publish()
    task = asyncio.create_task(publisher.run_command())
    async with asyncio.timeout(120):
        while not until():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    await publisher.close()


async def test_the_command_gets_the_head(
    world: AuditWorld, store: ChatStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M30: as `audit head` prints it; and none of the server's environment, which has passwords."""
    monkeypatch.setenv("PGPASSWORD", "CANARY")
    script = tmp_path / "keep.py"
    script.write_text(
        "import json, os, pathlib, sys\n"
        "made = pathlib.Path(sys.argv[1])\n"
        "made.with_suffix('.part').write_text(json.dumps([sys.stdin.read(), dict(os.environ)]))\n"
        "made.with_suffix('.part').rename(made)\n"
    )
    made = tmp_path / "made"
    await give(world, store, f"{sys.executable} {script} {made}", made.exists)
    text, environment = json.loads(made.read_text())
    assert json.loads(text)["records"] == 0
    assert "CANARY" not in str(environment)


@pytest.mark.parametrize(("command", "why"), [("/does/not/exist", "No such file"), ("false", "status is 1")])
async def test_a_command_that_fails(
    world: AuditWorld, store: ChatStore, own_logs: list[dict[str, object]], command: str, why: str
) -> None:
    """M30: the server goes on, and its log says that no head was kept."""

    def warnings() -> list[dict[str, object]]:
        return [event for event in own_logs if event["event"] == "audit_head_command_failed"]

    await give(world, store, command, warnings)
    [warning] = warnings()
    assert why in str(warning["why"])
