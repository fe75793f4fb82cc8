"""What an attack's verdict says, and that its evidence is bounded text."""

import subprocess
import sys

from parlour_lab.attack import Attack, Evidence, NotTriedError, Stage, Verdict, load

TOKEN = "A1_-" * 10 + "xyz"


def of(run: object) -> Attack:
    """Return an attack that does this."""
    return Attack("x.y", "a title", "it holds", Stage.NOTHING, run)  # type: ignore[arg-type]


def test_an_attack_holds_or_breaks_by_what_it_returns() -> None:
    """True is the defence's, False the attacker's."""
    assert of(lambda _, __: True).play(None).verdict is Verdict.HELD
    assert of(lambda _, __: False).play(None).verdict is Verdict.BROKEN


def test_an_attack_that_errs_proves_nothing() -> None:
    """Neither an exception nor a wrong return value counts as held, or as broken."""

    def fails(_: object, seen: Evidence) -> bool:
        seen.sent("before")
        raise OSError("no \x1b[2J route")

    outcome = of(fails).play(None)
    assert outcome.verdict is Verdict.ERROR
    assert "OSError: no \\x1b[2J route" in outcome.why
    assert [step.text for step in outcome.steps] == ["before"]
    assert of(lambda _, __: None).play(None).verdict is Verdict.ERROR


def test_an_attack_that_cannot_be_tried_says_why() -> None:
    """It is neither."""

    def needs(_: object, __: Evidence) -> bool:
        raise NotTriedError("needs Linux")

    outcome = of(needs).play(None)
    assert (outcome.verdict, outcome.why) == (Verdict.NOT_TRIED, "needs Linux")


def test_evidence_is_printable_bounded_and_has_no_token() -> None:
    """Whatever was sent: control characters are escaped, tokens cut, and there is an end to it."""
    seen = Evidence()
    seen.sent(b"\x1b]0;x\x07\r\n\xff" + TOKEN.encode())
    seen.received("é\u202e" + "z" * 100_000)
    for _ in range(100):
        seen.log("line")
    assert all(step.text.isascii() and step.text.isprintable() for step in seen.steps)
    assert seen.steps[0].text == "\\x1b]0;x\\x07\\r\\n\\xffA1_-[39 more]"
    assert len(seen.steps[1].text) < 700
    assert (len(seen.steps), seen.left_out) == (60, 42)


def test_an_outcome_survives_the_way_to_another_process() -> None:
    """What is read is what was written."""
    seen_by = of(lambda _, seen: seen.observed("something") is None).play(None)
    assert type(seen_by).from_json(seen_by.as_json()) == seen_by


def test_only_attacks_of_the_laboratory_are_loaded() -> None:
    """A row can't name any other module."""
    assert load("credentials.ticket_race").remote
    for name in ("os.system", "../x.y", "credentials.nothing", ""):
        try:
            load(name)
        except (KeyError, ModuleNotFoundError):
            continue
        raise AssertionError(name)


ALL = """
import sys
sys.modules |= dict.fromkeys(("pytest", "psycopg", "nats", "_pytest"))
from parlour_lab.attack import load
from parlour_lab.rows import rows
print(len({load(row.attack).id for row in rows().values()}))
"""


def test_attacks_need_no_tests_and_no_extra() -> None:
    """All of them are loaded where neither pytest nor a database's driver is installed."""
    done = subprocess.run([sys.executable, "-c", ALL], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
