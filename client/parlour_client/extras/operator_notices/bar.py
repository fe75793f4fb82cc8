"""The bar above the chat with what the operator of the server tells everyone, until it was read."""

from collections.abc import Sequence
from typing import Any

from textual.screen import Screen

from parlour_client.kit.language import _, ngettext
from parlour_client.kit.widgets.box import quoted
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, own, peer, peer_line
from parlour_client.text.server_notice_text import no_notices, notice_heading
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.kit.server_notices import ServerNotice

_SHOWN = 160
"""Characters of the text; /notices and its key show all of it."""


class NoticeBar(SafeStatic):
    """The newest unread notice. No text of a room is ever shown here."""

    DEFAULT_CSS = """
    NoticeBar { height: auto; max-height: 3; padding: 0 1; background: $panel; display: none; }
    """

    def __init__(self) -> None:
        super().__init__(id="notice")

    def tell(self, unread: Sequence[ServerNotice], server: str) -> None:
        """Show the newest one, or nothing."""
        self.display = bool(unread)
        if unread:
            newest = unread[-1]
            count = len(unread)  # how to read them comes first: a small window cuts the end
            hint = ngettext("Alt+N: read it", "Alt+N: read all {count}", count).format(count=count)
            heading = own(_("Notice from the operator of {server}").format(server=server), "bold")
            self.show(join(own(f"{hint} · "), heading, own(": "), peer_line(newest.text, limit=_SHOWN)))


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
