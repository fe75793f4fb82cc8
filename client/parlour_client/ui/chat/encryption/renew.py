"""The dialog that renews an older room: its owner confirms the people in its group.

The owner checks the people once; nothing is renewed without that.
"""

from textual.content import Content

from parlour_client.commands.results import RenewQuestion
from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import filled, join, lines, own, peer_line
from parlour_client.text.encryption_text import renewed_person


def renew_question(question: RenewQuestion) -> Content:
    """Return the question."""
    return lines(
        filled(_("Renew {room}"), "bold", room=peer_line(question.room.title, style="bold")),
        own(
            _(
                "From then on its members decide who is in it, and not the server. This adds and removes "
                "no one. These people can read it now:"
            )
        ),
        *(join(own("· "), peer_line(renewed_person(one))) for one in question.people),
        own(""),
        peer_line(question.text, style="bold"),
    )
