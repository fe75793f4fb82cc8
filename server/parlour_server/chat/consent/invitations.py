"""Invitations, pending direct rooms, and blocks.

A declined, dropped or blocked invitation stays open: until it expires it counts for its inviter and looks
pending to them (L14: no oracle). Visibility is computed on reading. The chat calls the class; facts and
effects of events call the functions. It is no capability: that nobody is put into a room, and that nobody
learns how someone answers, holds for every server.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Invited, Joined, Uninvited
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.replies import Invitation, LogEvent, RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.limits import (
    BLOCKED_PEOPLE,
    DIRECT_REQUESTS,
    INVITATION_AGAIN_HOURS,
    INVITATION_DAYS,
    INVITATIONS_FOR_PERSON,
    ROOMS_PER_USER,
)
from parlour_protocol.membership import Accept, digest_of, read_again
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.store.sql.column_values import ASKED, GIVEN, REFUSED, ROOM_KINDS
from parlour_server.chat.store.sql.journal_entries import note_consent
from parlour_server.chat.store.sql.rooms.summaries import read_summary
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.accounts.tables.accounts import account_exists
from parlour_server.core.accounts.tables.authority import Authority, BySession, authorised
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import NO_LIMIT, plain, user_name
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer

LASTS: Final = INVITATION_DAYS.value * 86_400_000
_AGAIN: Final = INVITATION_AGAIN_HOURS.value * 3_600_000
_OPEN: Final = "withdrawn = 0 AND expires > ?"
_SHOWN: Final = """
    FROM invitations i JOIN rooms r USING (room)
    WHERE i.account = ?1 AND i.withdrawn = 0 AND i.expires > ?2 AND coalesce(i.quiet, 0) <= ?2
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.account = i.account AND b.blocked = i.inviter)
"""
# the newest invitation into each room
_LIST: Final = f"""
    SELECT room, kind, name, inviter, at, expires, encrypted, statement FROM (
        SELECT i.room, r.kind, r.name, i.inviter, i.at, i.expires, r.encrypted, i.statement,
        row_number() OVER (PARTITION BY i.room ORDER BY i.at DESC, i.inviter) AS nth {_SHOWN}
    ) AS shown WHERE nth = 1
