"""Runs several inspectors over the parts of what someone sends, and combines what they say.

The strictest action wins. An inspector that raises, or returns something else than a verdict, has failed: the
outcome names it, and whoever runs the judge decides whether what could not be looked at passes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from parlour_protocol.kit.inspect.inspector import Context, Inspector, Part, Text
from parlour_protocol.kit.inspect.verdict import ACTIONS, MOST_FINDINGS, Action, Allow, Finding, redacted

_ORDER: Final = (Action.FLAG, Action.REDACT, Action.BLOCK)


@dataclass(frozen=True, slots=True)
class Rule:
    """An inspector that is on, and its action."""

    name: str
    inspector: Inspector
    action: Action


@dataclass(frozen=True, slots=True)
class Found:
    """One finding: by whom, what is done, and the number of the part."""

    inspector: str
    action: Action
    part: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Outcome:
    """The findings in all parts, and the inspectors that failed (with the name of the error's type)."""

    found: tuple[Found, ...] = ()
    failed: tuple[tuple[str, str], ...] = field(default=())

    @property
    def action(self) -> Action | None:
        """The strictest action, None if nothing was found."""
        return max((match.action for match in self.found), key=_ORDER.index, default=None)

    def kinds(self, action: Action) -> tuple[str, ...]:
        """Return what was found with this action, each kind once."""
        return tuple(dict.fromkeys(match.finding.kind for match in self.found if match.action is action))

    def redacted(self, parts: Sequence[Part]) -> list[str | None]:
        """Return the new text of each part; None for a part that stays as it is."""
        cuts: dict[int, list[Finding]] = {}
        for match in self.found:
            if match.action is Action.REDACT:
                cuts.setdefault(match.part, []).append(match.finding)
        return [
            redacted(part.text, cuts[number]) if number in cuts and isinstance(part, Text) else None
            for number, part in enumerate(parts)
        ]

    def and_also(self, other: "Outcome") -> "Outcome":
        """Return both together."""
        return Outcome(self.found + other.found, self.failed + other.failed)


NOTHING: Final = Outcome()


def judge(rules: Iterable[Rule], parts: Sequence[Part], context: Context) -> Outcome:
    """Return what the rules find in the parts. Never raises."""
    found: list[Found] = []
    failed: list[tuple[str, str]] = []
    for rule in rules:
        given = Context(context.sender, context.room, rule.action, context.options, context.recent)
        try:
            for number, part in enumerate(parts):
                found += _checked(rule, number, part, given)
        except Exception as error:  # noqa: BLE001 - whatever it is, its part was not looked at
            failed.append((rule.name, type(error).__name__))
    return Outcome(tuple(found), tuple(failed)) if found or failed else NOTHING


def _checked(rule: Rule, number: int, part: Part, context: Context) -> list[Found]:
    """Return an inspector's findings. Raises what it raises, and TypeError for what is not a verdict."""
    verdict = rule.inspector(part, context)
    if isinstance(verdict, Allow):
        return []
    action = ACTIONS.get(type(verdict))
    if action is None or not verdict.findings:
        raise TypeError("an inspector returns Allow, Flag, Redact or Block, with findings")
    for finding in verdict.findings:
        if not isinstance(finding, Finding):
            raise TypeError("the findings of a verdict are Finding objects")
    return [Found(rule.name, action, number, finding) for finding in _few(verdict.findings, part)]


def _few(findings: tuple[Finding, ...], part: Part) -> Sequence[Finding]:
    """Return at most ``MOST_FINDINGS``: the last one covers all that was found after it."""
    if len(findings) <= MOST_FINDINGS:
        return findings
    if not isinstance(part, Text) or any(finding.end == 0 for finding in findings):
        # one about the whole is among them
        return sorted(findings, key=lambda finding: finding.end)[:MOST_FINDINGS]
    *first, last = sorted(findings, key=lambda finding: finding.start)[:MOST_FINDINGS]
    return [*first, Finding(last.kind, last.start, len(part.text))]
