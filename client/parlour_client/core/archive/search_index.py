"""The search index: for each message its newest text, and tokens for its other properties.

A fact is one token of letters and digits (`ismention`, `r…` for a room, `a…` for an author, both in hex), so
that no name can be mistaken for an operator of the search language. A deleted message leaves the index with
its text. ``insertion`` updates it with every event; ``search`` uses the same tokens.
"""

from collections.abc import Iterable
from typing import Final, cast

import apsw

from parlour_client.core.archive.rows import Fold, folds_of
from parlour_protocol.frames import LogEvent, decode_body
from parlour_protocol.frames.bodies import Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq

ANY: Final = "any"
"""Every message has it: for a search by time only."""
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
    """Index a message's current text, or nothing if it was deleted."""
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
    facts = _facts(room, str(author), message, mention=bool(mention))
    facts += [EDITED] if fold.text is not None else []
    facts += [REACTION] if fold.counts() else []
    _put(connection, int(str(number)), str(fold.text or message.text), facts)


def index_fresh(
    connection: apsw.Connection, number: int, event: LogEvent, message: Message, *, mention: bool
) -> None:
    """Index a message that is new here, and to which nothing else here refers."""
    facts = _facts(event.room, event.author, message, mention=mention)
    _put(connection, number, str(message.text), facts)


def _facts(room: RoomId, author: str, message: Message, *, mention: bool) -> list[str]:
    facts = [ANY, room_fact(room), author_fact(author)]
    facts += [MENTION] if mention else []
    facts += [FILE] if message.file is not None else []
    return facts


def _put(connection: apsw.Connection, number: int, text: str, facts: list[str]) -> None:
    facts += [LINK] if any(link in text.lower() for link in _LINKS) else []
    query = "INSERT INTO words (rowid, text, facts) VALUES (?, ?, ?)"
    connection.execute(query, (number, text, " ".join(facts)))
