"""The dialog that turns encryption on: who is admitted, what changes, and that it can't be undone.

Nothing is switched on without it.
"""

from collections.abc import Sequence

from textual.content import Content

from parlour_client.kit.widgets.safe import join, lines, own, peer_line
from parlour_client.text.encryption_text import LOST, WON, admitted_by_encrypting
from parlour_protocol.kit.names import UserName


def turn_on_question(title: str, people: Sequence[UserName]) -> Content:
    """Return the question."""
    head = join(own("Encrypt ", "bold"), peer_line(title, style="bold"), own(" end to end?", "bold"))
    names = own(admitted_by_encrypting(people))
    return lines(head, names, own(""), own(WON), *(own(f"· {sentence}") for sentence in LOST))
