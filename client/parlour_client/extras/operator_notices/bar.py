"""The bar above the chat with what the operator of the server tells everyone, until it was read."""

from collections.abc import Sequence
from typing import Any, Final

from textual.screen import Screen

from parlour_client.kit.language import _, ngettext
from parlour_client.kit.widgets.box import quoted
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, own, peer, peer_line
from parlour_client.text.server_notice_text import no_notices, notice_heading
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.page import Page
from parlour_client.ui.input.keymap import written
from parlour_protocol.kit.server_notices import ServerNotice

_AROUND: Final = 4
"""Cells beside the text in its row: the padding, and the mark of what someone else wrote."""


class NoticeBar(SafeStatic):
    """That there is a notice that was not read, in our words; below, behind a mark, how the newest begins."""

    DEFAULT_CSS = "NoticeBar { height: auto; padding: 0 1; background: $panel; display: none; }"

    def __init__(self) -> None:
        super().__init__(id="notice")

    def tell(self, unread: Sequence[ServerNotice], server: str) -> None:
        """Show that there are some, or nothing."""
        count = len(unread)
        self.display = count > 0
        key = written(self, "chat.notices", "alt+n")
        hint = ngettext("{key}: read it", "{key}: read all {count}", count).format(key=key, count=count)
        heading = peer_line(_("Notice from the operator of {server}").format(server=server), style="bold")
        rows = [join(own("! ", "bold $warning"), heading, own(f" · {hint}"))]
        if unread and not self.screen.has_class("-low"):
            cells, newest = max(1, self.screen.size.width - _AROUND), unread[-1]
            rows.append(join(own("│ ", "dim"), peer_line(newest.text, limit=cells)))
        self.show(lines(*rows))


def tell(screen: Screen[Any]) -> None:
    """Show the newest unread notice above the chat, or nothing."""
    assert isinstance(screen, ChatScreen)  # noqa: S101 - notices come to no other screen
    bar = next(iter(screen.query(NoticeBar)), None)
    if bar is None:
        bar = NoticeBar()
        _shown = screen.mount(bar, before=0)
    bar.tell(screen.client.notices.unread, screen.client.account.server)


def open_page(screen: Screen[Any]) -> None:
    """Show all of them; then they are read."""
    assert isinstance(screen, ChatScreen)  # noqa: S101 - it is a command of the chat
    client, server = screen.client, screen.client.account.server
    parts = []
    for notice in client.notices.all:
        heading = peer_line(notice_heading(notice, server), style="bold")
        parts += [heading, quoted(peer(notice.text)), own("")]
    client.notices.mark_read()
    if parts:
        screen.pane.interaction.push(Page(own(_("Notices"), "bold"), lines(*parts)))
    else:
        screen.pane.interaction.say(no_notices(server))
