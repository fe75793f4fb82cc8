"""What a drill found, as text, as JSON, and as one HTML page.

All of it is escaped: evidence is what attackers sent. The page has no script, loads nothing, and says so to
the browser.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from parlour_lab.attack import Outcome, Stage, Verdict, load
from parlour_lab.rows import Row

_WORDS: Final = {
    Verdict.HELD: "held",
    Verdict.BROKEN: "BROKEN",
    Verdict.NOT_TRIED: "not tried",
    Verdict.ERROR: "ERROR",
}


@dataclass(frozen=True)
class Result:
    """One line of docs/security.md, and how its attack ended."""

    row: Row
    outcome: Outcome


def results(rows: Sequence[Row], outcomes: Sequence[Outcome]) -> list[Result]:
    """Put the outcomes to the lines that they are about."""
    found = {one.attack: one for one in outcomes}
    return [Result(row, found[row.attack]) for row in rows if row.attack in found]


def is_well(found: Sequence[Result]) -> bool:
    """Say whether all that was tried held, and something was tried."""
    verdicts = [one.outcome.verdict for one in found]
    return Verdict.HELD in verdicts and set(verdicts) <= {Verdict.HELD, Verdict.NOT_TRIED}


def summary(found: Sequence[Result]) -> str:
    """Return one line: how many attacks ended how, and beside them units, which nothing was sent for."""
    units = [one for one in found if load(one.outcome.attack).stage is Stage.UNIT]
    attacks = [one for one in found if one not in units]
    parts = [("attacks", attacks)] if attacks or not units else []
    parts += [("units", units)] if units else []
    return "; ".join(f"{len(some)} {what}: {_counted(some)}" for what, some in parts)


def _counted(found: Sequence[Result]) -> str:
    counts = {verdict: sum(one.outcome.verdict is verdict for one in found) for verdict in Verdict}
    return ", ".join(f"{n} {_WORDS[verdict]}" for verdict, n in counts.items() if n) or "none was tried"


def text(one: Result, *, evidence: bool = True) -> str:
    """Return a line's outcome for a terminal. Evidence is printable ASCII already."""
    outcome, attack = one.outcome, load(one.outcome.attack)
    unit = "unit: " if attack.stage is Stage.UNIT else ""
    head = f"{one.row.id:<5} {_WORDS[outcome.verdict]:<9} {unit}{attack.title}"
    if not evidence:
        return head
    lines = [head, f"      docs/security.md, line {one.row.line}: {outcome.why}"]
    lines += [f"      {step.kind.value:<8} {step.text}" for step in outcome.steps]
    if outcome.left_out:
        lines.append(f"      and {outcome.left_out} more steps")
    return "\n".join(lines)


def as_json(found: Sequence[Result], where: str) -> str:
    """Return everything as JSON, in ASCII."""
    return json.dumps(
        {
            "server": where,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "held": is_well(found),
            "attacks": [_fields(one) for one in found],
        },
        indent=2,
    )


def _fields(one: Result) -> Mapping[str, Any]:
    attack = load(one.outcome.attack)
    return {
        "id": one.row.id,
        "line": one.row.line,
        "threat": one.row.threat,
        "title": attack.title,
        "stage": attack.stage.value,
        "expects": attack.expects,
        **one.outcome.as_json(),
    }


_STYLE: Final = """
:root { color-scheme: light dark; --ok: #1a7f37; --bad: #cf222e; --dim: #8886; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 0; display: inline; }
details { border: 1px solid var(--dim); border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; } summary .id { display: inline-block; width: 4.5rem; font-weight: 600; }
.held { color: var(--ok); } .broken, .error { color: var(--bad); font-weight: 700; }
table { border-collapse: collapse; width: 100%; font: 13px/1.4 ui-monospace, monospace; }
td { vertical-align: top; padding: .15rem .5rem; overflow-wrap: anywhere; }
td:first-child { width: 5.5rem; opacity: .7; }
"""


def html(found: Sequence[Result], where: str) -> str:
    """Return one page with everything."""
    return "\n".join(_page(found, where))


def _page(found: Sequence[Result], where: str) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width"><title>Parlour drill</title>'
    yield f"<style>{_STYLE}</style></head><body><h1>Parlour drill</h1>"
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield f"<p>{escape(where)}, {now}. <strong>{escape(summary(found))}.</strong></p>"
    for one in found:
        yield from _section(one)
    yield "</body></html>"


def _section(one: Result) -> Iterator[str]:
    outcome, attack = one.outcome, load(one.outcome.attack)
    kind = outcome.verdict.value.replace(" ", "-")
    is_open = " open" if outcome.verdict in {Verdict.BROKEN, Verdict.ERROR} else ""
    yield f'<details{is_open}><summary><span class="id">{escape(one.row.id)}</span>'
    yield f'<h2>{escape(attack.title)}</h2> <span class="{kind}">{_WORDS[outcome.verdict]}</span></summary>'
    yield f"<p>{escape(one.row.threat)}</p><p>{escape(outcome.why)} ({outcome.seconds:.2f} s)</p><table>"
    for step in outcome.steps:
        yield f"<tr><td>{step.kind.value}</td><td>{escape(step.text)}</td></tr>"
    if outcome.left_out:
        yield f"<tr><td></td><td>and {outcome.left_out} more steps</td></tr>"
    yield "</table></details>"
