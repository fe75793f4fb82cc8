"""Signed statements about a room's members that this device has seen, and invitations made or accepted on it.

They arrive in the log (``note``), in messages and in commits (``learn``); any member's device executes them
in its next commit (``executed``). Removals, bans, their lifting and withdrawn invitations are kept for good,
also when the server's history is older later: what a device has seen signed it does not forget. A person may
also invite someone whose account has no key yet: that is remembered (``ask_in``), and this device signs the
admission once there is a key. Functions over a connection.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, cast

import apsw

from parlour_client.core.archive import key_log_copy
from parlour_client.core.archive.known_rooms import numbering
from parlour_client.core.e2ee.errors import NotReadyError, RuleBrokenError
from parlour_client.core.e2ee.group.rules import certificate_of, statement_of
from parlour_client.core.e2ee.group.store import Groups, StoredGroup, known_roster
from parlour_client.kit.language import N_, _
from parlour_protocol.encrypted import CONSENT_BYTES, CONSENT_PER_MESSAGE, Consent
from parlour_protocol.frames import AnyBody, LogEvent
from parlour_protocol.frames.bodies import Invited, Joined, MembershipChange, RoleSet, Unbanned, Uninvited
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, Seq
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.membership import (
    NEVER_REMOVED,
    Accept,
    Admit,
    Execution,
    NotAllowedError,
    Remove,
    Request,
    Roster,
    SetRole,
    Statement,
    Unban,
    Withdraw,
    digest_of,
)
from parlour_protocol.rooms import Role, RoomKind

OF_STRANGERS: Final = 500
"""Statements kept for one room of people who never were in it: a server must not fill the disk."""
OF_EACH: Final = 256
"""Statements kept of each other person, the newest, removals and bans first."""
_MADE: Final = {
    Role.OWNER: N_("made {who} an owner"),
    Role.MODERATOR: N_("made {who} a moderator"),
    Role.MEMBER: N_("made {who} a member"),
}


@dataclass(frozen=True, slots=True)
class Addition:
    """Someone who wants to be in: an admission that they accepted, or their request."""

    statement: Statement
    acceptance: Statement | None = None

    @property
    def who(self) -> UserName:
        """The person."""
        return self.statement.act.who

    @property
    def all(self) -> Sequence[Statement]:
        """The statements in a commit's order."""
        return [self.statement] if self.acceptance is None else [self.acceptance, self.statement]


def statements_in(body: AnyBody) -> Sequence[bytes]:
    """Return an event's statements."""
    match body:
        case Joined(statement=data, acceptance=acceptance):
            return [bytes(one) for one in (data, acceptance) if one is not None]
        case (
            MembershipChange(statement=data)
            | Invited(statement=data)
            | Uninvited(statement=data)
            | Unbanned(statement=data)
            | RoleSet(statement=data)
        ) if data is not None:
            return [bytes(data)]
        case _:
            return []


def note(connection: apsw.Connection, event: LogEvent) -> Sequence[Statement]:
    """Learn an event's statements; returns those that are new here."""
    learned = [learn(connection, event.room, data, event.seq) for data in statements_in(event.body)]
    return [one for one in learned if one is not None]


def learn(connection: apsw.Connection, room: RoomId, data: bytes, seq: Seq | None = None) -> Statement | None:
    """Store a statement; returns it if it is new here. An invalid one is dropped.

    ``seq``: its place in the log; None: it did not come as an event. The same statement by another device of
    its author is stored beside it: one of a revoked device must not hide it.
    """
    try:
        statement = statement_of(data)
    except RuleBrokenError:
        return None
    if statement.act.room != room:
        return None
    is_new = not is_known(connection, room, statement)
    if _store(connection, room, statement, seq, waits=True):
        _limit(connection, room, statement)
    return statement if is_new else None


