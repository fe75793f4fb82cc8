"""Each extra of the client can be taken out: its folder, and the lines that name it in one tuple."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parlour_client.demo.people import sign_up
from parlour_client.demo.script import SERVER
from parlour_client.kit.demo_server import demo_server
from parlour_protocol.kit.secret import Secret

CLIENT = Path(__file__).parents[2] / "client" / "parlour_client"
LIST = Path("extras", "__init__.py")
NAMES = sorted(path.stem for path in (CLIENT / LIST.parent).iterdir() if not path.name.startswith("__"))
"""Folders and files."""

STARTS = """
import asyncio, os, sys
from pathlib import Path
import parlour_client
from parlour_client.cli.root import guarded
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.client import Client
from parlour_client.extras import EXTRAS
from parlour_client.plain.line_mode import run
from parlour_client.ui.app import ParlourApp

home = ChatHome(Path(sys.argv[1]))

async def on_the_screen():
    app = ParlourApp(Client(home), folder=home.folder)
    async with app.run_test(size=(170, 40)) as pilot:
        await app.workers.wait_for_complete()
        await app.client.connection.ready()
        await pilot.press("f1", "escape", "f10", "escape", *"hello", "enter")
        while not any(one.text == "hello" and one.seq for one in app.screen.pane.timeline.entries):
            await pilot.pause(0.02)  # what comes over the network has no event to wait for here

async def in_the_line_mode():
    read, write = os.pipe()
    os.write(write, b"/last\\nhello again\\n/help all\\n/quit\\n")
    os.close(write)
    lines = []
    assert await run(Client(home), read, lines.append) == 0
    assert any("hello" in line for line in lines), lines

assert guarded(["--help"]) == 0
asyncio.run(on_the_screen())
asyncio.run(in_the_line_mode())
assert guarded(["--home", str(home.folder), "search", "hello"]) == 0
print(parlour_client.__file__, len(EXTRAS))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the home of someone who is signed up at a server."""
    folder = tmp_path_factory.mktemp("home") / "ada"
    runner = asyncio.Runner()
    server = demo_server(SERVER)
    try:
        running = runner.run(server.__aenter__())
        link = runner.run(running.invite(1))
        runner.run(sign_up(folder, "ada", link, Secret.random()))
        yield folder
    finally:
        runner.run(server.__aexit__(None, None, None))
        runner.close()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the client, compiled once."""
    copy = tmp_path_factory.mktemp("copy") / CLIENT.name
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@contextmanager
def without(copy: Path, *gone: str) -> Iterator[None]:
    """Take these extras out of the copy, and the lines that name them."""
    listed = copy / LIST
    kept = listed.read_text("utf-8")
    aside = copy.with_name("aside")
    aside.mkdir()
    try:
        for name in gone:
            place = copy / LIST.parent / name
            place = place if place.is_dir() else place.with_suffix(".py")
            place.rename(aside / place.name)
        lines = kept.splitlines(keepends=True)
        listed.write_text("".join(line for line in lines if not any(_names(one, line) for one in gone)))
        yield
    finally:
        for place in aside.iterdir():
            place.rename(copy / LIST.parent / place.name)
        aside.rmdir()
        listed.write_text(kept, "utf-8")


def _names(extra: str, text: str) -> bool:
    return re.search(rf"\b{extra}\b", text) is not None


def start(copy: Path, home: Path) -> int:
    """Start the copy in each of its three ways; returns how many extras it has."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", STARTS, str(home)],
        env={**os.environ, "PYTHONPATH": str(copy.parent)},
        cwd=copy.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    place, count = done.stdout.split()[-2:]
    assert Path(place).parent == copy
    return int(count)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_names_it(name: str) -> None:
    """Neither the core nor a front end, nor another extra."""
    found = [
        f"{path.relative_to(CLIENT)}: {line.strip()}"
        for path in [*CLIENT.rglob("*.py"), *CLIENT.rglob("*.tcss")]
        if CLIENT / LIST.parent / name not in (*path.parents, path.with_suffix("")) and path != CLIENT / LIST
        for line in path.read_text("utf-8").splitlines()
        if _names(name, line.partition("  #")[0])
    ]
    assert found == []


def test_the_client_starts_without_any(copy: Path, home: Path) -> None:
    """Someone writes on the screen, and reads it in the line mode and in the shell."""
    with without(copy, *NAMES):
        assert start(copy, home) == 0


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_client_starts_without_it(name: str, copy: Path, home: Path) -> None:
    """The same with all others."""
    with without(copy, name):
        assert start(copy, home) == len(NAMES) - 1
