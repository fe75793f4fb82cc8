"""How an invitation looks: its row in the list of rooms, and the question that is asked about it.

Names are checked types and go through ``peer_line`` all the same; nothing else of a stranger's is shown. The
list of rooms and the chat screen call it.
"""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from parlour_client.core.model import Invitation
from parlour_client.ui.safe import join, own, peer_line
from parlour_protocol.frames.base import RoomKind

ACCEPT: Final = "accept"
DECLINE: Final = "decline"
BLOCK: Final = "block"


def row(one: Invitation) -> Content:
    """Return the row of the list of rooms."""
    return join(
        own(" +   ", "bold $text-accent"),
        peer_line(one.title, style="bold"),
        own(" by ", "dim"),
        peer_line(one.inviter),
    )


def question(one: Invitation) -> Content:
    """Ask what to do."""
    if one.kind is RoomKind.DIRECT:
        return join(peer_line(one.inviter, style="bold"), own(" wants to write to you", "bold"))
    kind = f"{'an encrypted' if one.encrypted else 'a'} {one.kind.value} room"
    return join(
        peer_line(one.inviter, style="bold"),
        own(" invites you to ", "bold"),
        peer_line(one.title, style="bold"),
        own(f", {kind}", "bold"),
    )


def answers(one: Invitation) -> Sequence[tuple[str, Content]]:
    """Return what can be answered."""
    return [
        (ACCEPT, own("Accept")),
        (DECLINE, own("Decline; nobody is told")),
        (BLOCK, join(own("Block "), peer_line(one.inviter), own("; they are not told"))),
    ]
