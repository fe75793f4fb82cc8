"""The commands `parlour drill` and `parlour lab`. `--help` loads nothing else of the laboratory."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from parlour_lab.check import Checked
    from parlour_lab.rows import Row

_OWN = "a server of the drill's own on loopback"


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    """Show an error of the laboratory as a sentence."""
    from parlour_lab.attack import NotTriedError  # noqa: PLC0415 - `--help` runs nothing
    from parlour_lab.permit import PermitError  # noqa: PLC0415
    from parlour_lab.rows import RowError  # noqa: PLC0415
    from parlour_lab.source import MissingSourceError  # noqa: PLC0415

    if sys.platform == "win32":
        raise click.ClickException("The laboratory needs Linux or macOS: it forks a process for each attack.")
    try:
        yield
    except (RowError, MissingSourceError, PermitError, NotTriedError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error


@click.command(
    epilog="\b\nExample:\n  parlour drill\n  parlour drill K1 K3\n  parlour drill --html report.html"
)
@click.argument("lines", nargs=-1, metavar="[ID|TOPIC]...")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, in ASCII.")
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write a page.")
@click.option("--quiet", is_flag=True, help="Print a line for each attack, without the evidence.")
@click.option("--server", metavar="ADDRESS", help="A server elsewhere; needs its operator's --permit.")
@click.option(
    "--permit",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What `parlour-server drill-permit` wrote on that server's machine.",
)
def drill(
    lines: tuple[str, ...],
    *,
    as_json: bool,
    html: Path | None,
    quiet: bool,
    server: str | None,
    permit: Path | None,
) -> int:
    """Attack a server and show for each attack what was sent, what came back, and whether the defence held.

    The server is started for the drill on loopback and removed afterwards. IDs are lines of
    docs/security.md, topics are groups of them such as `handshake`. The exit status is 0 if every attack that
    was tried was withstood.
    """
    from parlour_lab import report  # noqa: PLC0415 - `--help` runs nothing
    from parlour_lab.drill import play_here, play_there  # noqa: PLC0415
    from parlour_lab.rows import chosen  # noqa: PLC0415

    if (server is None) != (permit is None):
        raise click.UsageError("--server and --permit belong together: the operator's permit proves control.")

    def told(one: report.Result) -> None:
        if not as_json:
            click.echo(report.text(one, evidence=not quiet))

    with _in_one_sentence():
        rows = chosen(lines)
        if server is None or permit is None:
            found = play_here(rows, told)
        else:
            found = play_there(rows, server, permit, told)
    where = server or _OWN
    if html is not None:
        html.write_text(report.html(found, where), encoding="utf-8")
    click.echo(report.as_json(found, where) if as_json else report.summary(found))
    return 0 if report.is_well(found) else 1


@click.command(epilog="\b\nExample:\n  parlour lab\n  parlour lab K3\n  parlour lab --check H1 K3")
@click.argument("lines", nargs=-1, metavar="[ID|TOPIC]...")
@click.option("--list", "lists", is_flag=True, help="List the lines.")
@click.option("--check", "checks", is_flag=True, help="Check lines without a screen; exit 0 if all are well.")
@click.option("--tests", is_flag=True, help="With --check: each test must fail without the defence, too.")
@click.option("--workers", type=click.IntRange(1, 64), help="With --check: lines at a time.")
@click.option("--sample", type=click.IntRange(1), help="With --check: so many lines, by chance.")
@click.option("--seed", type=click.IntRange(0), help="With --sample: those that it printed with this seed.")
@click.option(
    "--exercise",
    metavar="N",
    type=click.IntRange(0),
    help="Attack a server that lacks one defence; 0 lists the exercises.",
)
@click.option(
    "--browser",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Attack from a page in headless Chromium; its pictures go to FOLDER.",
)
def lab(
    lines: tuple[str, ...],
    *,
    lists: bool,
    checks: bool,
    tests: bool,
    workers: int | None,
    sample: int | None,
    seed: int | None,
    exercise: int | None,
    browser: Path | None,
) -> int:
    """See each attack fail, and succeed on a copy of Parlour without the defence.

    Without an ID it opens a screen; with IDs it prints the lines, and plays their attacks. Everything runs on
    loopback in a temporary folder; what is installed is only read.

    With --exercise you attack: a server is started that lacks one defence, and you get a shell to find out
    which, with hints, a flag when your attack has worked, and then the lines that close the weakness.

    With --browser a page in a real browser attacks: a server with a common mistake, and then Parlour.
    """
    from parlour_lab.rows import chosen  # noqa: PLC0415 - `--help` runs nothing

    if (tests or workers or sample) and not checks:
        raise click.UsageError("--tests, --workers and --sample need --check.")
    if seed is not None and sample is None:
        raise click.UsageError("--seed needs --sample.")
    if (exercise is not None) + (browser is not None) + bool(lines or lists or checks) > 1:
        raise click.UsageError("--exercise and --browser stand alone.")
    with _in_one_sentence():
        if browser is not None:
            return _browser(browser)
        if exercise is not None:
            return _exercise(exercise)
        rows = chosen(lines) if sample is None else _sample(chosen(lines), sample, seed)
        if lists:
            return _list(rows)
        if checks:
            return _check(rows, tests=tests, workers=workers or 0)
        if lines:
            return _explain(rows)
        from parlour_lab.screen import run  # noqa: PLC0415

        return run(rows)


def _list(rows: "list[Row]") -> int:
    for row in rows:
        click.echo(f"{row.id:<10} {row.group:<14} {row.threat.partition('. ')[0].rstrip('.')}")
    return 0


def _check(rows: "list[Row]", *, tests: bool, workers: int) -> int:
    from parlour_lab.check import check, summary  # noqa: PLC0415 - see ``lab``
    from parlour_lab.source import MissingSourceError, find_source  # noqa: PLC0415

    source = find_source()
    if tests and source.repository is None:
        raise MissingSourceError("--tests needs a checkout of the repository: the tests are not installed.")

    def told(one: "Checked") -> None:
        click.echo(f"{one.row.id:<10} {_ending(one)}")
        sys.stdout.flush()

    found = check(rows, source, tests=tests, workers=workers, told=told)
    click.echo(summary(found))
    return 0 if found and all(one.ok for one in found) else 1


def _sample(rows: "list[Row]", count: int, seed: int | None) -> "list[Row]":
    from parlour_lab.rows import sample  # noqa: PLC0415 - see ``lab``

    seed = secrets.randbelow(1_000_000) if seed is None else seed
    click.echo(f"--sample {count} --seed {seed}")
    return sample(rows, count, seed)


def _exercise(number: int) -> int:
    """List the exercises, or give the shell of one; 1 if it was not solved."""
    from parlour_lab.exercises.play import overview, play, progress_file  # noqa: PLC0415 - see ``lab``
    from parlour_lab.source import find_source  # noqa: PLC0415

    if number == 0:
        click.echo(overview(progress_file()))
        return 0
    return play(number, find_source())


def _browser(pictures: Path) -> int:
    """Attack from a page in a browser; 1 unless each step ended as it must."""
    from parlour_lab.browser.lesson import STEPS, play_lesson  # noqa: PLC0415 - see ``lab``

    found = play_lesson(pictures, told=lambda one: click.echo(one.text))
    click.echo(f"{sum(one.ok for one in found)} of {len(STEPS)} steps ended as they must.")
    return 0 if all(one.ok for one in found) else 1


def _ending(one: "Checked") -> str:
    if not one.ok:
        return f"FAILED: {one.problem}"
    if one.not_tried:
        return f"not tried: {one.not_tried}"
    return "ok, and nothing could be taken out" if one.row.absent else "ok"


def _explain(rows: "list[Row]") -> int:
    """Print these lines with their code and what their attacks did; 1 unless each is as it must be."""
    from parlour_lab.check import check  # noqa: PLC0415 - see ``lab``
    from parlour_lab.explain import explained, played  # noqa: PLC0415
    from parlour_lab.source import find_source  # noqa: PLC0415

    source = find_source()
    for row in rows:
        click.echo(explained(row, source))
    found = check(rows, source)
    for one in found:
        click.echo(played(one))
    return 0 if all(one.ok for one in found) else 1
