"""Shows for each row that its attack fails as Parlour is, and succeeds on a copy without the defence.

With tests, the named test must pass in the copy and fail without the defence.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue

from parlour_lab.attack import Outcome, Verdict, shown
from parlour_lab.rows import Row, RowError
from parlour_lab.runner import ALL_SECONDS, ATTACK_SECONDS, Runner, stages_of, workers_here
from parlour_lab.scratch import Scratch
from parlour_lab.source import MissingSourceError, Source


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
        """The attack failed with the defence and succeeded without it; so did the test if it was run.

        Or it could not be tried here, or there is no defence to take out.
        """
        return not self.problem

    @property
    def not_tried(self) -> str:
        """What the attack needs and is not here, as a sentence; empty if it was tried."""
        tried = self.with_defence is None or self.with_defence.verdict is not Verdict.NOT_TRIED
        return "" if tried or self.with_defence is None else self.with_defence.why


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
            made = [Scratch(runner.folder / f"copy-{n}", source, tests=tests) for n in range(workers)]
            passing = _passing(runner, made, chosen, threads) if tests else frozenset()
            copies: SimpleQueue[Scratch] = SimpleQueue()
            for copy in made:
                copies.put(copy)
            with_defence = {one.attack: one for one in holding.result()}
            lock = threading.Lock()

            def done(row: Row) -> Checked:
                copy, held = copies.get(), with_defence[row.attack]
                try:
                    if held.verdict is Verdict.ERROR:  # on a busy machine the time of many may not be enough
                        (held,) = runner.play([row.attack], seconds=ATTACK_SECONDS)
                    found = _checked(runner, copy, row, held, tests=tests)
                    if tests and found.ok and row.test not in passing:  # a busy machine gets a second chance
                        again = runner.test([row.test], copy.folder, copy.paths)
                        if not again.has_passed(row.test):
                            how = f"(status {again.status}): {shown(again.said[-600:])}"
                            found = replace(found, problem=f"{row.test} fails with the defence, too {how}")
                finally:
                    copies.put(copy)
                with lock:
                    told(found)
                return found

            return list(threads.map(done, chosen))


def _passing(
    runner: Runner, copies: Sequence[Scratch], chosen: Sequence[Row], threads: ThreadPoolExecutor
) -> frozenset[str]:
    """Return the rows' tests that pass in a copy that nothing was taken out of."""
    nodes = list(dict.fromkeys(row.test for row in chosen))
    files = list(dict.fromkeys(node.partition("::")[0] for node in nodes))
    parts: list[list[str]] = [[] for _ in copies]
    for node in nodes:
        parts[files.index(node.partition("::")[0]) % len(parts)].append(node)
    started = [
        threads.submit(runner.test, part, copy.folder, copy.paths, ALL_SECONDS)
        for part, copy in zip(parts, copies, strict=True)
        if part
    ]
    ended = [one.result() for one in started]
    return frozenset(node for node in nodes if any(one.has_passed(node) for one in ended))


def _checked(runner: Runner, copy: Scratch, row: Row, held: Outcome, *, tests: bool) -> Checked:
    if held.verdict is Verdict.NOT_TRIED:
        return Checked(row, held, None)
    if held.verdict is not Verdict.HELD:
        return Checked(row, held, None, f"with the defence the attack ended as {held.verdict}: {held.why}")
    if row.absent:
        return Checked(row, held, None)
    problem = ""
    try:
        with copy.without(row.defences):
            (without,) = runner.play([row.attack], copy.paths, ATTACK_SECONDS)
            if without.verdict is not Verdict.BROKEN:
                problem = f"without the defence the attack ended as {without.verdict}: {without.why}"
            elif tests:
                ended = runner.test([row.test], copy.folder, copy.paths)
                if not ended.has_failed(row.test):
                    how = f"(status {ended.status}): {shown(ended.said[-600:])}"
                    problem = f"{row.test} did not fail itself without the defence {how}"
    except (RowError, MissingSourceError) as error:
        return Checked(row, held, None, str(error))
    return Checked(row, held, without, problem)


def summary(found: Sequence[Checked]) -> str:
    """Return the last lines: they say that all is well, or how many rows are not, and what was not tried."""
    bad = [one.row.id for one in found if not one.ok]
    if bad:
        return f"{len(bad)} of {len(found)} rows failed: {', '.join(bad)}"
    missing = [one for one in found if one.not_tried]
    absent = [one for one in found if one.row.absent and not one.not_tried]
    said = [f"not tried: {one.row.id} ({one.not_tried.rstrip('.')})" for one in missing]
    if absent:
        names = ", ".join(one.row.id for one in absent)
        said.append(f"nothing to take out, and the attack failed: {names}")
    count = len(found) - len(missing) - len(absent)
    return "\n".join([*said, f"{count} defences: each attack succeeded without and failed with it"])