def _store(
    connection: apsw.Connection, room: RoomId, one: Statement, seq: Seq | None, *, waits: bool
) -> bool:
    query = """
        INSERT OR IGNORE INTO mls_statements
            (room, digest, device, signer, who, kind, statement, seq, waiting)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
    kind = str(one.act.__struct_config__.tag)
    connection.execute(query, (room, one.digest, one.device, one.by, one.act.who, kind, one.data, seq, waits))
    return bool(connection.changes())


def is_known(connection: apsw.Connection, room: RoomId, statement: Statement) -> bool:
    """Say whether this device has a statement, by any device of its author."""
    query = "SELECT 1 FROM mls_statements WHERE room = ? AND digest = ?"
    return any(connection.execute(query, (room, statement.digest)))


def _limit(connection: apsw.Connection, room: RoomId, new: Statement) -> None:
    """Bound what is stored: of each person, of strangers together, and to one request of a person."""
    if isinstance(new.act, Request):
        query = "DELETE FROM mls_statements WHERE room = ? AND kind = 'request' AND who = ? AND digest != ?"
        connection.execute(query, (room, new.act.who, new.digest))
    ((stored,),) = connection.execute("SELECT count(*) FROM mls_statements WHERE room = ?", (room,))
    if int(str(stored)) <= OF_EACH:
        return
    connection.execute(
        """DELETE FROM mls_statements WHERE room = ?1 AND signer = ?2 AND id NOT IN (
            SELECT id FROM mls_statements WHERE room = ?1 AND signer = ?2
            ORDER BY kind = 'remove' DESC, id DESC LIMIT ?3)""",
        (room, new.by, OF_EACH),
    )
    roster = known_roster(connection, room)
    people = [] if roster is None else [one.user for one in roster.people]
    people += [] if roster is None else [one.user for one in roster.removed]
    if new.by not in people:
        connection.execute(
            """DELETE FROM mls_statements WHERE room = ?1
                AND signer NOT IN (SELECT value FROM json_each(?2)) AND id NOT IN (
                    SELECT id FROM mls_statements WHERE room = ?1
                    AND signer NOT IN (SELECT value FROM json_each(?2)) ORDER BY id DESC LIMIT ?3)""",
            (room, json.dumps(people), OF_STRANGERS),
        )


def waiting(connection: apsw.Connection, room: RoomId) -> Sequence[Statement | Addition]:
    """Return what no commit has executed, as it arrived; an admission where it was accepted."""
    query = "SELECT statement FROM mls_statements WHERE room = ? AND waiting ORDER BY id"
    found = [statement_of(bytes(data)) for (data,) in list(connection.execute(query, (room,)))]
    admissions: dict[bytes, list[Statement]] = {}
    for one in found:
        if isinstance(one.act, Admit):
            admissions.setdefault(one.digest, []).append(one)
    those: list[Statement | Addition] = []
    for one in found:
        if isinstance(one.act, Accept):
            those += [Addition(admission, one) for admission in admissions.get(one.act.admission, ())]
        elif not isinstance(one.act, Admit):
            those.append(Addition(one) if isinstance(one.act, Request) else one)
    return those


def admissions(connection: apsw.Connection, room: RoomId, who: UserName) -> Sequence[Statement]:
    """Return the admissions of someone that this device knows, each once."""
    query = "SELECT statement FROM mls_statements WHERE room = ? AND kind = 'admit' AND who = ? ORDER BY id"
    found = [statement_of(bytes(data)) for (data,) in list(connection.execute(query, (room, who)))]
    return list({one.digest: one for one in found}.values())


def withdrawals(connection: apsw.Connection, room: RoomId, admission: bytes) -> Sequence[Statement]:
    """Return the withdrawals of an admission that this device knows."""
    query = "SELECT statement FROM mls_statements WHERE room = ? AND kind = 'withdraw' ORDER BY id"
    found = [statement_of(bytes(data)) for (data,) in list(connection.execute(query, (room,)))]
    return [one for one in found if one.withdraws is not None and one.withdraws.digest == admission]


def subtracting(connection: apsw.Connection, roster: Roster) -> Sequence[Statement]:
    """Return the withdrawals, removals and bans that may have an effect on a roster, in a commit's order.

    They were never executed, or their person is in again: a ban outlasts who ends it too early.
    """
    query = """
        SELECT statement FROM mls_statements
        WHERE room = ? AND kind IN ('withdraw', 'remove')
            AND (waiting OR who IN (SELECT value FROM json_each(?))) ORDER BY kind DESC, id"""
    people = json.dumps([one.user for one in roster.people])
    found = list(connection.execute(query, (roster.room, people)))
    return [statement_of(bytes(data)) for (data,) in found]


def executable(
    roster: Roster, those: Iterable[Statement], execution: Execution
) -> tuple[Roster, list[Statement]]:
    """Return those that hold, one after the other, and the roster after them."""
    done: list[Statement] = []
    for one in those:
        with suppress(NotAllowedError):
            roster = roster.applied(one, execution)
            done.append(one)
    return roster, done


def is_of_revoked(connection: apsw.Connection, addition: Addition) -> bool:
    """Say whether a device signed the admission, the acceptance or the request that was revoked since."""
    return any(key_log_copy.is_revoked(connection, one.device) for one in addition.all)


def devices_of(stored: StoredGroup) -> set[DeviceId]:
    """Return the devices in a group."""
    return {certificate_of(leaf).device for _, leaf in stored.group.tree.members()}


def expected(connection: apsw.Connection, stored: StoredGroup, now: Millis) -> Roster:
    """Return the roster as it will be when everything that waits is executed.

    No one comes in by an invitation that has ended by now, or that a revoked device signed or accepted: they
    must be invited again.
    """
    roster = stored.rules.roster
    query = "SELECT 1 FROM mls_statements WHERE room = ? AND waiting LIMIT 1"
    if not any(connection.execute(query, (stored.room,))):
        return roster
    devices = devices_of(stored)
    for one in waiting(connection, stored.room):
        if isinstance(one, Addition) and is_of_revoked(connection, one):
            continue
        statement, acceptance = (one.statement, one.acceptance) if isinstance(one, Addition) else (one, None)
        at = max(statement.act.at, now) if acceptance is not None else statement.act.at
        execution = Execution(at, None, devices, partial(key_log_copy.had_key, connection))
        with suppress(NotAllowedError):
            roster = roster.applied(statement, execution, acceptance)
    return roster


def expected_in(connection: apsw.Connection, groups: Groups, room: RoomId, now: Millis) -> Roster | None:
    """Return a room's roster as it will be when the waiting statements are executed; None outside."""
    _row, stored = groups.both(connection, room)
    return None if stored is None else expected(connection, stored, now)


