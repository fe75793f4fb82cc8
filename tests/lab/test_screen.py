"""The laboratory's screen, at 80 columns and 24 rows, on a line that is played by the test."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.client.ui.conftest import screen_text

from parlour_lab.attack import Kind, Outcome, Step, Verdict, load
from parlour_lab.check import Checked
from parlour_lab.rows import Defence, Row, rows
from parlour_lab.screen import LabApp
from parlour_lab.source import Source, find_source
from parlour_protocol.kit.text.forbidden import FORBIDDEN

HOSTILE = "\x1b]0;PWNED\x07\x9b31m\u202eabc [red]markup[/red]"
CODE = """\
def take(tickets, ticket):
    # one caller gets it
    grant = tickets.pop(ticket)
    return grant
"""
FIRST = """\
  H1   ticket race         K3  line K3 of docs/security.md
  K3   ticket race
                           THREAT
                           Someone uses a ticket twice. They are in.

                           DEFENCE
                           server/parlour_server/x.py, line 3
                           1   def take(tickets, ticket):
                           2       # one caller gets it
                           3 ▌     grant = tickets.pop(ticket)
                           4       return grant
                           Without it:
                             ▌     grant = tickets[ticket]

                           ATTACK
                           Twenty handshakes with one ticket that arrive
                           together
                           It fails if this holds: One of them is answered
                           101, the others 401.

                           Enter: play the attack with the defence and
                           without it

                           TEST"""


def row(name: str, defences: tuple[Defence, ...] = ()) -> Row:
    """Return a line that is attacked by a real attack."""
    threat = "Someone uses a ticket twice. They are in."
    return Row(name, threat, defences, "credentials.ticket_race", "tests/test_x.py::test_x", "x")


def played(chosen: Sequence[Row]) -> list[Checked]:
    """Return what playing gave: the attack saw something that no terminal should."""
    name = chosen[0].attack
    held = Outcome(name, Verdict.HELD, "as it must", 0.1, (Step(Kind.RECEIVED, HOSTILE),))
    broken = Outcome(name, Verdict.BROKEN, "as it must", 0.1, (Step(Kind.LOG, "101 for everyone"),))
    return [Checked(chosen[0], held, broken)]


async def test_a_line_at_80_by_24(tmp_path: Path) -> None:
    """Threat and code are shown; Enter plays the attack, whose evidence is only text; Q ends."""
    (tmp_path / "x.py").write_text(CODE)
    source = Source({"parlour_server": tmp_path}, None)
    defence = Defence("server/parlour_server/x.py", "tickets.pop(ticket)", "tickets[ticket]")
    app = LabApp([row("H1"), row("K3", (defence,))], source, played)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down")
        await pilot.pause()
        seen = [line[:77].rstrip() for line in screen_text(pilot).splitlines()]
        assert seen[:22] == FIRST.splitlines()[:22]
        assert seen[22].strip().startswith("Nothing is installed or changed")
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        text = screen_text(pilot)
        assert "✓ K3" in text
        assert "1 defences: each attack succeeded without and failed with it" in text
        assert "WITH THE DEFENCE  the attack failed" in text
        assert "WITHOUT THE DEFENCE  the attack SUCCEEDED" in text
        assert "⟦ESC⟧]0;PWNED⟦BEL⟧⟦U+009B⟧31m⟦U+202E⟧abc" in text
        assert "[red]markup[/red]" in text
        assert not FORBIDDEN.search(text.replace("\n", ""))
        await pilot.press("q")
    assert app.return_code == 0


@pytest.mark.parametrize("width", [80, 132])
async def test_every_label_is_whole(width: int) -> None:
    """However long it is: it goes on in the next line. The terminal is high enough for all of them."""
    table = rows()
    app = LabApp(list(table.values()), find_source(), played)
    async with app.run_test(size=(width, 400)) as pilot:
        await pilot.pause()
        column = app.screen.query_one("#lines").content_size.width
        seen = [line[:column] for line in screen_text(pilot).splitlines()]
        await pilot.press("q")
    listed = " ".join(" ".join(seen).split())
    for one in table.values():
        assert f"{one.id} {load(one.attack).name}" in listed


async def test_an_attack_that_is_not_tried_here() -> None:
    """It has a mark of its own, and the reason is shown."""

    def not_here(chosen: Sequence[Row]) -> list[Checked]:
        outcome = Outcome(chosen[0].attack, Verdict.NOT_TRIED, "there is no PostgreSQL", 0)
        return [Checked(chosen[0], outcome, None)]

    app = LabApp([row("H1")], Source({}, None), not_here)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        text = screen_text(pilot)
        assert "- H1" in text
        assert "not tried: there is no PostgreSQL" in text
        assert "0 defences: each attack succeeded without and failed with it; 1 not tried" in text
        await pilot.press("q")


async def test_an_attack_that_cannot_be_played() -> None:
    """The screen says why, and goes on."""

    def fails(chosen: Sequence[Row]) -> list[Checked]:
        raise RuntimeError(f"{chosen[0].id} {HOSTILE}")

    app = LabApp([row("H1")], Source({}, None), fails)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "H1: H1 ⟦ESC⟧]0;PWNED" in screen_text(pilot)
        await pilot.press("q")
