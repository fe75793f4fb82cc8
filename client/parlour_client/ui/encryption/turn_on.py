"""The dialog that turns encryption on, and what it says: what is won, what is lost, and that it is for good.

Nothing is switched on without it. The chat screen pushes it.
"""

from typing import Final

from textual.content import Content

from parlour_client.ui.safe import join, lines, own, peer_line

LOST: Final = (
    "It is never switched off again.",
    "People who come later read nothing of before; so does a new device of yours.",
    "The server cannot search it, preview links in it, or moderate by what is said.",
    "Bots need a device of their own in the room. Webhooks cannot write here.",
    "Names, members, topic, times and sizes stay visible to the server.",
    "What was said before stays as it is: readable on the server.",
)


def turn_on_question(title: str) -> Content:
    """Return the question."""
    head = join(own("Encrypt ", "bold"), peer_line(title, style="bold"), own(" end to end?", "bold"))
    won = own("Only the devices of its members read what is said from here on; the server does not.")
    return lines(head, won, own(""), *(own(f"· {sentence}") for sentence in LOST))
