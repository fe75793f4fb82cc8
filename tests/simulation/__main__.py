"""Run seeds: `python -m tests.simulation --seeds 1000 --from 0`, or `--replay SEED` with all that happened.

`--mutants` runs servers that each lack one defence instead, until a seed catches them.
"""

import argparse
import logging
import os
import sys
import time
import warnings

if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a schedule
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606 - the same program

from tests.simulation.mutants import MUTANTS
from tests.simulation.world import run


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
    _say(*world.violations or ("no violation",))
    return bool(world.violations)


def _run(seeds: range) -> int:
    began, frames, failed = time.perf_counter(), 0, 0
    for seed in seeds:
        world = run(seed)
        frames += world.frames
        if world.violations:
            failed += 1
        if world.violations and failed <= 20:
            _say(f"seed {seed}: {world.violations[0]} (and {len(world.violations) - 1} more)")
            _say(f"    python -m tests.simulation --replay {seed}")
    seconds = time.perf_counter() - began
    _say(f"{len(seeds)} schedules, {frames} frames, {seconds:.1f} s, {failed} violations")
    return bool(failed)


def _first_violation(seeds: range) -> tuple[int, str] | None:
    for seed in seeds:
        if violations := run(seed).violations:
            return seed, violations[0]
    return None


def _run_mutants(seeds: range) -> int:
    missed = 0
    for mutant in MUTANTS:
        with mutant.applied():
            found = _first_violation(range(mutant.first + seeds.start, mutant.first + seeds.stop))
        if found is None:
            missed += 1
            _say(f"MISSED: {mutant.what}")
        else:
            _say(f"{mutant.what}: seed {found[0]}: {found[1]}")
    _say(f"{len(MUTANTS)} mutants, {missed} missed")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
