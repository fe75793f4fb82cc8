"""The bar above the chat with what the operator of the server tells everyone, until it was read."""

from collections.abc import Sequence

from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_client.text.notice_of_operator import notice_heading
from parlour_protocol.kit.server_notices import ServerNotice

_SHOWN = 160
"""Characters of the text; /notices shows all of it."""


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
            heading = own(notice_heading(newest, server), "bold")
            more = own(f"  ({_('/notices reads it')})", "dim")
            self.show(join(heading, own(": "), peer_line(newest.text, limit=_SHOWN), more))
