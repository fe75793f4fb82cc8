"""The dialog that turns encryption on, and what it says: what is won, what is lost, and that it is for good.

Nothing is switched on without it. The chat screen pushes it.
"""

from textual.content import Content

from parlour_client.encryption_words import LOST, WON
from parlour_client.ui.safe import join, lines, own, peer_line


def turn_on_question(title: str) -> Content:
    """Return the question."""
    head = join(own("Encrypt ", "bold"), peer_line(title, style="bold"), own(" end to end?", "bold"))
    return lines(head, own(WON), own(""), *(own(f"· {sentence}") for sentence in LOST))
