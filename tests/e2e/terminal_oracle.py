"""The terminal oracle: the real client shows every text of a corpus in every place, and nothing of it acts.

`python tests/e2e/terminal_oracle.py FILE` takes the format of the text corpus. It starts `parlour chat` on a
pseudo-terminal against a hostile server, at two sizes, reads every byte strictly and draws it on terminals
that disagree about widths. It prints a line per failure and `N passed, M failed`; 0 means that all passed.
"""

# ruff: noqa: T201 - a script that people read
import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # as a script it finds its parts as the tests do

from tests.e2e.oracle import dialogs, lists, plain, reading, refusals, sealed_stages, stages
from tests.e2e.oracle.encrypted_rooms import EncryptedRooms
from tests.e2e.oracle.hostile_server import HostileServer
from tests.e2e.oracle.run import CLIENT, Failure, H, Stage, client_on
from tests.protocol.kit.text.corpus import CorpusError, Entry, load

SIZES = ((80, 40), (132, 60))
Open = Sequence[Stage[HostileServer]]
READING: Open = (
    stages.timeline,
    stages.slots,
    stages.directory,
    stages.search,
    stages.notices,
    stages.names,
    reading.told,
    reading.nothing_typed,
)
ACTING: Open = (
    dialogs.whole,
    dialogs.one_line,
    dialogs.hints,
    dialogs.files,
    dialogs.pictures,
    lists.outbox,
    reading.nothing_typed,
)
LISTS: Open = (lists.thread, lists.history, lists.pins, lists.bans, lists.sessions, reading.nothing_typed)
SETTLED = 0.5
"""Seconds without output after which the client has begun: what is typed before that may wait for a room."""
OPEN = {"reading": READING, "acting": ACTING, "lists": LISTS}
SEALED: Sequence[Stage[EncryptedRooms]] = (
    sealed_stages.sealed_timeline,
    sealed_stages.sealed_refusals,
    sealed_stages.device_screens,
    reading.nothing_typed,
)


async def show(
    entries: Sequence[Entry], part: int, *, command: Sequence[str] = CLIENT, chosen: Open = READING
) -> list[Failure]:
    """Show all texts in open rooms at one size; return what was wrong."""
    server = HostileServer()
    stages.furnish(server, entries)
    lists.furnish(server, entries, part)
    dialogs.furnish(server, entries, part)
    return await _shown(server, entries, part, command, chosen)


async def show_sealed(
    entries: Sequence[Entry],
    part: int,
    *,
    command: Sequence[str] = CLIENT,
    chosen: Sequence[Stage[EncryptedRooms]] = SEALED,
) -> list[Failure]:
    """Show all texts in encrypted rooms at one size; return what was wrong."""
    return await _shown(sealed_stages.encrypted_rooms_of(entries), entries, part, command, chosen)


async def _shown(
    server: H, entries: Sequence[Entry], part: int, command: Sequence[str], chosen: Sequence[Stage[H]]
) -> list[Failure]:
    with tempfile.TemporaryDirectory() as folder:
        async with client_on(server, Path(folder), SIZES[part], entries, command) as run:
            run.part = part
            await run.terminal.shows(f"{min(server.names.values())} (")  # in its composer
            await run.terminal.until(lambda _text: not run.terminal.has("not connected"), "the connection")
            await run.terminal.quiet(SETTLED)
            for stage in chosen:
                run.stage = stage.__name__
                await stage(run)
    return run.failures


async def show_lines(
    entries: Sequence[Entry], part: int, *, command: Sequence[str] = CLIENT
) -> list[Failure]:
    """Let the line mode say all texts, of open rooms or of encrypted ones; return what was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder), SIZES[part], entries, command, plain.ARGUMENTS, plain.QUIT
        if part:
            async with client_on(sealed_stages.encrypted_rooms_of(entries, said=False), *where) as sealed:
                await plain.sealed_lines(sealed)
            return sealed.failures
        server = HostileServer()
        server.room("a-timeline")
        lists.furnish(server, entries, part)
        server.listing = stages.listed(entries)
        async with client_on(server, *where) as run:
            await plain.lines(run)
        return run.failures


async def refuse(
    entries: Sequence[Entry], part: int, command: Sequence[str] = refusals.COMMAND
) -> list[Failure]:
    """Send what the wire must refuse; return what was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        return await refusals.show(entries, part, Path(folder), command)


JOBS = ("acting", "sealed", "reading", "lists", "lines")
"""The longest first: each is a client of its own, at each size."""
LATE = ("never shown: ", "was not written", "did not ask for something")
"""What stands in failures that a machine may be guilty of that did ten other things."""


def jobs() -> list[tuple[str, int]]:
    """Return each job with each size, the longest first."""
    return [(name, part) for name in JOBS for part in range(len(SIZES))]


def do(job: tuple[str, int], path: Path) -> list[Failure]:
    """Do one job; once more if something did not come in time, but never if something was drawn wrongly."""
    entries = load(path)
    failures = _do(job, entries)
    if failures and all(any(words in what for words in LATE) for _, _, what in failures):
        print(f"once more, something was late: {job}, {failures}", file=sys.stderr)
        return _do(job, entries)
    return failures


def _do(job: tuple[str, int], entries: Sequence[Entry]) -> list[Failure]:
    name, part = job
    match name:
        case "sealed":
            return asyncio.run(show_sealed(entries, part))
        case "lines":
            return asyncio.run(refuse(entries, part)) + asyncio.run(show_lines(entries, part))
        case _:
            return asyncio.run(show(entries, part, chosen=OPEN[name]))


def judge(path: Path) -> tuple[int, list[Failure]]:
    """Return how many texts there are, and the failures at both sizes. Raises CorpusError."""
    total = len(load(path))
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        found = pool.map(partial(do, path=path), jobs())
        return total, [failure for failures in found for failure in failures]


def main(arguments: list[str] | None = None) -> int:
    """Judge the file; return the exit status."""
    parser = argparse.ArgumentParser(prog="terminal_oracle.py", description=__doc__)
    parser.add_argument("file", type=Path, help="texts in the format of the corpus")
    options = parser.parse_args(arguments)
    try:
        total, failures = judge(options.file)
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 2
    for place, text, what in failures:
        print(f"FAILED {place}: {text!a}: {what}")
    failed = min(total, len({text for _, text, _ in failures}))
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
