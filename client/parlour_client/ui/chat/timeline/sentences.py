"""Sentences of a timeline for everything that is not a message.

A sentence is ours and contains at most names (checked types); a topic or a reason is a stranger's text and is
returned separately, to be shown on rows of its own after the gutter. ``rows`` calls it.
"""

from parlour_client.core.model import Entry, display_name
from parlour_client.kit.language import N_, _
from parlour_client.text.event_text import event_sentence
from parlour_protocol.frames import bodies
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role, Status

Sentence = tuple[str, WireText | None]

STATUS_WORDS = {Status.ONLINE: N_("online"), Status.AWAY: N_("away"), Status.OFFLINE: N_("offline")}
ROLE_WORDS = {Role.OWNER: N_("owner"), Role.MODERATOR: N_("moderator"), Role.MEMBER: N_("member")}


def sentence(entry: Entry, me: UserName | None = None) -> Sentence:
    """Return our sentence, and the stranger's words that belong to it; ``me`` is the reader."""
    author = display_name(entry.author)
    match entry.body:
        case bodies.Pinned(on=True):
            return _("{author} pinned a message (p: go there)").format(author=author), None
        case bodies.Pinned():
            return _("{author} unpinned a message").format(author=author), None
        case body:
            return event_sentence(entry.author, body, entry.at, me)
