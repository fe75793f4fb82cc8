"""The bar above the chat with what the operator of the server tells everyone, until it was read."""

from collections.abc import Sequence

from parlour_client.kit.language import _, ngettext
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_protocol.kit.server_notices import ServerNotice

_SHOWN = 160
"""Characters of the text; /notices and its key show all of it."""


class NoticeBar(SafeStatic):
    """The newest unread notice. No text of a room is ever shown here."""

    DEFAULT_CSS = """
    NoticeBar { height: auto; max-height: 3; padding: 0 1; background: $primary 20%; display: none; }
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
