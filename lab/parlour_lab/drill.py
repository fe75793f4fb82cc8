"""A drill: attacks on a server as it is, one of our own or one whose operator permits it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from parlour_lab.attack import Outcome, load
from parlour_lab.permit import check_permit
from parlour_lab.report import Result, results
from parlour_lab.rows import Row, RowError
from parlour_lab.runner import Runner, stages_of

Told = Callable[[Result], None]


def play_here(rows: Sequence[Row], told: Told = lambda _: None) -> list[Result]:
    """Attack servers that are started for it on loopback; ``told`` hears of each result."""
    names = list(dict.fromkeys(row.attack for row in rows))

    def heard(outcome: Outcome) -> None:
        for one in results(rows, [outcome]):
            told(one)

    with Runner() as runner:
        runner.prepare(stages_of(names))
        return results(rows, runner.play_all(names, told=heard))


def play_there(rows: Sequence[Row], server: str, permit: Path, told: Told = lambda _: None) -> list[Result]:
    """Attack a server elsewhere with what harms nothing. Raises PermitError, RowError."""
    checked = check_permit(permit, server)
    names = [name for name in dict.fromkeys(row.attack for row in rows) if load(name).remote]
    if not names:
        raise RowError("None of these attacks is tried on a server elsewhere.")
    with Runner() as runner:
        found = results(rows, runner.play_remotely(names, checked.as_json()))
    for one in found:
        told(one)
    return found
