"""`/verify`: a person's safety number, and three ways to continue: digits, their code, or a decision.

To mark someone verified the last twenty digits are typed in (a key press proves nothing, and five digits are
soon found by trying), or their code is pasted. A changed key stops sending until `go on` is typed.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input

from parlour_client.commands.verification import GO_ON, SHORT_WORDS, Decision, decide
from parlour_client.core.e2ee.values import PersonReport
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, filled, join, lines, own, peer_line
from parlour_client.text.date_text import clock, day
from parlour_client.ui.chat.encryption.report import TRUST_WORDS


class PersonScreen(Overlay[Decision | None]):
    """One person's key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Leave"), id="verify.leave"),
        Binding("down", "scroll(1)", N_("Down"), show=False, id="verify.down"),
        Binding("up", "scroll(-1)", N_("Up"), show=False, id="verify.up"),
    ]

    def __init__(self, report: PersonReport) -> None:
        super().__init__(classes="dialog")
        self._report = report

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            with VerticalScroll(id="about", can_focus=False):  # the field below it stays in sight
                yield SafeStatic(person_words(self._report))
            if self._report.safety_number:
                yield Field(
                    placeholder=_("the last 20 digits, their code, or a word from above"), compact=True
                )
            told = SafeStatic(own("", "$error"), id="told")
            told.display = False
            yield told
            yield SafeStatic(own(_("Enter: confirm · Esc: cancel"), "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the input, if it is one of the ways."""
        decision = decide(event.value, self._report)
        if decision is None:
            told = self.query_one("#told", SafeStatic)
            told.display = True
            told.show(
                own(
                    _("Type the last 20 digits, paste their code, or type one of the words above."),
                    "$error",
                )
            )
        else:
            _done = self.dismiss(decision)

    def action_scroll(self, step: int) -> None:
        """Scroll the text by a row."""
        self.query_one("#about", VerticalScroll).scroll_relative(y=step, animate=False)


def person_words(report: PersonReport) -> Content:
    """Return the page's text."""
    words, style = TRUST_WORDS[report.trust]
    parts = [join(peer_line(report.user, style="bold"), own("  "), own(_(words), style))]
    if report.first_seen is not None:
        parts.append(
            own(
                _("Key first seen: {day} {time}").format(
                    day=day(report.first_seen), time=clock(report.first_seen)
                ),
                "dim",
            )
        )
    if not report.safety_number:
        parts.append(
            own(_("They have no device with keys yet. Ask them to open Parlour once, then check again."))
        )
        return lines(*parts)
    parts += [own(""), own(_("Safety number"), "bold"), *(own(row) for row in _rows(report.safety_number))]
    parts += [
        own(""),
        own(_("Read it to each other, but not in this chat. Does it match?")),
        own(_("Then type the last row (20 digits), or paste the code from their /mycode.")),
        filled(_("Or type {word} to compare five short words instead."), word=own(SHORT_WORDS, "bold")),
    ]
    if report.key_changed:
        parts += [
            own(""),
            own(
                _(
                    "Their key has changed: they lost all their devices and started over, or it is "
                    "someone else."
                ),
                style,
            ),
            filled(
                _("Ask them. To continue with the new key without comparing it, type {word}."),
                word=own(GO_ON, "bold"),
            ),
        ]
    return lines(*parts)


def _rows(number: str) -> list[str]:
    groups = number.split()
    return ["  ".join(groups[start : start + 4]) for start in range(0, len(groups), 4)]
