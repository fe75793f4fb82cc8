"""A ban in words. The reason is someone else's text: it is returned on a line of its own, behind a mark."""

from typing import Final

from parlour_client.core.model import BanStanding, BanView, display_name
from parlour_client.kit.language import N_, _
from parlour_client.text.date_text import short_time
from parlour_protocol.kit.ids import Millis

STANDING: Final = {
    BanStanding.IN_FORCE: "",
    BanStanding.CLAIMED: N_("Only the server says so: no member's device has carried it out."),
    BanStanding.NOT_LISTED: N_("The server does not list it: the members' devices keep them out."),
}


def ban_line(ban: BanView, now: Millis) -> str:
    """Return who is banned, by whom, when, and until when."""
    line = (
        _("{user}, banned by {by} ({at}), for good.")
        if ban.until is None
        else _("{user}, banned by {by} ({at}), until {end}.")
    ).format(
        user=display_name(ban.user),
        by=display_name(ban.by),
        at=short_time(ban.at, now),
        end=short_time(ban.until or ban.at, now),
    )
    standing = STANDING[ban.standing]
    return f"{line} {_(standing)}" if standing else line
