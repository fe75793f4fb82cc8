"""The question before a paste or a secret is sent: the finding, the text itself, and send, edit or drop.

The text is shown sanitised, folded with a count; Enter chooses nothing, so that neither a newline at
the end of a paste nor a letter that is being typed answers.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from parlour_client.kit.language import N_, _, ngettext
from parlour_client.kit.widgets.box import Box, blocks, quoted
from parlour_client.kit.widgets.questions import GuardedQuestion
from parlour_client.kit.widgets.safe import SafeStatic, lines, own, peer_line
from parlour_client.text.secret_guard import Finding

_SHOWN: Final = 40


class Choice(Enum):
    """The answers about pasted text."""

    SEND = auto()
    EDIT = auto()
    DROP = auto()


class PasteScreen(GuardedQuestion[Choice]):
    """Send, edit or drop."""

    HELP: ClassVar[str | None] = N_(
        "Check what you are about to send. s sends it, e or Esc lets you edit it, d deletes it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "choose('SEND')", N_("Send"), id="paste.send"),
        Binding("e", "choose('EDIT')", N_("Edit"), id="paste.edit"),
        Binding("d", "choose('DROP')", N_("Drop"), id="paste.drop"),
    ]

    left = Choice.EDIT

    def __init__(self, text: str, findings: Sequence[Finding], *, pasted: bool) -> None:
        super().__init__(classes="dialog")
        self._text, self._findings, self._pasted = text, findings, pasted

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        head = _("You are about to paste") if self._pasted else _("This looks like a secret")
        with Box(own(head, "bold")):
            yield from blocks(lines(*map(_words, self._findings)))
            with VerticalScroll(id="doubtful"):
                yield from blocks(self._shown())
            yield SafeStatic(own(_("s: send as it is · e or Esc: edit · d: delete"), "dim"))
            yield SafeStatic(own(""), id="quiet")

    def _shown(self) -> Content:
        rows = self._text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        shown = [quoted(peer_line(row) if row else own("")) for row in rows[:_SHOWN]]
        if len(rows) > _SHOWN:
            shown.append(
                own(
                    ngettext(
                        "… and {count} more line", "… and {count} more lines", len(rows) - _SHOWN
                    ).format(count=len(rows) - _SHOWN),
                    "dim",
                )
            )
        return lines(*shown)

    def action_choose(self, name: str) -> None:
        """Close with the answer."""
        _done = self.dismiss(Choice[name])


def _words(finding: Finding) -> Content:
    where = _(" (line {number})").format(number=finding.line) if finding.line else ""
    return own(f"! {finding.what}{where}", "$warning")