def unexecuted(
    connection: apsw.Connection, stored: StoredGroup, now: Millis
) -> tuple[Roster, Sequence[Statement]]:
    """Return the roster with the withdrawals, removals and bans that it lacks, and these.

    Those that only a moderator's device may execute are included.
    """
    roster = stored.rules.roster
    those = [] if roster.kind is RoomKind.DIRECT else subtracting(connection, roster)
    if not those:
        return roster, ()
    return executable(roster, those, Execution(now, None, devices_of(stored), stored.rules.succeeds))


def require_healed(connection: apsw.Connection, stored: StoredGroup, now: Millis) -> tuple[Consent, ...]:
    """Require that no one is in the group whom something removes that this device has seen.

    Returns what it has seen and the roster lacks, to be told in the next message. Raises NotReadyError.
    """
    roster = stored.rules.roster
    after, done = unexecuted(connection, stored, now)
    for one in done:
        if roster.person(one.act.who) is not None and after.person(one.act.who) is None:
            why = f"{one.by} {deed(one)}"
            raise NotReadyError(
                _("{who} must be removed from the room's keys first: {why}.").format(who=one.act.who, why=why)
            )
    numbers = numbering(connection, stored.room)
    query = "SELECT seq FROM mls_statements WHERE room = ? AND digest = ? AND seq IS NOT NULL LIMIT 1"
    entries: list[Consent] = []
    for one in done[:CONSENT_PER_MESSAGE]:
        if sum(len(entry.statement) for entry in entries) + len(one.data) > CONSENT_BYTES:
            break
        places = [Seq(int(str(seq))) for (seq,) in connection.execute(query, (stored.room, one.digest))]
        number = numbers.to_server(places[0]) if places else None
        entries.append(Consent(number or None, one.data))
    return tuple(entries)


