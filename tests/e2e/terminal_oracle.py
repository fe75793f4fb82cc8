"""The terminal oracle: the real client shows every text of a corpus in every place, and nothing of it acts.

`python tests/e2e/terminal_oracle.py FILE` takes the format of the text corpus. It starts `parlour chat` on a
pseudo-terminal against a hostile server, at two sizes, reads every byte strictly and draws it on terminals
that disagree about widths. It prints a line per failure and `N passed, M failed`; 0 means that all passed.
"""

# ruff: noqa: T201 - a script that people read
import argparse
import asyncio
import multiprocessing
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # as a script it finds its parts as the tests do

from tests.e2e.oracle import reading, refusals, sealed_stages, stages
from tests.e2e.oracle.house import House
from tests.e2e.oracle.run import CLIENT, Failure, Stage, client_on
from tests.e2e.oracle.sealed_house import SealedHouse
from tests.protocol.text.corpus import CorpusError, Entry, load

SIZES = ((80, 40), (132, 60))
STAGES: tuple[Stage[House], ...] = (
    stages.timeline,
    stages.slots,
    stages.directory,
    stages.search,
    stages.keyed,
    stages.names,
    reading.nothing_typed,
)
SEALED: tuple[Stage[SealedHouse], ...] = (
    sealed_stages.sealed_timeline,
    sealed_stages.sealed_refusals,
    sealed_stages.device_screens,
    reading.nothing_typed,
)


async def show(
    entries: Sequence[Entry],
    part: int,
    *,
    thorough: bool = False,
    command: Sequence[str] = CLIENT,
    chosen: Sequence[Stage[House]] = STAGES,
) -> list[Failure]:
    """Show all texts at one size; return what was wrong."""
    house = House()
    stages.furnish(house, entries)
    with tempfile.TemporaryDirectory() as folder:
        async with client_on(house, Path(folder), SIZES[part], entries, command) as run:
            run.part, run.thorough = part, thorough
            for stage in chosen:
                await stage(run)
    return run.failures


async def show_sealed(
    entries: Sequence[Entry],
    part: int,
    *,
    command: Sequence[str] = CLIENT,
    chosen: Sequence[Stage[SealedHouse]] = SEALED,
) -> list[Failure]:
    """Show all texts in encrypted rooms at one size; return what was wrong."""
    house = sealed_stages.house_of(entries)
    with tempfile.TemporaryDirectory() as folder:
        async with client_on(house, Path(folder), SIZES[part], entries, command) as run:
            run.part = part
            for stage in chosen:
                await stage(run)
    return run.failures


async def refuse(
    entries: Sequence[Entry], part: int, command: Sequence[str] = refusals.COMMAND
) -> list[Failure]:
    """Send what the wire must refuse; return what was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        return await refusals.show(entries, part, Path(folder), command)


def at_size(part: int, *, path: Path, thorough: bool) -> list[Failure]:
    """Do one run, in a process of its own."""
    entries = load(path)
    shown = asyncio.run(show(entries, part, thorough=thorough))
    return shown + asyncio.run(show_sealed(entries, part)) + asyncio.run(refuse(entries, part))


def judge(path: Path, *, thorough: bool = False) -> tuple[int, list[Failure]]:
    """Return how many texts there are, and the failures at both sizes. Raises CorpusError."""
    total = len(load(path))
    with ProcessPoolExecutor(len(SIZES), multiprocessing.get_context("spawn")) as pool:
        found = pool.map(partial(at_size, path=path, thorough=thorough), range(len(SIZES)))
        return total, [failure for failures in found for failure in failures]


def main(arguments: list[str] | None = None) -> int:
    """Judge the file; return the exit status."""
    parser = argparse.ArgumentParser(prog="terminal_oracle.py", description=__doc__)
    parser.add_argument("file", type=Path, help="texts in the format of the corpus")
    parser.add_argument(
        "--thorough", action="store_true", help="every text alone in every dialog: takes minutes"
    )
    options = parser.parse_args(arguments)
    try:
        total, failures = judge(options.file, thorough=options.thorough)
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
