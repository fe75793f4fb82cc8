"""Each capability of the server can be taken out: its folder, and the lines that name it in one tuple."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "server" / "parlour_server"
LISTS = (SERVER / "capabilities" / "__init__.py", SERVER / "chat" / "capabilities" / "__init__.py")
"""Of every server, and the chat's own."""
FOLDERS = {
    path.parent.name: path.parent for one in LISTS for path in sorted(one.parent.glob("*/__init__.py"))
}
NAMES = sorted(FOLDERS)


STARTS = """
import asyncio, sys
from pathlib import Path
import parlour_server
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import LogEvent, Ok
from parlour_protocol.frames.requests import ListMembers, Send
from parlour_protocol.kit.ids import new_request_id
from parlour_server.chat.program import CHAT
from parlour_server.testing.server import running

async def main():
    async with running(CHAT, Path(sys.argv[1])) as world:
        ada = await (await world.person("ada")).connect()
        bob = await (await world.person("bob")).connect()
        (lobby,) = bob.greeted.rooms
        sent = Send(id=new_request_id(), room=lobby.room, text=MessageText("hello"))
        assert isinstance(await ada.ask(sent), Ok)
        while True:
            frame = await bob.push()
            if isinstance(frame, LogEvent) and getattr(frame.body, "text", "") == "hello":
                break
        assert isinstance(await bob.ask(ListMembers(id=new_request_id(), room=lobby.room)), Ok)
    print(parlour_server.__file__, *(one.name for one in CHAT.capabilities))

asyncio.run(main())
"""


def copy_without(folder: Path, *gone: str) -> Path:
    """Copy the server, without these capabilities and the lines that name them."""
    copy = folder / "parlour_server"
    removed = {FOLDERS[name] for name in gone}

    def ignored(place: str, names: list[str]) -> list[str]:
        return [name for name in names if name == "__pycache__" or Path(place) / name in removed]

    shutil.copytree(SERVER, copy, ignore=ignored)
    for one in LISTS:
        listed = copy / one.relative_to(SERVER)
        lines = listed.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not any(_names(name, line) for name in gone)]
        listed.write_text("".join(kept), "utf-8")
    return folder


def _names(capability: str, text: str) -> bool:
    return re.search(rf"\b{capability}\b", text) is not None


def run(copy: Path, *arguments: str) -> str:
    """Run Python on the copy; returns what it prints."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(copy)},
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def attack(copy: Path) -> None:
    """Play the kit's attacks on a program that stands on the copy."""
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider"]
    run(copy, "-m", "pytest", "-q", *settings, str(ROOT / "examples" / "ticker" / "tests"))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_names_it(name: str) -> None:
    """Neither the core nor a program, nor another capability."""
    found = [
        f"{path.relative_to(SERVER)}: {line.strip()}"
        for path in SERVER.rglob("*.py")
        if FOLDERS[name] not in path.parents and path not in LISTS
        for line in path.read_text("utf-8").splitlines()
        if _names(name, line)
    ]
    assert found == []


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_chat_runs_without_it(name: str, tmp_path: Path) -> None:
    """Its commands do, and its server, on which two people chat."""
    copy = copy_without(tmp_path, name)
    assert "init" in run(copy, "-m", "parlour_server", "--help")
    place, *others = run(copy, "-c", STARTS, str(tmp_path / "data")).split()
    assert Path(place).parents[1] == copy
    assert sorted([*others, name]) == NAMES


def test_the_chat_runs_without_any(tmp_path: Path) -> None:
    """Two people chat on what is left."""
    copy = copy_without(tmp_path, *NAMES)
    assert "init" in run(copy, "-m", "parlour_server", "--help")
    assert len(run(copy, "-c", STARTS, str(tmp_path / "data")).split()) == 1


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_core_alone_withstands_the_attacks(tmp_path: Path) -> None:
    """No capability carries a guarantee."""
    attack(copy_without(tmp_path, *NAMES))


@pytest.mark.skipif("PARLOUR_SOAK" not in os.environ, reason="PARLOUR_SOAK plays the attacks without each")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_the_attacks_fail_without_it(name: str, tmp_path: Path) -> None:
    """All of them, on a server that lacks this capability only."""
    attack(copy_without(tmp_path, name))
