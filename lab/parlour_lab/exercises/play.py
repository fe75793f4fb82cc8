"""Starts the server of an exercise, gives a shell to attack it from, and keeps what was solved."""

import code
import difflib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from platformdirs import user_state_path

from parlour_lab.exercises.bench import Bench
from parlour_lab.exercises.table import EXERCISES, Exercise
from parlour_lab.rows import Row, RowError, rows
from parlour_lab.scratch import Scratch
from parlour_lab.source import Source
from parlour_lab.target import LabServer, prepare

TOOLS: Final = """\
lab.session("mallory")       your session; ada and ben have one, too
lab.ticket()                 a new ticket
lab.socket(origin="…")       a WebSocket, with headers as you like
                             it has .send(…), .ask("rooms", 1), .receive() and .lobby, the id of a room
lab.frame(b"…", mask=False)  the bytes of a frame; lab.request("rooms", 1) those of a request
lab.api("GET", "/v1/…", session=lab.session())    a call of the HTTPS API
lab.plain(b"…")              bytes without TLS
lab.operator_ends_mallory()  the operator ends your sessions
lab.log()                    the server's log
lab.hint()                   three hints, one after the other
lab.flag()                   the flag, when your attack has worked"""


def exercise(number: int) -> Exercise:
    """Return an exercise, from 1. Raises RowError if there is none."""
    if not 1 <= number <= len(EXERCISES):
        raise RowError(f"There are exercises 1 to {len(EXERCISES)}.")
    return EXERCISES[number - 1]


@contextmanager
def bench_of(chosen: Exercise, source: Source, prepared: Path | None = None) -> Iterator[Bench]:
    """Start a server without the exercise's defence, on loopback; it ends with the block.

    ``prepared`` has a data folder with people in it (``target.prepare``), which takes seconds to make.
    """
    with tempfile.TemporaryDirectory(prefix="parlour-exercise-") as name:
        folder = Path(name)
        if prepared is None:
            prepared = folder / "prepared"
            prepared.mkdir()
            prepare(prepared)
        copy = Scratch(folder / "copy", source)
        server = LabServer(folder / "server", prepared, chosen.configuration, as_command=True)
        bench = Bench(server, f"parlour{{{secrets.token_hex(8)}}}", chosen.hints, chosen.is_solved)
        try:
            with copy.without(_row(chosen).defences), _python_path(copy.paths):
                server.start(*chosen.arguments)
            yield bench
        finally:
            bench.close()
            server.kill()


def mended(chosen: Exercise, source: Source) -> str:
    """Return the lines that close the weakness, as a diff from the server that was attacked."""
    found: list[str] = []
    for file in dict.fromkeys(one.file for one in _row(chosen).defences):
        whole = source.read(file)
        without = whole
        for one in _row(chosen).defences:
            if one.file == file:
                without = without.replace(one.text, one.replacement)
        found += difflib.unified_diff(
            without.splitlines(), whole.splitlines(), f"without/{file}", file, n=3, lineterm=""
        )
    return "\n".join(found)


def play(number: int, source: Source) -> int:
    """Give the shell of an exercise; returns 0 if it was solved."""
    chosen, progress = exercise(number), progress_file()
    click.echo(f"Exercise {number} of {len(EXERCISES)}. A server is being started that lacks one defence …")
    with bench_of(chosen, source) as bench:
        where = f"{bench.server.name}:{bench.server.port}"
        click.echo(f"It listens on {where}. Find out which one, and attack.\n\n{TOOLS}\n")
        code.interact(banner="", local={"lab": bench}, exitmsg="")
        if not bench.is_solved:
            click.echo("Not solved yet. `lab.hint()` helps.")
            return 1
        hints = f"{bench.hints_given} hint{'s' * (bench.hints_given != 1)}"
        click.echo(f"Solved, with {hints}. {chosen.weakness}\n\nThese lines close it:\n")
    click.echo(mended(chosen, source))
    note_solved(number, progress)
    return 0


def progress_file() -> Path:
    """Return where it is kept what was solved."""
    return user_state_path("parlour", appauthor=False) / "exercises.json"


def solved(progress: Path) -> set[int]:
    """Return the numbers of the exercises that were solved."""
    try:
        found = json.loads(progress.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {one for one in found if isinstance(one, int)} if isinstance(found, list) else set()


def note_solved(number: int, progress: Path) -> None:
    """Note that an exercise was solved."""
    progress.parent.mkdir(parents=True, exist_ok=True)
    progress.write_text(json.dumps(sorted(solved(progress) | {number})), encoding="utf-8")


def overview(progress: Path) -> str:
    """Return the exercises, with a mark at those that were solved. The weakness is told of these only."""
    done = solved(progress)
    lines = [
        f"{'✓' if number in done else ' '} {number:>2}  {one.weakness if number in done else '…'}"
        for number, one in enumerate(EXERCISES, 1)
    ]
    return "\n".join(
        [*lines, "", f"{len(done)} of {len(EXERCISES)} solved. `parlour lab --exercise N` starts one."]
    )


def _row(chosen: Exercise) -> Row:
    return rows()[chosen.row]


@contextmanager
def _python_path(paths: list[str]) -> Iterator[None]:
    """Have Python find these packages first in processes that are started meanwhile."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
