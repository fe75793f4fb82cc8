"""`init` makes a server ready, and may be run again."""

import asyncio
from pathlib import Path

import pytest

from parlour_protocol.rooms import RoomKind
from parlour_server.capabilities.diagnostics.examine import examine
from parlour_server.chat.cli import COMMAND_LINE
from parlour_server.chat.name import NAME
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.system_account import lobby, system_account
from parlour_server.core.clock import SystemClock
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.config.settings_loader import load
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.initialise import initialise
from parlour_server.host.setup.public_address import forget_running, note_running, reachable_at, running


async def test_the_lobby_is_there_and_belongs_to_the_house(store: ChatStore) -> None:
    """A public room, found by its name."""
    room = await store.rooms.find_public(lobby())
    assert room is not None
    summary = await store.rooms.summary(room, system_account())
    assert summary is not None
    assert (summary.kind, summary.name) == (RoomKind.PUBLIC, "lobby")


async def test_a_second_init_changes_nothing(folder: DataFolder) -> None:
    """Every file stays as it is, to the byte."""
    before = {path.name: path.read_bytes() for path in folder.path.iterdir() if path.suffix != ".db"}
    again = await initialise(CHAT, folder, (), SystemClock())
    after = {path.name: path.read_bytes() for path in folder.path.iterdir() if path.suffix != ".db"}
    assert again.new == ()
    assert after == before


async def test_a_second_init_adds_a_name(folder: DataFolder) -> None:
    """The configuration and the certificate get it, the pin stays."""
    first = await initialise(CHAT, folder, (), SystemClock())
    again = await initialise(CHAT, folder, ("chat.example.org",), SystemClock())
    assert again.new == ("names", "certificate")
    assert again.names == (*first.names, "chat.example.org")
    assert again.pin == first.pin
    assert (await initialise(CHAT, folder, ("chat.example.org",), SystemClock())).new == ()


@pytest.mark.parametrize("name", ["evil\nexample", "a b", "", "schön.example"])
async def test_a_name_that_is_none_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    """L23: it is refused before it stands in a file."""
    folder = CHAT.folder(tmp_path / "new")
    with pytest.raises(SetupError, match="not a host name"):
        await initialise(CHAT, folder, (name,), SystemClock())
    assert not folder.path.exists()


async def test_what_is_lost_is_made_again(folder: DataFolder) -> None:
    """A missing certificate is created again for the same key."""
    first = await initialise(CHAT, folder, (), SystemClock())
    folder.certificate.unlink()
    again = await initialise(CHAT, folder, (), SystemClock())
    assert (again.new, again.pin) == (("certificate",), first.pin)


@pytest.mark.parametrize("key", ["server.key", "keylog.key"])
async def test_a_lost_key_is_not_made_again_without_a_word(folder: DataFolder, key: str) -> None:
    """L21: clients would warn, or not know the server; that is for the operator to decide."""
    (folder.path / key).unlink()
    with pytest.raises(SetupError, match=rf"{key} is missing.*--replace-lost-keys"):
        await initialise(CHAT, folder, (), SystemClock())
    with pytest.raises(SetupError, match=rf"{key} is missing"):
        folder.require()
    assert not (folder.path / key).exists()
    await initialise(CHAT, folder, (), SystemClock(), replace_lost_keys=True)
    folder.require()


async def test_links_have_the_address_of_the_running_server(folder: DataFolder) -> None:
    """The port that was really taken; the configured one when nothing runs."""
    settings = load(folder.settings, CHAT.settings_type, NAME, environment={})
    assert reachable_at(folder, settings).authority == "127.0.0.1:8443"
    with locked(folder):
        note_running(folder, "127.0.0.1", 4711)
        assert reachable_at(folder, settings).authority == "127.0.0.1:4711"
        forget_running(folder)
        assert running(folder) is None


async def test_a_killed_server_is_not_taken_for_a_running_one(folder: DataFolder) -> None:
    """Its note stays behind, with the number of a process that is another's now; the lock is gone."""
    note_running(folder, "127.0.0.1", 4711)
    assert running(folder) is None
    with locked(folder):
        assert running(folder) == ("127.0.0.1", 4711)
        folder.running.write_text("damaged")
        assert running(folder) is None


async def test_links_have_the_name_that_was_given_to_init(folder: DataFolder) -> None:
    """A name for other machines goes before the loopback address, with the balancer's port if it has one."""
    await initialise(CHAT, folder, ("chat.example.org",), SystemClock())
    with locked(folder):
        note_running(folder, "127.0.0.1", 4711)
        settings = load(folder.settings, CHAT.settings_type, NAME, environment={})
        assert reachable_at(folder, settings).authority == "chat.example.org:4711"
    listen = {"listen.names": ["localhost", "chat.example.org:443"]}
    settings = load(folder.settings, CHAT.settings_type, NAME, environment={}, flags=listen)
    assert reachable_at(folder, settings).authority == "chat.example.org:443"
    forget_running(folder)


@pytest.mark.parametrize(
    ("names", "proxies", "is_unknown"),
    [
        (["chat.example.org"], ["192.0.2.1"], True),
        (["chat.example.org:443", "localhost"], ["192.0.2.1"], False),
        (["chat.example.org"], [], False),
    ],
)
async def test_the_port_of_a_balancer_has_to_be_said(
    folder: DataFolder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    proxies: list[str],
    *,
    is_unknown: bool,
) -> None:
    """The server can't know it: `invite create` warns beside the link, and `doctor` says so."""
    monkeypatch.setenv("PARLOUR_LISTEN_NAMES", ",".join(names))
    monkeypatch.setenv("PARLOUR_LISTEN_PROXIES", ",".join(proxies))
    invite = ["invite", "create", "--data", str(folder.path)]
    assert await asyncio.to_thread(COMMAND_LINE.run, invite) == 0
    told = capsys.readouterr()
    assert ("people come through a load balancer" in told.err) is is_unknown
    assert "load balancer" not in told.out
    findings, _ = await asyncio.to_thread(examine, CHAT, folder)
    assert ("invite" in {one.about for one in findings}) is is_unknown
    assert await asyncio.to_thread(COMMAND_LINE.run, [*invite, "--address", "chat.example.org:443"]) == 0
    assert "load balancer" not in capsys.readouterr().err


@pytest.mark.parametrize(("host", "level"), [("0.0.0.0", "advice"), ("::", "advice"), ("127.0.0.1", "fine")])  # noqa: S104
async def test_doctor_looks_at_the_server_that_runs(folder: DataFolder, host: str, level: str) -> None:
    """O3: `run --listen` overrides the configuration, so the report is about that."""
    with locked(folder):
        note_running(folder, host, 4711)
        findings, _ = examine(CHAT, folder)
    [found] = [finding for finding in findings if finding.about == "listen"]
    assert found.level == level
    assert "4711" in found.text
    assert "the configuration says 127.0.0.1:8443" in found.text
