"""Pages that can be followed to the letter: their blocks with the mark `run` are run in a shell, in order.

A real server and real clients do what the page says. What a page shows as printed must be printed: `…` stands
for anything within a line, and on a line of its own for any lines. A command may fail only if the page shows
its error. Ports are replaced by free ones, and the home folder is empty.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
from tests.docs.pages import Block, Page, pages
from tests.ports import free_port

PLAYED = [page for page in pages() if any("run" in block.marks for block in page.blocks)]
PORTS = ("8443", "9464")
ERROR = re.compile(r"^parlour(-server)?: ", re.MULTILINE)
END = "-- the command has ended:"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not all(map(which, ("bash", "curl"))), reason="bash or curl is not installed"),
]


class Shell:
    """One bash, as a reader of the page has it open."""

    def __init__(self, home: Path) -> None:
        programs = Path(sys.executable).parent
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],  # noqa: S607 - bash of the developer
            cwd=home,
            env={
                "HOME": str(home),
                "PATH": f"{programs}:{os.environ['PATH']}",
                "LANG": "C.UTF-8",
                "USER": os.environ.get("USER", "root"),
                "TMPDIR": str(home),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[str, int]:
        """Run a command; return what it printed, and its status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{{ {command}\n}} </dev/null\necho; echo '{END}' $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(END):
                return "".join(lines).removesuffix("\n"), int(line.rsplit(" ", 1)[1])
            lines.append(line)
        raise AssertionError(f"the shell ended in {command}: {''.join(lines)}")

    def close(self) -> None:
        """End the shell, and all that it started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def steps(block: Block) -> Iterator[tuple[str, str]]:
    """Return the commands of a block, each with what is shown as printed."""
    command, shown, more = "", "", False
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], ""
        elif more:
            command += f"\n{line.removeprefix('> ')}"
        else:
            shown += f"{line}\n"
        more = line.endswith("\\") and not shown
    if command:
        yield command, shown


def pattern(shown: str) -> str:
    """Return the expression for what is shown."""
    lines = shown.rstrip("\n").split("\n")
    parts = [
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\s*\n" for line in lines
    ]
    return "".join(parts)


def with_ports(page: Page, found: dict[str, str]) -> list[Block]:
    """Return the blocks to run, with ports that are free."""
    blocks = [block for block in page.blocks if "run" in block.marks]
    for port, free in found.items():
        blocks = [
            Block(block.language, block.marks, block.text.replace(port, free), block.line) for block in blocks
        ]
    return blocks


@pytest.fixture
def ports() -> dict[str, str]:
    """Return a free port for each that pages name."""
    first = free_port(successive=len(PORTS))
    return {port: str(first + number) for number, port in enumerate(PORTS)}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Return a shell with an empty home folder."""
    found = Shell(tmp_path)
    yield found
    found.close()


@pytest.mark.parametrize("page", PLAYED, ids=lambda page: str(page.path))
def test_the_page_can_be_followed(page: Page, ports: dict[str, str], shell: Shell) -> None:
    """Each command does what the page says, and prints what it shows."""
    for block in with_ports(page, ports):
        for command, shown in steps(block):
            printed, status = shell.run(command)
            where = f"{page.path}:{block.line}\n$ {command}\n{printed}"
            assert status == 0 or ERROR.search(shown), f"{where}status {status}"
            assert not shown or re.fullmatch(pattern(shown), printed), f"{where}instead of\n{shown}"


def test_what_is_shown_is_compared() -> None:
    """Only an ellipsis stands for something else."""
    assert re.fullmatch(pattern("ada  since …\n"), "ada  since 2030-01-01\n")
    assert re.fullmatch(pattern("first\n…\nlast\n"), "first\n1\n2\nlast\n")
    assert not re.fullmatch(pattern("ada  since …\n"), "ben  since 2030-01-01\n")
    assert not re.fullmatch(pattern("first\n"), "first\nsecond\n")
    block = Block("console", frozenset(), "$ one \\\n>   two\nshown\n$ three\n", 1)
    assert list(steps(block)) == [("one \\\n  two", "shown\n"), ("three", "")]


def test_there_is_a_page_to_follow() -> None:
    """The operator's day."""
    assert "docs/tutorials/operators-day.md" in {str(page.path) for page in PLAYED}
