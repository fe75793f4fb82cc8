"""The commands `parlour drill` and `parlour lab`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from parlour_lab.source import MissingSourceError


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    """Show what can't be used as a sentence."""
    from parlour_lab.rows import RowError  # noqa: PLC0415 - `--help` runs nothing

    try:
        yield
    except (RowError, MissingSourceError) as error:
        raise click.ClickException(str(error)) from error


@click.command(epilog="\b\nExample:\n  parlour drill\n  parlour drill K1 K3")
@click.argument("lines", nargs=-1, metavar="[ID]...")
def drill(lines: tuple[str, ...]) -> int:
    """Attack a server of the drill's own on loopback, and show for each attack whether the defence held."""
    from parlour_lab.attack import Verdict  # noqa: PLC0415 - `--help` runs nothing
    from parlour_lab.rows import chosen  # noqa: PLC0415
    from parlour_lab.runner import Runner, stages_of  # noqa: PLC0415

    with _in_one_sentence():
        attacks = list(dict.fromkeys(row.attack for row in chosen(lines)))
    with Runner() as runner:
        runner.prepare(stages_of(attacks))
        found = runner.play(attacks)
    for one in found:
        click.echo(f"{one.verdict:<9} {one.attack}: {one.why}")
        for step in one.steps:
            click.echo(f"    {step.kind:<8} {step.text}")
    return 0 if all(one.verdict is Verdict.HELD for one in found) else 1


@click.command(epilog="\b\nExample:\n  parlour lab K3\n  parlour lab --check H1 K3")
@click.argument("lines", nargs=-1, metavar="[ID]...")
@click.option("--check", "checks", is_flag=True, help="Check lines without a screen; exit 0 if all are well.")
@click.option("--tests", is_flag=True, help="With --check: each test must fail without the defence, too.")
@click.option("--workers", type=click.IntRange(1, 64), help="Lines to check at a time.")
def lab(lines: tuple[str, ...], *, checks: bool, tests: bool, workers: int | None) -> int:
    """See what each defence prevents: run its attack with the defence and, in a copy, without it."""
    from parlour_lab.check import Checked, check, summary  # noqa: PLC0415 - `--help` runs nothing
    from parlour_lab.rows import chosen  # noqa: PLC0415
    from parlour_lab.source import find_source  # noqa: PLC0415

    del checks

    def told(one: Checked) -> None:
        click.echo(f"{one.row.id:<4} {'ok' if one.ok else 'FAILED: ' + one.problem}")
        sys.stdout.flush()

    with _in_one_sentence():
        found = check(chosen(lines), find_source(), tests=tests, workers=workers or 0, told=told)
    click.echo(summary(found))
    return 0 if found and all(one.ok for one in found) else 1
