"""The dialog for a link: its host in both forms, what looks wrong, and the whole address, before it opens."""

from enum import Enum, auto
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList

from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.box import Box, blocks, quoted
from parlour_client.kit.widgets.questions import Answers, GuardedQuestion
from parlour_client.kit.widgets.safe import ESCAPE, SafeStatic, filled, join, lines, own, peer_line
from parlour_client.text.link_details import LinkDetails

_LONGEST_WARNING = 600


class LinkAnswer(Enum):
    """The answers about a link."""

    OPEN = auto()
    COPY = auto()


class LinkScreen(GuardedQuestion[LinkAnswer]):
    """Enter opens a link without a warning, o any other one, y copies, Esc closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", N_("Open anyway"), show=False, id="link.open_anyway"),
        Binding("y", "copy", N_("Copy"), id="link.copy"),
        Binding("q", "leave", N_("Close"), id="link.leave"),
        Binding("pagedown", "scroll(1)", N_("Page down"), show=False, priority=True, id="link.page_down"),
        Binding("pageup", "scroll(-1)", N_("Page up"), show=False, priority=True, id="link.page_up"),
    ]

    def __init__(self, link: LinkDetails, author: str = "") -> None:
        """Take the link, and who wrote the message that it is in."""
        super().__init__(classes="dialog")
        self._link, self._author = link, author

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        title = own(_("Link"), "bold")
        if self._author:
            title = filled(_("Link in a message of {author}"), "bold", author=peer_line(self._author))
        with Box(title):
            with VerticalScroll(can_focus=False):
                yield from blocks(link_content(self._link))
            yield SafeStatic(own(""), id="quiet")
            yield Answers(*self._answers())

    def _answers(self) -> tuple[tuple[str, str, str], ...]:
        """Return the answers; Enter gives the first: none that may be a habit."""
        close = "close", _("Close"), f"{_('Esc')}, {_('Enter')}"
        copy = "copy", _("Copy"), "y"
        if not self._link.address:
            return close, copy
        if self._link.warnings:
            return close, copy, ("open", _("Open anyway"), "o")
        return ("open", _("Open"), _("Enter")), copy, ("close", _("Close"), _("Esc"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the marked answer; a link that looks wrong is opened by its letter only."""
        match event.option_id:
            case "copy":
                self.action_copy()
            case "open" if not self._link.warnings:
                self.action_open()
            case "open":
                told = own(_("Press o to open it anyway."), "$warning")
                self.query_one("#quiet", SafeStatic).show(told)
            case _:
                self.action_leave()

    def action_scroll(self, step: int) -> None:
        """Scroll a long address."""
        facts = self.query_one(VerticalScroll)
        facts.scroll_relative(y=step * facts.size.height, animate=False)

    def action_open(self) -> None:
        """Open it, if it may be opened."""
        if self._link.address:
            _ = self.dismiss(LinkAnswer.OPEN)

    def action_copy(self) -> None:
        """Copy it as it is shown."""
        _ = self.dismiss(LinkAnswer.COPY)


def link_content(link: LinkDetails) -> Content:
    """Return what is known about a link: where it leads comes first, because an address can be long."""
    if link.ascii_host == link.host:
        parts = _fact(_("Host"), link.host)
    else:
        parts = _fact(_("Host in Unicode"), link.host) + _fact(_("Host in punycode"), link.ascii_host)
    parts += [
        join(own("! ", ESCAPE), peer_line(warning, limit=_LONGEST_WARNING)) for warning in link.warnings
    ]
    if link.refusal:
        parts.append(
            join(own("! ", ESCAPE), own(_("Parlour doesn't open it.")), own(" "), peer_line(link.refusal))
        )
    if link.text != link.address:
        parts += _fact(_("Written"), link.text)
    if link.address:
        parts += _fact(_("Opens"), link.address)
    return lines(*parts)


def _fact(label: str, value: str) -> list[Content]:
    return [own(label, "dim"), quoted(peer_line(value, limit=10_000))]
