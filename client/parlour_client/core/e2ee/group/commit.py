"""Commits of this device: prepared, stored, and kept with the exact request that submits them.

A commit takes effect when its event appears in the log (``follow``), never on the server's word: a device
that merged earlier would be on its own if another commit won, and one that dropped it could not follow if it
is in the log after all. ``prepare`` does the work and changes nothing (for big groups: on a worker thread);
``store`` writes it, unless the group has changed in the meantime.
"""

import copy
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias, cast

import apsw

from parlour_client.core.archive import key_log_copy, key_pins
from parlour_client.core.e2ee.errors import (
    BadPackageError,
    DisplacedError,
    MovedError,
    NotReadyError,
    RuleBrokenError,
)
from parlour_client.core.e2ee.group import statements
from parlour_client.core.e2ee.group.join import WelcomeSupplement, encrypt_supplement, key_extension, new_key
from parlour_client.core.e2ee.group.rules import (
    Evidence,
    RoomRules,
    certificate_of,
    extensions_of,
    person_of,
    require_in_time,
    trouble_of_adding,
)
from parlour_client.core.e2ee.group.store import (
    Groups,
    RoomRow,
    StoredGroup,
    group_bytes,
    known_roster,
    load_room,
    pinned_suite,
    require_durable,
    save_room,
)
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.language import N_, _
from parlour_mls import (
    Add,
    Change,
    CommitOptions,
    Group,
    GroupContextExtensions,
    Lifetime,
    MlsError,
    PendingCommit,
    Proposal,
    add_proposal,
    remove_proposal,
    suite_of,
    unusable_leaves,
)
from parlour_protocol.delivery import Commit, CreateGroup
from parlour_protocol.frames.opaque import HandshakeBytes, TreeBytes, WelcomeBytes
from parlour_protocol.ids import Epoch, GroupId, RoomId, new_group_id
from parlour_protocol.kit.api import decode_payload, encode_payload
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import Roster
from parlour_protocol.rooms import Role, RoomKind

InitialMember: TypeAlias = tuple[UserName, bytes, Role]
"""Someone whom the group's creator trusts: name, account key, role."""

_MONTH: Final = 30 * 86_400
NOT_APPROVED: Final = N_("This device is not approved yet.")
APPROVE_IT: Final = N_("Type its code on another device of yours: see /devices.")


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """What a commit should do. An empty request only renews this device's keys."""

    request: RequestId
    packages: Mapping[DeviceId, bytes]
    remove: Collection[DeviceId]
    at: Millis
    """The server's time, by which the other members will judge it."""
    here: Millis
    """This device's time, which is also used to judge added devices."""
    statements: Sequence[bytes] = ()
    """The changes of the room's roster, in order."""
    revocations: Sequence[bytes] = ()


def prepare(stored: StoredGroup, wanted: CommitRequest, own: OwnIdentity) -> Commit:
    """Make a commit, of which nothing may be sent before ``store``; ``stored`` is only good for that then.

    Raises NotReadyError, BadPackageError, MovedError.
    """
    if stored.group.pending_commit is not None:
        raise NotReadyError(_("A change of this room's keys is on its way already."))
    indices = {person_of(m, own.server).device: m.index for m in stored.group.members()}
    evidence = Evidence.of(wanted.here, wanted.statements, wanted.revocations)
    stored.rules.succeeds = _as_planned  # the plan has checked it; this thread can't read the archive
    try:
        after = evidence.after(stored.rules.roster, own.user, indices, stored.rules.succeeds)
    except RuleBrokenError as error:
        raise MovedError(_("The room's members changed meanwhile: {error}.").format(error=error)) from error
    removed = [d for d in dict.fromkeys(wanted.remove) if d in indices and d != own.device]
    packages = {device: package for device, package in wanted.packages.items() if device not in indices}
    adds = _adds(packages, after, wanted.here)
    proposals: list[Proposal] = [*adds.values(), *(remove_proposal(indices[d]) for d in removed)]
    if after is not stored.rules.roster:
        proposals.append(GroupContextExtensions(extensions_of(after)))
    key, now = new_key(), wanted.at // 1_000
    options = CommitOptions(
        tree_in_welcome=False,
        info_extensions=(key_extension(key),),
        authenticated_data=evidence.encode(),
    )
    with stored.rules.ours(wanted.at):
        try:
            pending = stored.group.commit(proposals, now=now, options=options)
        except MlsError as error:
            raise _blamed(stored, adds, wanted.at, error) from error
    return _prepared(stored, wanted, pending, key, after)


def _as_planned(_user: UserName, _before: bytes, _key: bytes) -> bool:
    return True


