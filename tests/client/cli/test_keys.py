"""`keys audit`: what it prints, for people and for scripts, and its status."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.client.core.core_fake import ALICE, Desk, FakeServer
from tests.client.core.e2ee.memory_server import MemoryServer

from parlour_client.cli.keys import _audit
from parlour_client.core import client as client_module
from parlour_client.core.client import Client
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.kit.errors import SetupError
from parlour_protocol.kit.names import parse_user_name

BEN = parse_user_name("ben")


@pytest.fixture
async def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Desk, MemoryServer]:
    """Return a home, and what its server has of everyone's keys."""
    server = FakeServer()
    desk = Desk(tmp_path / "home", server)
    await desk.sign_in()
    memory = MemoryServer(desk.clock)
    memory.swap_account_key(BEN, AccountKey.generate())
    line = memory.open_line(ALICE)
    made: Callable[..., Client] = partial(
        Client, clock=desk.clock, dial=lambda _: server.dial, delivery=lambda _: line
    )
    monkeypatch.setattr(client_module, "Client", made)
    return desk, memory


async def test_an_audit_of_an_honest_log(
    keys: tuple[Desk, MemoryServer], capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts, the root, and that nothing was found."""
    desk, memory = keys
    assert not await _audit(desk.home, memory.server, after=0, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"The key log of {memory.server}: entries 3, accounts 2, devices 1, revocations 0.",
        f"Root: {memory.head().root.hex()}",
        "Nothing was found.",
    ]


async def test_a_replaced_key_is_named_until_it_was_reported(
    keys: tuple[Desk, MemoryServer], capsys: pytest.CaptureFixture[str]
) -> None:
    """With its entry; `--after` leaves out what an earlier audit reported."""
    desk, memory = keys
    memory.swap_account_key(BEN, AccountKey.generate())
    number = len(memory.entries)
    assert await _audit(desk.home, None, after=0, as_json=False)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"Entry {number} (20")
    assert last.endswith("): ben's account key was replaced by another one.")
    assert await _audit(desk.home, None, after=number - 1, as_json=True)
    about, found = map(json.loads, capsys.readouterr().out.splitlines())
    assert (about["accounts"], about["root"]) == (2, memory.head().root.hex())
    assert (found["entry"], found["found"]) == (number, "ben's account key was replaced by another one.")
    assert not await _audit(desk.home, None, after=len(memory.entries), as_json=False)


async def test_another_server_is_not_audited(keys: tuple[Desk, MemoryServer]) -> None:
    """The account has no session there."""
    desk, _ = keys
    with pytest.raises(SetupError, match="This account is at"):
        await _audit(desk.home, "elsewhere.example", after=0, as_json=False)