def executed(connection: apsw.Connection, room: RoomId, those: Iterable[Statement]) -> None:
    """Note that a commit has executed statements: what adds is forgotten, what subtracts never is."""
    added: list[bytes] = []
    for one in those:
        if not isinstance(one.act, Withdraw | Remove | Unban):
            added.append(one.digest)
            continue
        query = "UPDATE mls_statements SET waiting = 0 WHERE room = ? AND digest = ?"
        connection.execute(query, (room, one.digest))
        if not connection.changes():
            _store(connection, room, one, None, waits=False)
    if added:
        marks = ", ".join("?" * len(added))
        query = f"DELETE FROM mls_statements WHERE room = ? AND digest IN ({marks})"  # noqa: S608 - only marks
        connection.execute(query, (room, *added))


# --- what was decided on this device


def ask_in(connection: apsw.Connection, room: RoomId, users: Iterable[UserName], until: Millis) -> None:
    """Remember that these people were invited to the room on this device, until a time."""
    for user in users:
        connection.execute(
            "INSERT OR REPLACE INTO mls_asked_in (room, user, until) VALUES (?, ?, ?)", (room, user, until)
        )


def ask_out(connection: apsw.Connection, room: RoomId, user: UserName) -> None:
    """Forget these invitations."""
    connection.execute("DELETE FROM mls_asked_in WHERE room = ? AND user = ?", (room, user))


def asked_in(connection: apsw.Connection, room: RoomId) -> set[UserName]:
    """Return the people who were invited to a room on this device and could not be admitted yet."""
    query = "SELECT user FROM mls_asked_in WHERE room = ?"
    return {parse_user_name(str(user)) for (user,) in connection.execute(query, (room,))}


def all_asked_in(connection: apsw.Connection, now: Millis) -> Sequence[tuple[RoomId, UserName]]:
    """Return all of them, by room; those that have ended are forgotten."""
    connection.execute("DELETE FROM mls_asked_in WHERE until < ?", (now,))
    rows = connection.execute("SELECT room, user FROM mls_asked_in ORDER BY room, user")
    return [(RoomId(str(room)), parse_user_name(str(user))) for room, user in rows]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An invitation that was accepted on this device."""

    inviter: UserName
    admission: bytes
    """The digest of the admission."""
    until: Millis


def accept(connection: apsw.Connection, room: RoomId, admission: Statement) -> None:
    """Remember which invitation to a room was accepted on this device."""
    until = admission.act.until if isinstance(admission.act, Admit) else admission.act.at
    query = "INSERT OR REPLACE INTO mls_invited (room, inviter, admission, until) VALUES (?, ?, ?, ?)"
    connection.execute(query, (room, admission.by, admission.digest, until))


def accepted(connection: apsw.Connection, room: RoomId) -> Accepted | None:
    """Return which invitation was accepted here; None: none was."""
    query = "SELECT inviter, admission, until FROM mls_invited WHERE room = ?"
    rows = cast("list[tuple[str, bytes, int]]", list(connection.execute(query, (room,))))
    for inviter, admission, until in rows:
        return Accepted(parse_user_name(inviter), admission, Millis(until))
    return None


def entered(connection: apsw.Connection, room: RoomId, me: UserName) -> None:
    """Forget what this account asked for or accepted: it is in."""
    those = "FROM mls_statements WHERE room = ? AND who = ? AND kind IN ('accept', 'admit', 'request')"
    if any(connection.execute(f"SELECT 1 {those} LIMIT 1", (room, me))):
        connection.execute(f"DELETE {those}", (room, me))
    if accepted(connection, room) is not None:
        forget_accepted(connection, room)


def forget_accepted(connection: apsw.Connection, room: RoomId) -> None:
    """Forget it: this account wants to join in another way."""
    connection.execute("DELETE FROM mls_invited WHERE room = ?", (room,))


def removal_of(connection: apsw.Connection, room: RoomId, who: UserName, below: Seq | None = None) -> bytes:
    """Return the digest of what removed someone last, as far as a device outside can know.

    ``below``: only of what came before that place in the log.
    """
    query = """
        SELECT statement, seq FROM mls_statements
        WHERE room = ? AND who = ? AND kind IN ('remove', 'unban', 'withdraw')
        ORDER BY seq IS NULL, seq DESC, id DESC"""
    rows = cast("list[tuple[bytes, int | None]]", list(connection.execute(query, (room, who))))
    for data, seq in rows:
        one = statement_of(bytes(data))
        is_removal = one.withdraws is None or isinstance(one.withdraws.act, Request)
        if is_removal and (below is None or (seq is not None and seq < below)):
            return one.digest
    roster = known_roster(connection, room)
    removal = None if roster is None else roster.removal_of(who)
    return NEVER_REMOVED if removal is None else digest_of(removal.proof)


def is_outdated(connection: apsw.Connection, room: RoomId, me: UserName) -> bool:
    """Say whether this account's request to join names another removal than the last one before it."""
    query = """
        SELECT statement, seq FROM mls_statements
        WHERE room = ? AND who = ? AND kind = 'request' AND seq IS NOT NULL"""
    rows = cast("list[tuple[bytes, int]]", list(connection.execute(query, (room, me))))
    for data, seq in rows:
        act = statement_of(bytes(data)).act
        if isinstance(act, Request):
            return act.after != removal_of(connection, room, me, Seq(seq))
    return False