def _adds(packages: Mapping[DeviceId, bytes], roster: Roster, here: Millis) -> dict[DeviceId, Add]:
    """Parse key packages. The server chose them: each must be of the right device, and valid now."""
    adds: dict[DeviceId, Add] = {}
    for device, package in packages.items():
        try:
            proposal = add_proposal(package)
            found = certificate_of(proposal.key_package.leaf_node)
        except MlsError as error:
            raise BadPackageError({device: str(error)}) from error
        if found.device != device:
            raise BadPackageError({device: _("it belongs to another device")})
        old = trouble_of_adding(proposal.key_package.leaf_node.lifetime, found, here)
        if old:
            raise BadPackageError({device: _("that of {user}: {old}").format(user=found.user, old=old)})
        if not roster.admits(found.user, found.account_key):
            known = roster.person(found.user) is not None
            why = (
                _("has a different account key from the one a member admitted")
                if known
                else _("was admitted by no member")
            )
            raise BadPackageError({device: _("it is of {user}, who {why}").format(user=found.user, why=why)})
        adds[device] = proposal
    return adds


def _blamed(
    stored: StoredGroup, adds: Mapping[DeviceId, Add], at: Millis, error: MlsError
) -> EncryptionError:
    """Find the key packages that no commit can be made of, so that the others can be added without them."""
    bad = {device: why for device, proposal in adds.items() if (why := _unfit(stored, proposal, at))}
    if bad:
        return BadPackageError(bad)
    return NotReadyError(_("The change of the room's keys cannot be made: {error}.").format(error=error))


