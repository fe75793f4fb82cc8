"""A thread: every message whose chain of replies has the same root; and the earlier texts of a message.

Both are read from the archive's current state. Enter goes to the message in its room.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList

from parlour_client.core.model import Entry, Thread, Version, display_name
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, own, peer, peer_line
from parlour_client.ui.chat.timeline.sentences import clock, day
from parlour_client.ui.dialogs.message_list import MessageChoices, head_of
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.kit.text import safe_text


class ThreadScreen(Overlay[Entry | None]):
    """The messages of one thread."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", N_("Leave"), id="thread.leave")]

    def __init__(self, thread: Thread) -> None:
        super().__init__(classes="page")
        self._thread = thread

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        count = len(self._thread.entries)
        with Vertical(classes="box"):
            yield SafeStatic(
                own(
                    ngettext("Thread of {count} message", "Thread of {count} messages", count).format(
                        count=count
                    ),
                    "bold",
                )
            )
            if self._thread.missing is not None:
                yield SafeStatic(
                    own(_("The first message of this thread is not available."), "$text-warning")
                )
            yield MessageChoices()
        yield SafeStatic(own(_("enter: go to the message · esc: close"), "dim"), classes="keys")

    def on_mount(self) -> None:
        """Show the messages."""
        choices = self.query_one(MessageChoices)
        choices.fill(self._thread.entries, [head_of(entry) for entry in self._thread.entries])
        choices.focus()

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        """Close with the entry."""
        _ = self.dismiss(self.query_one(MessageChoices).marked)


def history_page(entry: Entry, versions: "list[Version] | tuple[Version, ...]") -> Page:
    """Return the page with all texts that a message had."""
    author = display_name(entry.author)
    parts = [peer_line(_("Edit history of a message by {author}").format(author=author), style="bold")]
    for number, version in enumerate(versions, 1):
        edit = _("edit {number}").format(number=number - 1)
        name = _("first") if number == 1 else _("now") if number == len(versions) else edit
        parts += [own(""), own(f"{name}  {day(version.at)} {clock(version.at)}", "bold")]
        parts += [join(own("│ ", "dim"), peer(line)) for line in safe_lines(version.text)]
    if len(versions) < 2:  # noqa: PLR2004 - a first text and no other
        parts.append(own(_("Never edited, as far as this device knows."), "dim"))
    return Page(lines(*parts))


def safe_lines(text: str) -> list[str]:
    """Split a text like the text rule: only at line feeds."""
    return text.replace("\r\n", "\n").split("\n") if safe_text(text).lines else [""]
