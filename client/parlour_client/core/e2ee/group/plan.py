"""Plans the next commit of a room, and finds server claims that it must not act on (``report``).

The server says which devices are missing from the group and which must leave it. A device is added if its
person is on the roster, or a statement that they accepted adds them; it is removed if a statement removes its
person, or its revocation is known. The device that adds someone is stricter than those that follow: it adds
nobody while it is in doubt. This module only decides; ``commit`` makes the commit, and every member judges it
again (``rules``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import apsw

from parlour_client.core.archive import key_log_copy, key_pins, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.errors import RuleBrokenError
from parlour_client.core.e2ee.group import statements
from parlour_client.core.e2ee.group.report import ServerClaims, keep_claims
from parlour_client.core.e2ee.group.rules import SKEW, revocation_of, statement_of
from parlour_client.core.e2ee.group.statements import Addition, day
from parlour_client.core.e2ee.group.store import Groups, StoredGroup
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.keys import sign
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.model import display_name
from parlour_client.kit.language import _
from parlour_protocol.delivery import GroupState
from parlour_protocol.identity import Certificate
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import (
    ADMISSION_LASTS,
    MARGIN,
    STATEMENTS_PER_COMMIT,
    Admit,
    AnyAct,
    Execution,
    NotAllowedError,
    Remove,
    Roster,
    Statement,
    digest_of,
    new_admission_id,
    order_of,
    sign_statement,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a commit should do. Empty if there is nothing to do."""

    statements: Sequence[bytes]
    revocations: Sequence[bytes]
    remove: Sequence[DeviceId]
    missing: Sequence[DeviceId]
    """Devices to add, if the server has key packages for them."""
    claims: ServerClaims
    claims_changed: bool = False
    """The claims have changed since the room was last checked."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time by this device's clock, and by the server's."""

    here: Millis
    server: Millis


def signed(own: OwnIdentity, act: AnyAct) -> bytes:
    """Return a statement by this device."""
    return sign_statement(act, own.certified(), lambda message: sign(own.key.seed, message))


def plan(
    connection: apsw.Connection,
    groups: Groups,
    room: RoomId,
    state: GroupState,
    peer: UserName | None,
    clocks: Clocks,
) -> Plan:
    """Plan a room's next commit, and store the server's other claims. Raises NotReadyError.

    ``peer``: the other person of a direct room.
    """
    stored = groups.stored(connection, room)
    made = plan_commit(connection, groups, stored, state, peer, clocks)
    roster = statements.expected(connection, stored, clocks.here)
    changed = keep_claims(connection, room, made.claims, roster, clocks.here)
    return replace(made, claims_changed=changed)


def plan_commit(
    connection: apsw.Connection,
    groups: Groups,
    stored: StoredGroup,
    state: GroupState,
    peer: UserName | None,
    clocks: Clocks,
) -> Plan:
    """Plan the next commit of a group."""
    members, own = groups.members(stored), groups.own
    made = _Planner(connection, own, stored, [one.certificate for one in members], state, peer, clocks).plan()
    # No path can be encrypted past an unusable key: each commit removes it.
    unusable = sorted(one.device for one in members if one.unusable and one.device != own.device)
    return replace(made, remove=[*made.remove, *(d for d in unusable if d not in made.remove)])


def _agree(connection: apsw.Connection, clocks: Clocks) -> bool:
    """Say whether this device may add people by its clock: it agrees with the server's, and was not put back.

    Then both must be wrong in the same way before an invitation lives longer, or a ban shorter.
    """
    if abs(clocks.here - clocks.server) >= MARGIN:
        return False
    latest = int(own_keys.get(connection, Name.CLOCK) or b"0")
    if clocks.here + SKEW < latest:
        return False
    if (agreed := min(clocks.here, clocks.server)) > latest:
        own_keys.put(connection, Name.CLOCK, b"%d" % agreed)
    return True