# --- words


def invitation_words(connection: apsw.Connection, room: RoomId) -> str:
    """Say what became of the invitation that was accepted here; empty: none was."""
    invitation = accepted(connection, room)
    if invitation is None:
        return ""
    for one in withdrawals(connection, room, invitation.admission):
        return withdrawn_words(one)
    return _("The invitation by {inviter} ends on {day}.").format(
        inviter=invitation.inviter, day=day(invitation.until)
    )


def withdrawn_words(withdrawal: Statement) -> str:
    """Say to someone who was invited that the invitation was withdrawn."""
    return _("{by} withdrew this invitation.").format(by=withdrawal.by)


def words(those: Sequence[Statement], by: UserName, *, more: bool) -> Sequence[str]:
    """Describe statements that ``by`` has executed, as clauses after that name.

    ``more``: further clauses about ``by`` come first.
    """
    those = [one for one in those if not isinstance(one.act, Accept)]
    own = [deed(one) for one in those if one.by == by]
    others = [f"{one.by} {deed(one)}" for one in those if one.by != by]
    if others and not own and not more:
        return [_("recorded that ") + _(" and that ").join(others)]
    return [*own, *others]


def deed(statement: Statement) -> str:  # noqa: C901, PLR0911 - one return for each kind
    """Describe a statement, without its signer."""
    act = statement.act
    match act:
        case Admit():
            return _("let {who} in").format(who=act.who)
        case Accept():
            return _("accepted the invitation")
        case Withdraw() if act.who == statement.by:
            return _("does not want to join any more")
        case Withdraw():
            return _("withdrew the invitation of {who}").format(who=act.who)
        case Request():
            return _("joined")
        case Remove(ban=True, until=None):
            return _("banned {who}").format(who=act.who)
        case Remove(ban=True, until=until):
            return _("banned {who} until {day}").format(who=act.who, day=day(until or 0))
        case Remove():
            return _("left") if act.who == statement.by else _("removed {who}").format(who=act.who)
        case Unban():
            return _("lifted the ban of {who}").format(who=act.who)
        case SetRole(role=role):
            return _(_MADE[role]).format(who=act.who)


def day(at: int) -> str:
    """Return the day of a time, as this device's clock counts days."""
    last = 253_402_000_000_000  # the year 9999: a signed time may be any number
    return f"{datetime.fromtimestamp(min(at, last) / 1_000, tz=UTC).astimezone():%Y-%m-%d}"
