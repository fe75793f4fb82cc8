"""A row in words, for people and pipes: threat, code, attack, and what was seen with and without."""

from parlour_lab.attack import Outcome, Verdict, load
from parlour_lab.check import Checked
from parlour_lab.excerpt import excerpt, shown_lines
from parlour_lab.rows import Row
from parlour_lab.source import Source, is_of_library


def explained(row: Row, source: Source) -> str:
    """Return the threat, the defence's code and the attack. Raises RowError."""
    attack = load(row.attack)
    parts = [f"{row.id}  (line {row.line} of docs/security.md)", "", f"Threat: {row.threat}"]
    for defence in row.defences:
        one = excerpt(defence, source)
        where = "a library's: " if is_of_library(one.file) else ""
        parts += ["", f"Defence: {where}{one.file}, line {one.marked.start}", ""]
        parts += [f"    {line}" for line in shown_lines(one)]
        parts += ["", "    Without it:" if one.instead else "    Without it: nothing stands there."]
        parts += [f"        {line}" for line in one.instead]
    if row.absent:
        parts += ["", f"Defence: nothing that could be taken out. {row.absent}"]
    parts += ["", f"Attack: {attack.title} ({attack.id})", f"It fails if this holds: {attack.expects}"]
    parts += [f"Test: {row.test}", ""]
    return "\n".join(parts)


def played(one: Checked) -> str:
    """Return what the attack did with the defence and without."""
    parts = [f"{one.row.id}  with the defence: {ending(one.with_defence)}", *steps(one.with_defence)]
    if not one.row.absent:
        parts += ["", f"{one.row.id}  without the defence: {ending(one.without)}", *steps(one.without)]
    if one.problem:
        parts += ["", f"{one.row.id}  NOT as it must be: {one.problem}"]
    return "\n".join(parts) + "\n"


ENDINGS = {
    Verdict.HELD: "the attack failed",
    Verdict.BROKEN: "the attack SUCCEEDED",
    Verdict.NOT_TRIED: "not tried",
    Verdict.ERROR: "the attack itself ended with an error",
}


def ending(outcome: Outcome | None) -> str:
    """Return how an attack ended, in words."""
    if outcome is None:
        return "not played"
    words = ENDINGS[outcome.verdict]
    return words if outcome.verdict in {Verdict.HELD, Verdict.BROKEN} else f"{words}: {outcome.why}"


def steps(outcome: Outcome | None) -> list[str]:
    """Return what was sent and seen, a line each."""
    return [f"    {step.kind.value:<8} {step.text}" for step in outcome.steps] if outcome is not None else []