"""  # noqa: S608 - of ours
_HEAVIEST: Final = f"SELECT i.inviter {_SHOWN} GROUP BY i.inviter ORDER BY count(*) DESC, min(i.at) LIMIT 1"
_ADMISSIONS: Final = (
    f"SELECT statement FROM invitations WHERE room = ? AND account = ? AND {_OPEN}"  # noqa: S608 - of ours
    " AND statement IS NOT NULL ORDER BY at DESC, inviter"
)
_OLDEST: Final = f"SELECT i.room {_SHOWN} AND i.inviter = ?3 ORDER BY i.at, i.room LIMIT 1"


@dataclass(eq=False)
class ConsentStore:
    """Invitations, direct rooms that others opened, blocks, and people's answers.

    The answers are private: to its inviter, and for every limit on the inviter, a declined, dropped or
    blocked invitation looks like a pending one (L14).
    """

    writer: Writer
    readers: Readers
    clock: Clock

    async def invitations(
        self, user: UserName, *, after: RoomId | None, limit: int
    ) -> tuple[Sequence[Invitation], bool]:
        """Return the user's visible invitations, one per room, by room id, and whether more follow."""
        query = _LIST + "AND room > ?3 ORDER BY room LIMIT ?4"
        values = (plain(user), self.clock.now(), after or "", limit + 1)
        found = await self.readers.rows(_invitation, query, *values)
        return found[:limit], len(found) > limit

    async def invitation(self, room: RoomId, user: UserName) -> Invitation | None:
        """Return the user's visible invitation to this room, or None."""
        query = _LIST + "AND room = ?3"
        values = (plain(user), self.clock.now(), room)
        return await self.readers.row(_invitation, query, *values)

    async def accept_direct(self, by: BySession, room: RoomId) -> RoomSummary | None:
        """Accept a direct room, and return its summary; None when it is not one of the user's direct rooms.

        Raises RefusedError(LIMIT_REACHED) when the user is in too many rooms.
        """

        def write(db: WriteConnection, authority: Authority) -> RoomSummary | None:
            user = authority.user
            is_theirs = (
                "SELECT 1 FROM members JOIN rooms USING (room) WHERE room = ? AND account = ? AND kind = ?"
            )
            found = db.execute(is_theirs, (room, plain(user), RoomKind.DIRECT.value)).fetchone()
            if found is None:
                return None
            say_yes(db, room, user)
            note_consent(db, authority.at, room, user)
            return read_summary(db, room, user)

        return await self.writer.submit(authorised(self.clock, by, write))

    async def decline(self, by: BySession, room: RoomId) -> bool:
        """Hide invitations to the room for a while, or the direct room; False if there is none."""

        def write(db: WriteConnection, authority: Authority) -> bool:
            user, now = authority.user, authority.at
            quiet = db.execute(
                "UPDATE invitations SET quiet = ? WHERE room = ? AND account = ? AND withdrawn = 0"
                " AND expires > ? AND coalesce(quiet, 0) <= ?",
                (now + LASTS, room, plain(user), now, now),
            ).rowcount
            hidden = db.execute(
                "UPDATE members SET consent = ? WHERE room = ? AND account = ? AND consent = ?",
                (REFUSED, room, plain(user), ASKED),
            ).rowcount
            if quiet or hidden:
                note_consent(db, now, room, user)
            return bool(quiet or hidden)

        return await self.writer.submit(authorised(self.clock, by, write))

    async def block(self, by: BySession, whom: UserName, *, on: bool) -> Sequence[RoomId]:
        """Block or unblock someone; returns the rooms that changed for the user.

        Raises RefusedError(NOT_FOUND, FORBIDDEN for oneself, LIMIT_REACHED).
        """

        def write(db: WriteConnection, authority: Authority) -> Sequence[RoomId]:
            user, now = authority.user, authority.at
            rooms = _block(db, user, whom, on=on, now=now)
            for room in rooms:
                note_consent(db, now, room, user)
            return rooms

        return await self.writer.submit(authorised(self.clock, by, write))

    async def blocked(
        self, user: UserName, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[UserName], bool]:
        """Return the people the user blocks, in order of name, and whether more follow."""
        query = "SELECT blocked FROM blocks WHERE account = ? AND blocked > ? ORDER BY blocked LIMIT ?"
        values = (plain(user), "" if after is None else plain(after), limit + 1)
        names = await self.readers.rows(user_name, query, *values)
        return names[:limit], len(names) > limit


def count_shown(db: Connection, user: UserName, now: Millis) -> int:
    """Return how many invitations the user is shown."""
    count: int = db.execute(f"SELECT count(DISTINCT i.room) {_SHOWN}", (plain(user), now)).fetchone()[0]
    return count


def has_blocked(db: Connection, user: UserName, whom: UserName) -> bool:
    """Return whether the user blocks someone."""
    query = "SELECT 1 FROM blocks WHERE account = ? AND blocked = ?"
    return db.execute(query, (plain(user), plain(whom))).fetchone() is not None


def count_rooms(db: Connection, user: UserName) -> int:
    """Return how many rooms someone chose to be in."""
    query = "SELECT count(*) FROM members WHERE account = ? AND consent = ?"
    count: int = db.execute(query, (plain(user), GIVEN)).fetchone()[0]
    return count


def say_yes(db: Connection, room: RoomId, user: UserName) -> None:
    """Record that a member accepted their direct room. Raises RefusedError(LIMIT_REACHED)."""
    query = "SELECT 1 FROM members WHERE room = ? AND account = ? AND consent != ?"
    if db.execute(query, (room, plain(user), GIVEN)).fetchone() is None:
        return
    if count_rooms(db, user) >= ROOMS_PER_USER.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "you are in too many rooms: leave one first")
    db.execute("UPDATE members SET consent = ? WHERE room = ? AND account = ?", (GIVEN, room, plain(user)))


def hide_oldest_request(db: Connection, user: UserName) -> None:
    """Limit the direct rooms that wait for the user's answer, hiding the oldest."""
    rows = db.execute(
        "SELECT room FROM members JOIN entries ON log = room WHERE account = ? AND consent = ? AND seq = 1"
        " ORDER BY at DESC, room LIMIT ? OFFSET ?",
        (plain(user), ASKED, NO_LIMIT, DIRECT_REQUESTS.value),
    ).fetchall()
    for (room,) in rows:
        db.execute(
            "UPDATE members SET consent = ? WHERE room = ? AND account = ?", (REFUSED, room, plain(user))
        )


