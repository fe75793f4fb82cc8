"""The command that lists the links of a room's last messages."""

from typing import TYPE_CHECKING, Annotated

from parlour_client.commands.command import Call, Connect, Here, Kind, Takes, command
from parlour_client.commands.results import LinksListed
from parlour_client.kit.language import N_
from parlour_client.text.link_details import describe
from parlour_client.text.links import find_links
from parlour_protocol.kit.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parlour_client.core.model import Entry
    from parlour_client.text.link_details import LinkDetails

_MOST = 500


@command("links", cli="links", connect=Connect.IF_POSSIBLE, json=True, examples=("links lobby --limit 200",))
async def links(
    call: Call,
    room: Here,
    *,
    limit: Annotated[int, Takes(Kind.COUNT, "NUMBER", N_("Look at this many messages."))] = 50,
) -> LinksListed:
    """List the links of this room's last messages, and what looks wrong about them.

    Nothing is opened: each link is shown with its host in Unicode and in punycode.
    """
    entries = await call.client.history.timeline(room.id, limit=min(limit, _MOST))
    return LinksListed(room, links_of(entries))


def links_of(entries: "Sequence[Entry]") -> "list[tuple[Entry, LinkDetails]]":
    """Return the links of messages, the newest message first."""
    return [
        (entry, describe(link))
        for entry in reversed(entries)
        if entry.text is not None
        for link in find_links(safe_text(entry.text))
    ]
