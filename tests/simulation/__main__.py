"""Run seeds: `python -m tests.simulation --seeds 1000 --from 0`, or `--replay SEED` with all that happened.

`--mutants` runs servers that each lack one defence instead, until a seed catches them.
"""

import argparse
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Final

if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a schedule
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606 - the same program

from tests.simulation.log_world import LogWorld, run_logs
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import World, run

_MOST: Final = 20
"""Seeds that are shown."""


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def main() -> int:
    """Run; the exit code is 0 if nothing was wrong, and every mutant caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="SEED")
    parser.add_argument("--replay", type=int, metavar="SEED")
    parser.add_argument("--mutants", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # that the database fails is meant
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited")  # of killed servers
    if options.replay is not None:
        return _replay(options.replay)
    seeds = range(options.first, options.first + options.seeds)
    return _run_mutants(seeds) if options.mutants else _run(seeds)


def _replay(seed: int) -> int:
    world = run(seed, tracing=True)
    _say(world.description, *world.lines or ())
    violations = [*world.violations, *run_logs(seed).violations]
    _say(*violations or ("no violation",))
    return bool(violations)


def _run(seeds: range) -> int:
    began, frames, failed = time.perf_counter(), 0, 0
    for seed in seeds:
        world, logs = run(seed), run_logs(seed)
        frames += world.frames + logs.frames
        violations = [*world.violations, *logs.violations]
        if violations:
            failed += 1
        if violations and failed <= _MOST:
            _say(f"seed {seed}: {violations[0]} (and {len(violations) - 1} more)")
            _say(f"    python -m tests.simulation --replay {seed}")
    seconds = time.perf_counter() - began
    _say(f"{len(seeds)} schedules, {frames} frames, {seconds:.1f} s, {failed} violations")
    return bool(failed)


def _first_violation(play: Callable[[int], World | LogWorld], seeds: range) -> tuple[int, str] | None:
    for seed in seeds:
        if violations := play(seed).violations:
            return seed, violations[0]
    return None


def _run_mutants(seeds: range) -> int:
    missed = 0
    for mutant in MUTANTS:
        with mutant.applied():
            found = _first_violation(
                mutant.play, range(mutant.first + seeds.start, mutant.first + seeds.stop)
            )
        if found is None:
            missed += 1
            _say(f"MISSED: {mutant.what}")
        else:
            _say(f"{mutant.what}: seed {found[0]}: {found[1]}")
    _say(f"{len(MUTANTS)} mutants, {missed} missed")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