def facts_of_invitation(db: Connection, event: AppendEvent, who: UserName) -> dict[str, Any]:
    """Return the facts for an invitation or its withdrawal."""
    key = (event.room, plain(who), plain(event.author))
    invitation = (
        "SELECT at, expires, withdrawn, statement FROM invitations"
        " WHERE room = ? AND account = ? AND inviter = ?"
    )
    at, expires, withdrawn, statement = db.execute(invitation, key).fetchone() or (0, 0, 0, None)

    def count(where: str, *values: str) -> int:
        query = f"SELECT count(*) FROM invitations WHERE {where} AND {_OPEN}"  # noqa: S608 - of ours
        found: int = db.execute(query, (*values, event.at)).fetchone()[0]
        return found

    return {
        "subject_invited": count("room = ? AND account = ?", event.room, plain(who)) > 0,
        "subject_admitted": bool(_admissions(db, event.room, who, event.at)),
        "invited_by_author": not withdrawn and expires > event.at,
        "admitted_by_author": not withdrawn and expires > event.at and statement is not None,
        "invite_again": Millis(at + _AGAIN if withdrawn else 0),
        "invitations_of_author": count("inviter = ?", plain(event.author)),
        "invitations_into_room": count("room = ?", event.room),
    }


def is_invited(db: Connection, event: AppendEvent) -> bool:
    """Return whether the event's author has an open invitation to its room."""
    query = f"SELECT 1 FROM invitations WHERE room = ? AND account = ? AND {_OPEN}"  # noqa: S608 - of ours
    return db.execute(query, (event.room, plain(event.author), event.at)).fetchone() is not None


def accepted_admission(db: Connection, event: AppendEvent | LogEvent, body: Joined) -> StatementBytes | None:
    """Return the open admission of the event's author that they accept."""
    if body.acceptance is None:
        return None
    act = read_again(body.acceptance).act
    found = _admissions(db, event.room, event.author, event.at)
    return next(
        (data for data in found if isinstance(act, Accept) and digest_of(data) == act.admission), None
    )


def _admissions(db: Connection, room: RoomId, user: UserName, at: Millis) -> list[StatementBytes]:
    return [StatementBytes(data) for (data,) in db.execute(_ADMISSIONS, (room, plain(user), at))]


def invited(db: WriteConnection, event: LogEvent, body: Invited) -> None:
    """Store an invitation; over the person's limit, hide the oldest by the inviter with most."""
    db.execute("DELETE FROM invitations WHERE expires <= ?1 AND coalesce(quiet, 0) <= ?1", (event.at,))
    db.execute(
        "INSERT INTO invitations (room, account, inviter, at, expires, withdrawn, statement)"
        " VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT (room, account, inviter) DO UPDATE"
        " SET at = excluded.at, expires = excluded.expires, withdrawn = 0, statement = excluded.statement",
        (
            event.room,
            plain(body.who),
            plain(event.author),
            event.at,
            event.at + LASTS,
            None if body.statement is None else bytes(body.statement),
        ),
    )
    shown = (plain(body.who), event.at)
    many: int = db.execute(f"SELECT count(*) {_SHOWN}", shown).fetchone()[0]
    if many > INVITATIONS_FOR_PERSON.value:
        (inviter,) = db.execute(_HEAVIEST, shown).fetchone()
        (room,) = db.execute(_OLDEST, (*shown, inviter)).fetchone()
        db.execute(
            "UPDATE invitations SET quiet = expires WHERE room = ? AND account = ? AND inviter = ?",
            (room, plain(body.who), inviter),
        )


def uninvited(db: WriteConnection, event: LogEvent, body: Uninvited) -> None:
    """Withdraw the author's invitation, and a moderator everyone's; a signed withdrawal is about one."""
    if body.statement is not None:
        _withdraw_admission(db, event, body, body.statement)
        return
    query = "SELECT 1 FROM members WHERE room = ? AND account = ? AND role != ?"
    outranks = db.execute(query, (event.room, plain(event.author), Role.MEMBER.value)).fetchone()
    db.execute(
        "UPDATE invitations SET withdrawn = 1 WHERE room = ? AND account = ? AND (inviter = ? OR ? = 1)",
        (event.room, plain(body.who), plain(event.author), int(outranks is not None)),
    )


