"""Mutants of the server, and the run that catches each: a checker is believed when it finds what is wrong.

`make torture-mutants` (ARGS: names) copies the server's package, changes it in one place, and tortures nodes
of that copy, with further seeds until a violation is found. It exits with 1 if one is not caught.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.cluster.mutant_servers import MUTANTS, Mutant
from tests.cluster.torture import Options, Report, torture
from tests.cluster.verdict import Violation

import parlour_server

_SEEDS: Final = 4
_PACKAGE: Final = Path(parlour_server.__file__).parent


def changed(mutant: Mutant) -> dict[str, str]:
    """Return the files that it changes, with their text. Raises ValueError if they are others."""
    texts: dict[str, str] = {}
    for name, old, new in mutant.edits:
        text = texts.get(name) or (_PACKAGE / name).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{name} has {text.count(old)} times: {old}")
        texts[name] = text.replace(old, new)
    return texts


def _run(mutant: Mutant) -> tuple[int, Report]:
    """Torture a mutant with one seed after another; return the seed that caught it, and its report."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        package = Path(folder) / _PACKAGE.name
        shutil.copytree(_PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in changed(mutant).items():
            (package / name).write_text(text, encoding="utf-8")
        seed, report = 0, Report()
        for seed in range(1, _SEEDS + 1):
            settings = {
                "quiet": 4.0,
                "calm": 0.0,
                "all_kinds": True,
                "package": package.parent,
                **mutant.options,
            }
            report = asyncio.run(torture(Options(seed, **settings), lambda _: None))
            if _broken(mutant, report):
                break
        return seed, report


def _broken(mutant: Mutant, report: Report) -> list[Violation]:
    """Return the violations of the assertion that the mutant breaks."""
    return [violation for violation in report.violations if violation.rule == mutant.rule]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants that are named, or all; print what caught each."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MUTANTS))
    names = parser.parse_args(arguments).names or list(MUTANTS)
    lived = 0
    for name in names:
        begun = time.monotonic()
        mutant = MUTANTS[name]
        seed, report = _run(mutant)
        took = f"{time.monotonic() - begun:.0f} s"
        if broken := _broken(mutant, report):
            rules = Counter(violation.rule for violation in report.violations)
            times = ", ".join(f"{rule}: {count}" for rule, count in sorted(rules.items()))
            say = f"caught by seed {seed} in {took}; violations of assertion {times}; such as {broken[0]}"
        else:
            lived += 1
            say = f"NOT CAUGHT in {took}: {report.line}; {dict(report.verdict.judged)}"
        print(f"{name}: {say}", flush=True)  # noqa: T201 - a program of its own
    print(f"{len(names)} mutants, {len(names) - lived} caught", flush=True)  # noqa: T201 - as above
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
