"""How much of Parlour one has to know to follow a message, a connection, a login, a start, or a command.

Traced in the real server and the real client by `tools/walks.py`. The bounds stand in
`docs/explanation/architecture.md` and may only be lowered: whoever needs one more file for a walk takes
another one out of it. Those of the client are two above what is traced most often, because of timers.
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
from tools.walks import ROOT, Files

from parlour_server.chat.program import CHAT
from parlour_server.core.clock import SystemClock
from parlour_server.host.setup.initialise import initialise

PAGE: Final = ROOT / "docs" / "explanation" / "architecture.md"
PACKAGES: Final = ("server", "client", "protocol")
_ROW: Final = re.compile(r"^\| ([a-z, ]+) \| [^|]+ \| (\d*) ?\| (\d*) ?\| (\d*) ?\|$", re.MULTILINE)

ADDRESS_BAN: Final = 78
"""The most modules of Parlour that `address ban` may import: a ceiling that may only be lowered.

What a server lists of each capability is not counted: what it is, its commands and its settings.
"""


@pytest.fixture(scope="module")
def walks() -> dict[str, Files]:
    """Return the walks, traced in a process of their own."""
    command = [sys.executable, "-m", "tools.walks", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert done.returncode == 0, done.stderr
    return {name: tuple(files) for name, files in json.loads(done.stdout).items()}


@pytest.mark.long
def test_each_walk_enters_no_more_files_than_it_did(walks: dict[str, Files]) -> None:
    """A file more is one more that everyone has to open who follows the walk."""
    rows = _ROW.finditer(PAGE.read_text("utf-8"))
    most: dict[str, dict[str, int]] = {
        row[1]: dict(zip(PACKAGES, map(_number, row.groups()[1:]), strict=True)) for row in rows
    }
    assert set(walks) == set(most)
    for name, files in walks.items():
        found = Counter(file.partition("/")[0] for file in files)
        over = {package: count for package, count in found.items() if count > most[name][package]}
        assert not over, f"{name}: {over}, at most {most[name]}; {', '.join(files)}"


def _number(cell: str) -> int:
    return int(cell or 0)


_LISTED = re.compile(r"parlour_server\.(chat\.)?capabilities\.\w+(\.commands|\.settings)?")
IMPORTED = """
import atexit, sys
from parlour_server.chat.cli import main
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