def _withdraw_admission(
    db: WriteConnection, event: LogEvent, body: Uninvited, statement: StatementBytes
) -> None:
    withdrawn = read_again(statement).withdraws
    if withdrawn is None:  # a statement of another kind is refused
        return
    key = (event.room, plain(body.who), plain(withdrawn.by))
    query = "SELECT statement FROM invitations WHERE room = ? AND account = ? AND inviter = ?"
    (data,) = db.execute(query, key).fetchone() or (None,)
    if data is not None and digest_of(data) == withdrawn.digest:
        db.execute("UPDATE invitations SET withdrawn = 1 WHERE room = ? AND account = ? AND inviter = ?", key)


def accepted(db: WriteConnection, event: LogEvent, admission: StatementBytes) -> None:
    """Note by which admission someone is in an encrypted room."""
    db.execute(
        "UPDATE members SET admission = ? WHERE room = ? AND account = ?",
        (digest_of(admission), event.room, plain(event.author)),
    )


def is_undone(db: Connection, event: LogEvent) -> bool:
    """Return whether a withdrawal is of the admission by which someone is a member.

    They had just accepted it. Members' devices remove them, unless they were given a role.
    """
    body = event.body
    withdrawn = (
        read_again(body.statement).withdraws if isinstance(body, Uninvited) and body.statement else None
    )
    if withdrawn is None:
        return False
    query = "SELECT 1 FROM members WHERE room = ? AND account = ? AND role = ? AND admission = ?"
    key = (event.room, plain(withdrawn.act.who), Role.MEMBER.value, withdrawn.digest)
    return db.execute(query, key).fetchone() is not None


def entered(db: Connection, room: RoomId, user: UserName) -> None:
    """Delete the invitations of someone who joined the room."""
    db.execute("DELETE FROM invitations WHERE room = ? AND account = ?", (room, plain(user)))


def left(db: Connection, room: RoomId, user: UserName) -> None:
    """Withdraw the invitations by someone who left the room."""
    db.execute("UPDATE invitations SET withdrawn = 1 WHERE room = ? AND inviter = ?", (room, plain(user)))


def banned(db: Connection, room: RoomId, user: UserName) -> None:
    """Withdraw the invitations of someone who was banned."""
    db.execute("UPDATE invitations SET withdrawn = 1 WHERE room = ? AND account = ?", (room, plain(user)))


def _block(db: WriteConnection, user: UserName, whom: UserName, *, on: bool, now: Millis) -> Sequence[RoomId]:
    if user == whom:
        raise RefusedError(ErrorCode.FORBIDDEN, "you cannot block yourself")
    if not on:
        db.execute("DELETE FROM blocks WHERE account = ? AND blocked = ?", (plain(user), plain(whom)))
        return _invited_by(db, user, whom, now)
    if not account_exists(db, whom):
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such user")
    many = "SELECT count(*) FROM blocks WHERE account = ?"
    if db.execute(many, (plain(user),)).fetchone()[0] >= BLOCKED_PEOPLE.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "you have blocked too many people: unblock someone first")
    db.execute(
        "INSERT INTO blocks (account, blocked, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (plain(user), plain(whom), now),
    )
    low, high = sorted((plain(user), plain(whom)), key=str.encode)
    direct = db.execute(
        "UPDATE members SET consent = ? WHERE account = ? AND room ="
        " (SELECT room FROM rooms WHERE low = ? AND high = ?) RETURNING room",
        (REFUSED, plain(user), low, high),
    ).fetchall()
    return [*(RoomId(room) for (room,) in direct), *_invited_by(db, user, whom, now)]


def _invited_by(db: Connection, user: UserName, whom: UserName, now: Millis) -> list[RoomId]:
    query = f"SELECT room FROM invitations WHERE account = ? AND inviter = ? AND {_OPEN}"  # noqa: S608 - of ours
    return [RoomId(room) for (room,) in db.execute(query, (plain(user), plain(whom), now))]


def _invitation(
    room: RoomId,
    kind: str,
    name: str,
    inviter: str,
    at: Millis,
    expires: Millis,
    encrypted: int,
    statement: bytes | None,
) -> Invitation:
    return Invitation(
        room=room,
        kind=ROOM_KINDS[kind],
        name=str.__new__(RoomName, name),
        inviter=user_name(inviter),
        at=at,
        expires=expires,
        encrypted=bool(encrypted),
        statement=None if statement is None else StatementBytes(statement),
    )
