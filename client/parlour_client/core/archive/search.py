"""Search over the texts of all messages, encrypted rooms included, without a server.

Each word is quoted and each restriction is a token of ours, so that no operator of the database's own search
language can be injected. The index is walked backwards in time and left when enough was found, so a common
word costs no more than a rare one. It never marks anything read. Functions over a connection.
"""

from collections.abc import Iterable, Sequence
from typing import Final, cast

import apsw

from parlour_client.core.archive import search_index
from parlour_client.core.archive.events import shown
from parlour_client.core.model import Entry
from parlour_client.core.search_query import Query
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName

_FACTS: Final = {
    "link": search_index.LINK,
    "file": search_index.FILE,
    "reaction": search_index.REACTION,
    "mention": search_index.MENTION,
    "edited": search_index.EDITED,
}
_LAST: Final = (1 << 63) - 1


def search(connection: apsw.Connection, query: Query, me: UserName, limit: int) -> Sequence[Entry]:
    """Return the newest matching messages. People who are ignored are left out unless asked for by name."""
    first = 0 if query.after is None else query.after << 20
    last = _LAST if query.before is None else (query.before << 20) - 1
    conditions, values = "", list[object]()
    if "unread" in query.states:
        oldest = _oldest_unread(connection)
        if oldest is None:
            return ()
        first = max(first, oldest)
        conditions += f" AND events.author != ? AND {_UNREAD}"
        values.append(str(me))
    source = _STARRED if "starred" in query.states else _ALL
    ask = f"""
        SELECT events.room, events.seq FROM {source}
        WHERE words MATCH ? AND words.rowid BETWEEN ? AND ? {conditions}
        ORDER BY words.rowid DESC LIMIT ?"""  # noqa: S608 - constants
    bound = (_matching(connection, query, me), first, last, *values, limit)
    hits = cast("list[tuple[RoomId, Seq]]", list(connection.execute(ask, cast("apsw.Bindings", bound))))
    return [entry for where, seq in hits for entry in shown(connection, where, [seq])]


def messages_of(connection: apsw.Connection, user: UserName) -> tuple[int, Entry | None]:
    """Return the number of someone's messages that are here, and the newest of them."""
    wanted = "{facts} : " + search_index.author_fact(user)
    count = int(str(next(connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (wanted,)))[0]))
    newest = """
        SELECT events.room, events.seq FROM words JOIN events ON events.id = words.rowid
        WHERE words MATCH ? ORDER BY words.rowid DESC LIMIT 1"""
    for room, seq in list(connection.execute(newest, (wanted,))):
        return count, next(iter(shown(connection, RoomId(str(room)), [Seq(int(str(seq)))])), None)
    return count, None


_UNREAD: Final = """
    events.seq > (SELECT json_extract(summary, '$.read') FROM rooms WHERE id = events.room AND entered)"""
_ALL: Final = "words JOIN events ON events.id = words.rowid"
_STARRED: Final = """
    stars CROSS JOIN events ON events.room = stars.room AND events.seq = stars.seq
    CROSS JOIN words ON words.rowid = events.id"""  # few stars: begin with them


def _oldest_unread(connection: apsw.Connection) -> int | None:
    query = """
        SELECT min((SELECT min(id) FROM (
            SELECT id FROM events
            WHERE room = rooms.id AND seq > json_extract(rooms.summary, '$.read') ORDER BY seq LIMIT 1000
        ))) FROM rooms WHERE entered"""
    found = next(connection.execute(query))[0]
    return int(str(found)) if found is not None else None


def _matching(connection: apsw.Connection, query: Query, me: UserName) -> str:
    """Return the FTS5 expression: the person's words, quoted, and tokens of ours."""
    facts = [f"({_any(map(search_index.author_fact, query.people))})"] if query.people else []
    if "mine" in query.states:
        facts.append(search_index.author_fact(me))
    if query.rooms:
        facts.append(f"({_any(map(search_index.room_fact, query.rooms))})")
    facts += [_FACTS[state] for state in sorted(query.has | query.states) if state in _FACTS]
    parts = []
    if query.phrases:
        parts.append("({text} : (" + _words(query) + "))")
    if facts or not parts:
        parts.append("({facts} : (" + " AND ".join(facts or [search_index.ANY]) + "))")
    wanted = " AND ".join(parts)
    ignored = [str(user) for (user,) in connection.execute("SELECT user FROM ignored")]
    left_out = [user for user in ignored if user not in query.people]
    if left_out:
        wanted = f"({wanted}) NOT ({{facts}} : ({_any(map(search_index.author_fact, left_out))}))"
    return wanted


def _any(tokens: Iterable[str]) -> str:
    return " OR ".join(tokens)


def _words(query: Query) -> str:
    quoted = ['"' + words.replace('"', '""').replace("\0", " ") + '"' for words in query.phrases]
    return " AND ".join(quoted) + (" *" if query.unfinished else "")
