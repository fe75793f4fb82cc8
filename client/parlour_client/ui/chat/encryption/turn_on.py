"""The dialog that turns encryption on: who is admitted, what changes, and that it can't be undone.

Nothing is switched on without it.
"""

from textual.content import Content

from parlour_client.commands.results import EncryptQuestion
from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import filled, lines, own, peer_line
from parlour_client.text.encryption_text import LOST, WON, admitted_by_encrypting


def turn_on_question(question: EncryptQuestion) -> Content:
    """Return the question."""
    title = peer_line(question.room.title, style="bold")
    head = filled(_("Encrypt {room} end to end?"), "bold", room=title)
    names = own(admitted_by_encrypting(question.people))
    return lines(head, names, own(""), own(_(WON)), *(own(f"· {_(sentence)}") for sentence in LOST))
