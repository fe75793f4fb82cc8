"""The search index: for each message its newest text, and tokens of ours for what the text does not say.

A fact is one token of letters and digits (`ismention`, `r…` for a room, `a…` for an author, both in hex), so
that no name can be mistaken for an operator of the search language. A deleted message leaves the index with
its text. ``events`` calls it whenever something about a message came in; ``search`` asks by the same tokens.
"""

from collections.abc import Iterable
from typing import Final, cast

import apsw

from parlour_client.core.archive.rows import Fold, folds_of
from parlour_protocol.frames import decode_body
from parlour_protocol.frames.bodies import Message
from parlour_protocol.ids import RoomId, Seq

ANY: Final = "any"
"""Every message has it: to ask by nothing else than a time."""
MENTION: Final = "ismention"
EDITED: Final = "isedited"
LINK: Final = "haslink"
FILE: Final = "hasfile"
REACTION: Final = "hasreaction"
_LINKS: Final = ("http://", "https://", "www.")


def room_fact(room: str) -> str:
    """Return the token of a room."""
    return f"r{room.encode().hex()}"


def author_fact(author: str) -> str:
    """Return the token of an author."""
    return f"a{author.encode().hex()}"


def index_message(connection: apsw.Connection, room: RoomId, seq: Seq) -> None:
    """Let the search find what a message says now, or nothing when it was deleted."""
    found = list(
        connection.execute(
            "SELECT id, author, mention, body FROM events WHERE room = ? AND seq = ?", (room, seq)
        )
    )
    if not found:
        return
    number, author, mention, body = found[0]
    connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
    message = decode_body(str(body))
    if not isinstance(message, Message):
        return
    about = "SELECT target, author, body FROM events WHERE room = ? AND target = ? ORDER BY seq"
    later = cast("Iterable[tuple[int, str, str]]", connection.execute(about, (room, seq)))
    fold = folds_of(later).get(seq) or Fold()
    text = str(fold.text or message.text)
    facts = [ANY, room_fact(room), author_fact(str(author))]
    facts += [MENTION] if mention else []
    facts += [EDITED] if fold.text is not None else []
    facts += [REACTION] if fold.counts() else []
    facts += [FILE] if message.file is not None else []
    facts += [LINK] if any(link in text.lower() for link in _LINKS) else []
    connection.execute(
        "INSERT INTO words (rowid, text, facts) VALUES (?, ?, ?)", (number, text, " ".join(facts))
    )
