"""Plans the next commit of a room, and finds server claims that it must not act on.

The server says which devices are missing from the group and which must leave it. A device is added if its
person is on the roster, or a waiting statement adds them; it is removed if such a statement removes its
person, or its revocation is known. Anything else is a claim: people are notified of it, and it has no effect.
This module only decides; ``commit`` makes the commit, and every member judges it again (``policy``).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import apsw

from parlour_client.core.archive import key_log_copy, key_pins
from parlour_client.core.e2ee.groups import statements
from parlour_client.core.e2ee.groups.commit_evidence import MAX_STATEMENTS, revocation_of, roster_after
from parlour_client.core.e2ee.groups.group_errors import RuleBrokenError
from parlour_client.core.e2ee.groups.group_store import StoredGroup
from parlour_client.core.e2ee.groups.policy import certificate_of
from parlour_client.core.e2ee.groups.transaction import ThisDevice
from parlour_client.core.e2ee.identity import key_trust
from parlour_client.core.e2ee.identity.signing import sign
from parlour_protocol.delivery import GroupState
from parlour_protocol.identity import Certificate
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import Admit, AnyAct, Request, Roster, sign_statement
from parlour_protocol.mls import unusable_leaves


@dataclass(frozen=True, slots=True)
class ServerClaims:
    """The server's claims about a room's members that no member has signed."""

    ghosts: Sequence[UserName] = ()
    """Listed as members, but not admitted by anyone: nothing is sent to them."""
    dropped: Sequence[UserName] = ()
    """Not listed any more, but not removed by anyone: they can still read the room."""


NO_CLAIMS: Final = ServerClaims()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a commit should do. Empty if there is nothing to do."""

    statements: Sequence[bytes]
    revocations: Sequence[bytes]
    remove: Sequence[DeviceId]
    missing: Sequence[DeviceId]
    """Devices to add, if the server has key packages for them."""
    claims: ServerClaims
    keyless: Collection[UserName] = ()
    """People invited on this device whose account has no key yet."""
    claims_changed: bool = False
    """The claims have changed since the room was last checked."""


def signed(own: ThisDevice, act: AnyAct) -> bytes:
    """Return a statement by this device."""
    return sign_statement(act, own.certificate, lambda message: sign(own.signer.seed, message))


def plan(
    connection: apsw.Connection,
    own: ThisDevice,
    stored: StoredGroup,
    state: GroupState,
    peer: UserName | None,
    now: Millis,
) -> Plan:
    """Plan the next commit of a group. ``peer``: the other person of a direct room."""
    tree = stored.group.tree
    leaves = {index: certificate_of(leaf) for index, leaf in tree.members()}
    bad = unusable_leaves(tree)  # no path can be encrypted past them: each commit removes them
    unusable = sorted(leaf.device for at, leaf in leaves.items() if at in bad and leaf.device != own.device)
    made = _Planner(connection, own, stored.rules.roster, list(leaves.values()), state, peer, now).plan()
    return replace(made, remove=[*made.remove, *(d for d in unusable if d not in made.remove)])


class _Planner:
    """Plans one commit of a group."""

    def __init__(
        self,
        connection: apsw.Connection,
        own: ThisDevice,
        roster: Roster,
        leaves: Sequence[Certificate],
        state: GroupState,
        peer: UserName | None,
        now: Millis,
    ) -> None:
        self._connection, self._own, self._state, self._now = connection, own, state, now
        self._leaves = {leaf.device: leaf for leaf in leaves}
        self._asked_in = statements.asked_in(connection, roster.room)
        if peer is not None:
            self._asked_in.add(peer)
        self._roster, self._after = roster, roster
        self._statements: list[bytes] = []
        self._wait: set[UserName] = set()
        """People who come back only after this commit has removed them."""
        self._keyless: set[UserName] = set()

    def plan(self) -> Plan:
        for statement in statements.waiting(self._connection, self._roster.room):
            who = statement.act.who
            if isinstance(statement.act, Admit | Request) and self._was_removed(who):
                self._wait.add(who)  # their devices deleted the group's keys: remove, then add them
                continue
            self._apply(statement.data)
        for user in sorted(self._asked_in):
            self._ask_in(user)
        keys = {one.user: one.account_key for one in self._after.people}
        gone = [d for d, leaf in self._leaves.items() if keys.get(leaf.user) != leaf.account_key]
        leaving = [
            one for one in self._state.leaving if one.device in self._leaves and one.device not in gone
        ]
        revocations = {one.device: _revocation(self._connection, self._leaves[one.device]) for one in leaving}
        missing = [one for one in self._state.missing if one.device not in self._leaves]
        return Plan(
            self._statements,
            [data for data in revocations.values() if data is not None],
            [*gone, *(device for device, data in revocations.items() if data is not None)],
            [one.device for one in missing if one.user in keys and one.user not in self._wait],
            ServerClaims(
                sorted({one.user for one in missing if one.user not in keys} - self._wait - self._keyless),
                sorted({one.user for one in leaving if revocations[one.device] is None}),
            ),
            self._keyless,
        )

    def _apply(self, data: bytes) -> bool:
        """Add a statement to the commit, unless it is invalid or removes this very device."""
        if len(self._statements) >= MAX_STATEMENTS:
            return False
        try:
            after = roster_after(self._after, [data], self._leaves)
        except RuleBrokenError:
            return False
        if not after.admits(self._own.user, self._own.account_key):
            return False  # no one commits their own removal: another member's device does
        self._after = after
        self._statements.append(data)
        return True

    def _was_removed(self, user: UserName) -> bool:
        return self._roster.person(user) is not None and self._after.person(user) is None

    def _ask_in(self, user: UserName) -> None:
        """Sign the admission of someone who was invited on this device and whom the server lists."""
        if user in self._wait or all(one.user != user for one in self._state.missing):
            return
        key = key_trust.meet(self._connection, user, self._now)
        pinned = key_pins.find(self._connection, user)
        if key is None:
            self._keyless.add(user)
            return
        if pinned is None or pinned.level == key_pins.CHANGED or self._after.admits(user, key):
            return
        act = Admit(
            server=self._roster.server,
            room=self._roster.room,
            serial=self._after.serial,
            at=self._now,
            who=user,
            account_key=key,
            origin=self._after.origin,
        )
        self._apply(signed(self._own, act))


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