def _unfit(stored: StoredGroup, proposal: Add, at: Millis) -> str:
    """Say whose key package is unusable and why; empty if it is fine. ``_adds`` checks who may be added."""
    trial = copy.copy(stored.group)
    trial.policy = replace(trial.policy, authorise=_in_time(at))
    try:
        trial.commit([proposal], now=at // 1_000)
    except MlsError as error:
        return _("that of {user}: {error}").format(
            user=certificate_of(proposal.key_package.leaf_node).user, error=error
        )
    return ""


def _in_time(at: Millis) -> Callable[[Change], None]:
    def check(change: Change) -> None:
        require_in_time([certificate_of(leaf) for _, leaf in change.added], at)

    return check


def _prepared(
    stored: StoredGroup, wanted: CommitRequest, pending: PendingCommit, key: bytes, roster: Roster
) -> Commit:
    """Build the request that submits a commit and declares what it does."""
    outcome, server = pending.outcome, stored.rules.server
    unusable = unusable_leaves(stored.group.tree)
    leaves = [pending.epoch.tree.leaf(index) for index in outcome.added]
    welcome = tree = None
    if pending.welcome is not None:
        welcome = WelcomeBytes(pending.welcome)
        beside = WelcomeSupplement(pending.ratchet_tree, roster.encode())
        tree = TreeBytes(encrypt_supplement(beside, key, group_bytes(stored.id), outcome.epoch))
    return Commit(
        request=wanted.request,
        group=stored.id,
        epoch=Epoch(stored.epoch),
        data=HandshakeBytes(pending.message),
        added=tuple(certificate_of(leaf).device for leaf in leaves if leaf is not None),
        removed=tuple(person_of(member, server).device for member in outcome.removed),
        unusable=tuple(person_of(m, server).device for m in outcome.removed if m.index in unusable),
        welcome=welcome,
        tree=tree,
    )


def stage(connection: apsw.Connection, groups: Groups, room: RoomId, wanted: CommitRequest) -> Commit:
    """Make and store a commit. In a durable transaction. Raises NotReadyError, BadPackageError."""
    stored = groups.stored(connection, room)
    return store(connection, groups, stored, prepare(stored, wanted, groups.own))


def store(connection: apsw.Connection, groups: Groups, stored: StoredGroup, body: Commit) -> Commit:
    """Store a commit before it is sent. Raises MovedError, NotDurableError."""
    require_durable(connection)
    groups.save(connection, stored)
    query = "INSERT INTO mls_staged VALUES (?, ?, ?)"
    connection.execute(query, (stored.id, body.request, encode_payload(body)))
    return body


def staged(connection: apsw.Connection, room: RoomId) -> Commit | None:
    """Return the commit that is not in the log yet: POST it again, the same after each restart."""
    query = "SELECT body FROM mls_staged JOIN mls_rooms USING (group_id) WHERE room = ?"
    for (body,) in connection.execute(query, (room,)):
        return decode_payload(Commit, cast("bytes", body))
    return None


def drop_staged(connection: apsw.Connection, groups: Groups, room: RoomId) -> None:
    """Drop a commit that the server refused, unless because another was first (the log shows that).

    Its digest is remembered in case the server shows it all the same: then no other copy of this home made
    it.
    """
    _row, stored = groups.both(connection, room)
    if stored is None:
        return
    for (request,) in list(
        connection.execute("SELECT request FROM mls_staged WHERE group_id = ?", (stored.id,))
    ):
        if stored.group.pending_commit is not None:
            digest = hashlib.sha256(stored.group.pending_commit.message).digest()
            connection.execute("INSERT OR IGNORE INTO mls_ciphertexts VALUES (?, ?, NULL)", (digest, request))
    connection.execute("DELETE FROM mls_staged WHERE group_id = ?", (stored.id,))
    if stored.group.pending_commit is not None:
        stored.group.clear_pending_commit()
        groups.save(connection, stored)


def create_group(
    connection: apsw.Connection,
    groups: Groups,
    room: RoomId,
    kind: RoomKind,
    request: RequestId,
    at: Millis,
    people: Collection[InitialMember] = (),
) -> CreateGroup:
    """Create the room's group, or the next one if it was contested or has lost all its devices.

    Only this device is in it, and it takes effect once it is in the log. The next one is for the people of
    the one before. ``people``: whom the person trusts, besides themselves, if there is no roster yet. In a
    durable transaction. Only the server knows whether a group has lost all its devices; a device that still
    has its keys refuses that claim. Raises NotReadyError.
    """
    row = load_room(connection, room) or RoomRow(room, Seq(0))
    stored = groups.load(connection, row.group)
    if stored is not None and stored.displaced:
        raise DisplacedError  # the other copy, and everyone else, may know other members by now
    if stored is not None and not row.contested:
        raise NotReadyError(_("This room already has an encrypted group."), _("There is nothing to do."))
    save_room(connection, row)
    again = pending_creation(connection, room)
    if again is not None:
        return again
    require_durable(connection)
    own, suite = groups.own, pinned_suite(connection, room)
    if own.certificate is None:
        raise NotReadyError(NOT_APPROVED, APPROVE_IT)
    roster = known_roster(connection, room) or _first_roster(
        own, room, kind, at, people or _asked_in(connection, room, at)
    )
    if not roster.admits(own.user, own.admitted_key):
        raise NotReadyError(_("You are not in this room: its members have removed you."))
    rules, group_id = RoomRules(roster, partial(key_log_copy.had_key, connection)), new_group_id()
    seconds = at // 1_000
    group = Group.create(
        group_bytes(group_id),
        own.key.credential,
        own.key.signer,
        Lifetime(max(0, seconds - 3_600), seconds + _MONTH),
        suite=suite_of(suite),
        extensions=extensions_of(roster),
        leaf_extensions=own.leaf_extensions,
        policy=rules.policy(),
    )
    groups.insert(connection, StoredGroup(group_id, room, "creating", b"", group, rules, at, request=request))
    return CreateGroup(request=request, group=group_id, replaces=row.group)


def _first_roster(
    own: OwnIdentity, room: RoomId, kind: RoomKind, at: Millis, people: Collection[InitialMember]
) -> Roster:
    role = Role.MEMBER if kind is RoomKind.DIRECT else Role.OWNER
    others = [one for one in people if one[0] != own.user]
    everybody = [(own.user, own.admitted_key, role), *others]
    return Roster.begin(own.server, room, kind, own.user, everybody, at)


def _asked_in(connection: apsw.Connection, room: RoomId, at: Millis) -> Collection[InitialMember]:
    """Return the people whom the person confirmed when they encrypted the room, as far as they have keys.

    They chose the readers; no one else has to accept what they are in already.
    """
    people = []
    for user in sorted(statements.asked_in(connection, room)):
        key, pinned = pins.meet(connection, user, at), key_pins.find(connection, user)
        if key is not None and pinned is not None and pinned.level != key_pins.CHANGED:
            people.append((user, key, Role.MEMBER))
            statements.ask_out(connection, room, user)
    return people


def pending_creation(connection: apsw.Connection, room: RoomId) -> CreateGroup | None:
    """Return the group creation that is not in the log yet: POST it, the same after each restart."""
    query = """
        SELECT mls_groups.group_id, request, mls_rooms.group_id FROM mls_groups JOIN mls_rooms USING (room)
        WHERE room = ? AND status = 'creating'"""
    for row in connection.execute(query, (room,)):
        group, request, replaces = cast("tuple[GroupId, RequestId, GroupId | None]", row)
        return CreateGroup(request=request, group=group, replaces=replaces)
    return None


def drop_creation(connection: apsw.Connection, groups: Groups, room: RoomId) -> None:
    """Drop a group creation that the server refused, unless because another group exists."""
    if (pending := pending_creation(connection, room)) is not None:
        groups.drop(connection, pending.group)
