"""How much of Parlour one has to know to follow a message, a connection, a login, a start, or a command.

Traced in the real server and the real client by `tools/walks.py`. The bounds are what there is today, and may
only be lowered: whoever needs one more file for a walk takes another one out of it.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from tools.walks import PAGE, ROOT, Files, listed, merged, told, written

from parlour_server.chat_program import CHAT
from parlour_server.kit.clock import SystemClock
from parlour_server.kit.setup.initialise import initialise

BOUNDS: Final = {
    "login": {"server": 45},
    "connection": {"server": 61},
    "message": {"server": 38},
    "start": {"client": 187, "protocol": 32},
    "received, open": {"client": 88, "protocol": 11},
    "sent, open": {"client": 110, "protocol": 13},
    "received, encrypted": {"client": 113, "protocol": 30},
    "sent, encrypted": {"client": 144, "protocol": 30},
}
"""The most files of each package that a walk may enter: ceilings that may only be lowered."""

ADDRESS_BAN: Final = 213
"""The most modules of Parlour that `address ban` may import: a ceiling that may only be lowered.

What a server lists of each capability is not counted: what it is, its commands, and its settings.
"""


@pytest.fixture(scope="module")
def walks() -> dict[str, Files]:
    """Return the walks, traced in a process of their own."""
    command = [sys.executable, "-m", "tools.walks", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert done.returncode == 0, done.stderr
    return {name: tuple(files) for name, files in json.loads(done.stdout).items()}


def test_each_walk_enters_no_more_files_than_it_did(walks: dict[str, Files]) -> None:
    """A file more is one more that everyone has to open who follows the walk."""
    assert set(walks) == set(BOUNDS)
    before = told((ROOT / PAGE).read_text(encoding="utf-8"))
    more = []
    for name, files in walks.items():
        for package, count in Counter(file.partition("/")[0] for file in files).items():
            if count > (most := BOUNDS[name].get(package, 0)):
                new = sorted(set(listed(walks)[name]) - set(before.get(name, ())))
                more.append(f"{name}: {count} files of the {package}, at most {most}; new: {new}")
    assert not more, "\n".join(more)


def test_the_walks_are_told_as_they_are(walks: dict[str, Files]) -> None:
    """`python -m tools.walks` writes them again. Their order is one that was traced, if not the last one."""
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    before = told(text)
    now = listed(walks)
    new = {name: sorted(set(files) - set(before.get(name, ()))) for name, files in now.items()}
    gone = {name: sorted(set(before.get(name, ())) - set(files)) for name, files in now.items()}
    assert not any(new.values()), f"not in {PAGE}: {new}"
    assert not any(gone.values()), f"still in {PAGE}: {gone}"
    assert written(text, before) == text, f"{PAGE}: the files say something else of themselves now"


def test_a_walk_keeps_its_order() -> None:
    """A file that is gone leaves the others where they are, and a new one stands where it is entered."""
    assert merged(("a", "b", "c", "d"), ("a", "new", "c", "b")) == ("a", "new", "b", "c")
    assert merged((), ("a", "b")) == ("a", "b")
    assert merged(("b",), ("a", "b")) == ("a", "b")


_LISTED = re.compile(r"parlour_server\.capabilities\.\w+(\.commands|\.settings)?")
IMPORTED = """
import atexit, sys
from parlour_server.cli import main
loaded = lambda: [name for name in sys.modules if name.startswith("parlour_")]
atexit.register(lambda: print(*loaded(), file=sys.stderr))
main()
"""


def test_a_small_command_imports_a_part_of_the_server(tmp_path: Path) -> None:
    """`address ban`, when it really bans."""
    data = tmp_path / "data"
    asyncio.run(initialise(CHAT, CHAT.folder(data), (), SystemClock()))
    command = [sys.executable, "-c", IMPORTED, "address", "ban", "--data", str(data), "203.0.113.7"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    assert "203.0.113.7" in done.stdout
    modules = [name for name in done.stderr.split() if not _LISTED.fullmatch(name)]
    assert len(modules) <= ADDRESS_BAN, f"{len(modules)}: {modules}"
