"""The dialog for a link: its host in both forms, what looks wrong, and the whole address, before it opens."""

from enum import Enum, auto
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.questions import GuardedQuestion
from parlour_client.kit.widgets.safe import ESCAPE, SafeStatic, join, lines, own, peer, peer_line
from parlour_client.text.link_details import LinkDetails

_LONGEST_WARNING = 600


class LinkAnswer(Enum):
    """The answers about a link."""

    OPEN = auto()
    COPY = auto()


class LinkScreen(GuardedQuestion[LinkAnswer]):
    """Enter opens a link without a warning, o any other one, y copies, Esc closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open_plain", N_("Open"), id="link.open"),
        Binding("o", "open", N_("Open anyway"), show=False, id="link.open_anyway"),
        Binding("y", "copy", N_("Copy"), id="link.copy"),
        Binding("q", "leave", N_("Close"), id="link.leave"),
    ]

    def __init__(self, link: LinkDetails) -> None:
        super().__init__(classes="dialog")
        self._link = link

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            with VerticalScroll():
                yield SafeStatic(link_content(self._link))
            yield SafeStatic(own(self._key_words(), "dim"))
            yield SafeStatic(own("", "dim"), id="quiet")

    def _key_words(self) -> str:
        if not self._link.address:
            return _("y: copy · esc: close")
        if self._link.warnings:
            return _("o: open anyway · y: copy · esc: close")
        return _("enter: open · y: copy · esc: close")

    def action_open_plain(self) -> None:
        """Open it, if nothing looks wrong: Enter may be a habit."""
        if not self._link.warnings:
            self.action_open()

    def action_open(self) -> None:
        """Open it, if it may be opened."""
        if self._link.address:
            _ = self.dismiss(LinkAnswer.OPEN)

    def action_copy(self) -> None:
        """Copy it as it is shown."""
        _ = self.dismiss(LinkAnswer.COPY)


def link_content(link: LinkDetails) -> Content:
    """Return what is known about a link: where it leads comes first, because an address can be long."""
    parts = [own(_("Link"), "bold")]
    if link.ascii_host == link.host:
        parts.append(_fact(_("Host"), link.host))
    else:
        parts += [_fact(_("Host in Unicode"), link.host), _fact(_("Host in punycode"), link.ascii_host)]
    parts += [
        join(own("! ", ESCAPE), peer_line(warning, limit=_LONGEST_WARNING)) for warning in link.warnings
    ]
    if link.refusal:
        parts.append(
            join(own("! ", ESCAPE), own(_("Parlour doesn't open it.")), own(" "), peer_line(link.refusal))
        )
    parts += [own(""), peer(link.text)]
    if link.address and link.address != link.text:
        parts += [own(""), _fact(_("Opens"), link.address)]
    return lines(*parts)


def _fact(label: str, value: str) -> Content:
    return join(own(label, "dim"), own(": ", "dim"), peer_line(value, limit=10_000))
