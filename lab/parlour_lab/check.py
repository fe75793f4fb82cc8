"""Shows for each row that its attack fails as Parlour is, and succeeds on a copy without the defence.

With tests, the named test must pass in the copy and fail without the defence.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

from parlour_lab.attack import Outcome, Verdict
from parlour_lab.rows import Row, RowError
from parlour_lab.runner import ATTACK_SECONDS, Runner, stages_of, workers_here
from parlour_lab.scratch import Scratch
from parlour_lab.source import MissingSourceError, Source

_FAILED = 1
"""Pytest's exit status if a test failed."""


@dataclass(frozen=True)
class Checked:
    """One row: how its attack ended with the defence and without, and what the test said."""

    row: Row
    with_defence: Outcome | None
    without: Outcome | None
    problem: str = ""
    """Why the row isn't as it must be; empty if it is."""

    @property
    def ok(self) -> bool:
        """The attack failed with the defence and succeeded without it; so did the test if it was run."""
        return not self.problem


def check(
    chosen: Sequence[Row],
    source: Source,
    *,
    tests: bool = False,
    workers: int = 0,
    told: Callable[[Checked], None] = lambda _: None,
) -> list[Checked]:
    """Check these rows, some at a time; ``told`` hears of each as it is done."""
    workers = min(workers or workers_here(), len(chosen)) or 1
    names = list(dict.fromkeys(row.attack for row in chosen))
    with Runner(tests=tests) as runner:
        runner.prepare(stages_of(names))
        with ThreadPoolExecutor(workers + 1) as threads:
            holding = threads.submit(runner.play_all, names, workers=workers)
            copies: SimpleQueue[Scratch] = SimpleQueue()
            for number in range(workers):
                copies.put(Scratch(runner.folder / f"copy-{number}", source, tests=tests))
            with_defence = {one.attack: one for one in holding.result()}
            lock = threading.Lock()

            def done(row: Row) -> Checked:
                copy = copies.get()
                try:
                    found = _checked(runner, copy, row, with_defence[row.attack], tests=tests)
                finally:
                    copies.put(copy)
                with lock:
                    told(found)
                return found

            return list(threads.map(done, chosen))


def _checked(runner: Runner, copy: Scratch, row: Row, held: Outcome, *, tests: bool) -> Checked:
    if held.verdict is not Verdict.HELD:
        return Checked(row, held, None, f"with the defence the attack ended as {held.verdict}: {held.why}")
    problem = ""
    try:
        with copy.without(row.defences):
            (without,) = runner.play([row.attack], copy.paths, ATTACK_SECONDS)
            if without.verdict is not Verdict.BROKEN:
                problem = f"without the defence the attack ended as {without.verdict}: {without.why}"
            elif tests:
                status, said = runner.test([row.test], copy.folder, copy.paths)
                if status != _FAILED:
                    problem = f"{row.test} did not fail without the defence (status {status}): {said[-600:]}"
    except (RowError, MissingSourceError) as error:
        return Checked(row, held, None, str(error))
    return Checked(row, held, without, problem)


def summary(found: Sequence[Checked]) -> str:
    """Return the last line: it says that all is well, or how many rows are not."""
    bad = [one.row.id for one in found if not one.ok]
    if bad:
        return f"{len(bad)} of {len(found)} rows failed: {', '.join(bad)}"
    return f"{len(found)} defences: each attack succeeded without and failed with it"