class _Planner:
    """Plans one commit of a group."""

    def __init__(
        self,
        connection: apsw.Connection,
        own: OwnIdentity,
        stored: StoredGroup,
        leaves: Sequence[Certificate],
        state: GroupState,
        peer: UserName | None,
        clocks: Clocks,
    ) -> None:
        self._connection, self._own, self._state, self._clocks = connection, own, state, clocks
        self._leaves = {leaf.device: leaf for leaf in leaves}
        self._peer = peer
        self._room = stored.room
        self._roster = self._after = stored.rules.roster
        self._execution = Execution(clocks.here, own.user, self._leaves, stored.rules.succeeds)
        self._statements: list[bytes] = []
        self._wait: set[UserName] = set()
        """People who come back only after this commit has removed them."""
        self._may_add = _agree(connection, clocks)

    def plan(self) -> Plan:
        waiting = statements.waiting(self._connection, self._room)
        additions = [one for one in waiting if isinstance(one, Addition)]
        others = [one for one in waiting if isinstance(one, Statement)]
        others += statements.subtracting(self._connection, self._roster)
        for statement in sorted({one.data: one for one in others}.values(), key=order_of):
            self._apply([statement])  # once each: what holds only behind a later kind is for the next commit
        for pair in additions:
            if self._was_removed(pair.who):
                self._wait.add(pair.who)  # their devices deleted the group's keys: remove, then add them
            elif self._may_add and not self._hinders(pair):
                self._apply(pair.all)
        if self._peer is not None:
            self._admit_peer(self._peer)
        keys = {one.user: one.account_key for one in self._after.people}
        gone = [d for d, leaf in self._leaves.items() if keys.get(leaf.user) != leaf.account_key]
        leaving = [
            one for one in self._state.leaving if one.device in self._leaves and one.device not in gone
        ]
        revocations = {one.device: _revocation(self._connection, self._leaves[one.device]) for one in leaving}
        missing = [one for one in self._state.missing if one.device not in self._leaves]
        listed = sorted({one.user for one in missing if one.user not in keys} - self._wait)
        void = {user: why for user in listed if (why := self._why_void(user, additions)) is not None}
        invited = [user for user in listed if self._is_invited(user)]
        return Plan(
            self._statements,
            [data for data in revocations.values() if data is not None],
            [*gone, *(device for device, data in revocations.items() if data is not None)],
            [one.device for one in missing if one.user in keys and one.user not in self._wait],
            ServerClaims(
                [user for user in listed if user not in void and user not in invited],
                [user for user in listed if user not in void and user in invited],
                sorted({one.user for one in leaving if revocations[one.device] is None}),
                [(user, why) for user, why in void.items() if why],
            ),
        )

    def _apply(self, those: Sequence[Statement]) -> None:
        """Add statements to the commit, unless they are invalid or remove this very device."""
        if len(self._statements) + len(those) > STATEMENTS_PER_COMMIT:
            return
        *before, statement = those
        if self._ends_by_the_clock(statement) and not self._may_add:
            return
        try:
            after = self._after.applied(statement, self._execution, *before)
        except NotAllowedError:
            return
        if not after.admits(self._own.user, self._own.admitted_key):
            return  # no one commits their own removal: another member's device does
        self._after = after
        self._statements += [one.data for one in those]

    def _ends_by_the_clock(self, statement: Statement) -> bool:
        """Say whether only the date of a ban decides that it removes someone who is in."""
        act, person = statement.act, self._after.person(statement.act.who)
        if person is None or not isinstance(act, Remove) or act.until is None:
            return False
        removal = self._after.removal_of(act.who)
        executed = removal is not None and statement.digest in removal.executed()
        return executed or act.serial < person.since

    def _was_removed(self, user: UserName) -> bool:
        return self._roster.person(user) is not None and self._after.person(user) is None

    def _hinders(self, pair: Addition) -> str:  # noqa: PLR0911 - one return for each reason
        """Say why this device must not add someone, though the others may follow; empty: it may."""
        act, signer = pair.statement.act, pair.statement.signer
        if statements.is_of_revoked(self._connection, pair):
            return _("it was signed on a device that was revoked since")
        logged = key_log_copy.account(self._connection, act.who)
        key = act.account_key if isinstance(act, Admit) else signer.account_key
        if logged is None or logged.key != key or self._is_changed(act.who, key):
            return _("{who} has a new key: invite {who} again").format(who=display_name(act.who))
        inviter = key_log_copy.account(self._connection, signer.user)
        if inviter is None or inviter.key != signer.account_key:
            return _("{by} has a new key since").format(by=display_name(signer.user))
        if act.at > self._clocks.here + MARGIN:
            return _("it is dated ahead: {by}'s clock, or this device's, is wrong").format(
                by=display_name(signer.user)
            )
        removal = self._after.removal_of(act.who)
        if isinstance(act, Admit) and self._clocks.server > act.until:
            return _("it ended on {day}").format(day=day(act.until))
        if removal is not None and removal.is_banned(self._clocks.server):
            return _("{by} banned them").format(by=display_name(removal.by))
        return ""

    def _is_changed(self, user: UserName, key: bytes) -> bool:
        """Say whether someone's key is another one than the person here has accepted."""
        pinned = key_pins.find(self._connection, user)
        return pinned is not None and (pinned.level == key_pins.CHANGED or pinned.account_key != key)

    def _why_void(  # noqa: PLR0911 - one return for each case, in order
        self, user: UserName, additions: Sequence[Addition]
    ) -> str | None:
        """Say why someone is not added who asked or accepted; None: they did not, empty: it may come yet."""
        theirs = [pair for pair in additions if pair.who == user]
        if not theirs:
            return None
        statement, removal = theirs[-1].statement, self._after.removal_of(user)
        act, by, who = statement.act, display_name(statement.by), display_name(user)
        if not isinstance(act, Admit):
            return None if removal is not None else ""
        before = removal.was.proof if removal is not None and removal.was is not None else b""
        if (before and digest_of(before) == statement.digest) or not self._is_a_members(statement):
            return None
        why = self._why_not(theirs[-1], act)
        if why is None and not self._may_add:
            return _(
                "This device's clock and the server's differ by a day or more: "
                "another member's device has to add {who}."
            ).format(who=who)
        if why is None:
            return None
        if not why:
            return _("The server shows an invitation of {who} that you withdrew. Nobody is added.").format(
                who=who
            )
        return _("The invitation of {who} by {by} is void: {why}.").format(who=who, by=by, why=why)

    def _is_a_members(self, admission: Statement) -> bool:
        """Say whether someone signed an admission who is in, or was."""
        removed = self._after.removal_of(admission.by)
        entries = (self._after.person(admission.by), None if removed is None else removed.was)
        return any(one is not None and admission.is_by(one.user, one.account_key) for one in entries)

    def _why_not(  # noqa: PLR0911 - one return for each reason
        self, pair: Addition, act: Admit
    ) -> str | None:
        """Say why an accepted admission is not executed, as a clause; empty: you withdrew it yourself."""
        if any(statements.withdrawals(self._connection, self._room, pair.statement.digest)):
            return "" if pair.statement.by == self._own.user else _("it was withdrawn")
        if self._clocks.here > act.until:
            return _("it ended on {day}").format(day=day(act.until))
        if hindrance := self._hinders(pair):
            return hindrance
        removal, inviter = self._after.removal_of(act.who), self._after.person(pair.statement.by)
        if removal is not None and act.after != self._after.removal_digest(act.who):
            if removal.by == act.who:
                return _("they left since")
            return _("{by} removed them since").format(by=display_name(removal.by))
        if inviter is None or act.serial < inviter.since:
            return _("{by} left since").format(by=display_name(pair.statement.by))
        return None

    def _is_invited(self, user: UserName) -> bool:
        """Say whether someone was admitted, and never removed, and has only not accepted."""
        known = statements.admissions(self._connection, self._room, user)
        return self._after.removal_of(user) is None and any(map(self._is_a_members, known))

    def _admit_peer(self, user: UserName) -> None:
        """Sign the admission of the other person of a direct room, or of their new key."""
        if all(one.user != user for one in self._state.missing):
            return
        key = pins.meet(self._connection, user, self._clocks.here)
        if key is None or self._is_changed(user, key) or self._after.admits(user, key):
            return
        act = admission(self._after, user, key, self._clocks.here)
        self._apply([statement_of(signed(self._own, act))])


def admission(roster: Roster, user: UserName, key: bytes, now: Millis) -> Admit:
    """Return the admission of someone under this key, as it is signed now."""
    return Admit(
        server=roster.server,
        room=roster.room,
        serial=roster.serial,
        at=now,
        who=user,
        account_key=key,
        origin=roster.origin,
        after=roster.removal_digest(user),
        id=new_admission_id(),
        until=Millis(now + ADMISSION_LASTS),
    )


def _revocation(connection: apsw.Connection, leaf: Certificate) -> bytes | None:
    """Return the revocation of a device by the account key that certified it, if it is in the key log."""
    data = key_log_copy.revocation(connection, leaf.device)
    if data is None:
        return None
    try:
        found = revocation_of(data)
    except RuleBrokenError:
        return None
    return data if found.account_key == leaf.account_key else None
