"""Sentences about a notice's sender, or that there is none; its own text is shown as other people's is."""

from parlour_client.kit.language import _
from parlour_client.text.date_text import day_and_time
from parlour_protocol.kit.server_notices import ServerNotice


def notice_heading(notice: ServerNotice, server: str) -> str:
    """Return who says it, and when."""
    return _("Notice from the operator of {server}, {when}").format(
        server=server, when=day_and_time(notice.at)
    )


def no_notices(server: str) -> str:
    """Say that there is nothing to read."""
    return _("There are no notices from the operator of {server}.").format(server=server)
