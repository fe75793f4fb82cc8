"""Joins a room's group with a Welcome for this device, and the tree and roster beside it.

``open_welcome`` does the work and changes nothing (it may run on any thread: 500 members take over 100 ms).
``enter`` writes the group, uses up the key package and moves the room's cursor past the commit, in one
durable transaction. A Welcome for another room, for a group this device is in, or for an epoch in which it
was in it changes nothing: the last would restart our ratchet and use keys twice.

Tree and roster are encrypted under a key in the Welcome: in plaintext they would show the server every leaf,
and RFC 9420 section 12.4.3.3 asks for the same protection as commits have. XChaCha20-Poly1305 with a fresh
key for each commit; group and epoch are bound into it, so that a tree of another time or group does not open.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import apsw
import msgspec
from nacl import bindings
from nacl.exceptions import CryptoError

from parlour_client.core.e2ee.errors import (
    JoinRefusedError,
    RuleBrokenError,
    UnfitGroupError,
    UnusableWelcomeError,
)
from parlour_client.core.e2ee.group.order import Links
from parlour_client.core.e2ee.group.rules import (
    Binding,
    RoomRules,
    binding_of,
    certificate_bytes,
    certificate_of,
    extensions_of,
    leaf_policy,
    require_members,
)
from parlour_client.core.e2ee.group.run import (
    Concern,
    Received,
    key_concerns,
    stripped,
    succeeds_by,
    with_body,
)
from parlour_client.core.e2ee.group.statements import Accepted, accepted, entered
from parlour_client.core.e2ee.group.store import (
    Groups,
    StoredGroup,
    group_bytes,
    highest_epoch,
    know_roster,
    known_roster,
    load_room,
    pin_suite,
    pinned_suite,
    require_durable,
    save_room,
)
from parlour_client.core.e2ee.identity import key_packages
from parlour_client.core.e2ee.identity.keys import TREE_KEY, verify
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.model import Note, NoteKind
from parlour_client.kit.language import _
from parlour_mls import Extension, Group, KeyPackageStore, MlsError, NotForThisGroupError
from parlour_protocol.delivery import WaitingWelcome
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Handshake
from parlour_protocol.identity import StatementError
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import NotAllowedError, Person, Roster, Succeeds
from parlour_protocol.rooms import RoomKind, RoomSuite

KEY: Final = bindings.crypto_aead_xchacha20poly1305_ietf_KEYBYTES
_NONCE: Final = bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_TAG: Final = bindings.crypto_aead_xchacha20poly1305_ietf_ABYTES


class WelcomeSupplement(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The plaintext."""

    tree: bytes
    roster: bytes


def new_key() -> bytes:
    """Make the key of one tree."""
    return secrets.token_bytes(KEY)


def key_extension(key: bytes) -> Extension:
    """Return the extension of the group info for new members."""
    return Extension(TREE_KEY, key)


def encrypt_supplement(beside: WelcomeSupplement, key: bytes, group: bytes, epoch: int) -> bytes:
    """Return nonce and ciphertext of the supplement for ``group`` in ``epoch``."""
    nonce = secrets.token_bytes(_NONCE)
    plain = msgspec.msgpack.encode(beside)
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, _bound(group, epoch), nonce, key)
    return nonce + sealed


def decrypt_supplement(
    sealed: bytes, info: tuple[Extension, ...], group: bytes, epoch: int
) -> WelcomeSupplement:
    """Decrypt it with the key in the group info. Raises RuleBrokenError."""
    key = next((extension.data for extension in info if extension.type == TREE_KEY), b"")
    if len(key) != KEY or len(sealed) < _NONCE + _TAG:
        raise RuleBrokenError(_("the Welcome carries no key for its tree, or there is no tree"))
    nonce, ciphertext = sealed[:_NONCE], sealed[_NONCE:]
    try:
        plain = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            ciphertext, _bound(group, epoch), nonce, key
        )
        return msgspec.msgpack.decode(plain, type=WelcomeSupplement)
    except (CryptoError, msgspec.MsgspecError) as error:
        raise RuleBrokenError(_("the tree beside the Welcome is another one or was changed")) from error


def _bound(group: bytes, epoch: int) -> bytes:
    return group + epoch.to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class OpenedWelcome:
    """A Welcome that was opened and checked, and has not taken effect yet."""

    group: Group
    rules: RoomRules
    spent: frozenset[bytes]
    """References of the key packages that it used up."""
    own: OwnIdentity


def open_welcome(
    own: OwnIdentity, kind: RoomKind, store: KeyPackageStore, waiting: WaitingWelcome, event: LogEvent
) -> OpenedWelcome:
    """Open a Welcome and check its group; uses up ``store``. Raises JoinRefusedError."""
    body = event.body
    if not isinstance(body, Handshake) or (waiting.room, waiting.group, waiting.seq) != (
        event.room,
        body.group,
        event.seq,
    ):
        raise JoinRefusedError(_("The Welcome is not the one of the commit that adds this device."))
    binding, group_id = Binding(own.server, event.room, kind), group_bytes(body.group)
    opened: list[WelcomeSupplement] = []

    def tree(info: tuple[Extension, ...]) -> bytes:
        opened.append(decrypt_supplement(waiting.tree, info, group_id, body.epoch + 1))
        return opened[-1].tree

    before = {package.ref for package in store}
    try:
        group = Group.join(waiting.welcome, store, ratchet_tree=tree, policy=leaf_policy(own.server))
        roster = _roster(group, opened[-1].roster if opened else b"")
        _check(group, own, binding, roster, body, group_id)
    except MlsError as error:
        refuse = UnusableWelcomeError if isinstance(error, NotForThisGroupError) else JoinRefusedError
        raise refuse(_("The Welcome was refused: {error}.").format(error=error)) from error
    rules = RoomRules(roster, _no_new_key)
    group.policy = rules.policy()
    return OpenedWelcome(group, rules, frozenset(before - {package.ref for package in store}), own)


def _no_new_key(_user: UserName, _before: bytes, _key: bytes) -> bool:
    return False  # no commit is judged before the group is stored, with the key log beside it


def _roster(group: Group, data: bytes) -> Roster:
    """Parse the roster that came along; the group itself says which one is right."""
    try:
        roster = Roster.read(data)
    except StatementError as error:
        raise RuleBrokenError(
            _("the list of the room's members cannot be read: {error}").format(error=error)
        ) from error
    if group.context.extensions != extensions_of(roster):
        raise RuleBrokenError(_("the list of the room's members is not the one of its group"))
    return roster


def _check(
    group: Group, own: OwnIdentity, wanted: Binding, roster: Roster, body: Handshake, group_id: bytes
) -> None:
    """Require the room's own group, in the epoch of the commit, with the devices that it declared."""
    if group.group_id != group_id or group.epoch != body.epoch + 1:
        raise RuleBrokenError(_("it leads into another group or epoch"))
    if binding_of(group.context.extensions) != wanted:
        raise RuleBrokenError(_("its group is for another room or server"))
    require_members(roster, (leaf for _index, leaf in group.tree.members()))
    devices = {certificate_of(leaf).device for _index, leaf in group.tree.members()}
    if not set(body.added) <= devices or devices & set(body.removed) or own.device not in devices:
        raise RuleBrokenError(_("its group has other members than the commit declares"))


def enter(
    connection: apsw.Connection,
    groups: Groups,
    opened: OpenedWelcome,
    event: LogEvent,
    now: Millis,
    *,
    key_log_read: bool = False,
) -> tuple[Received, list[Concern]]:
    """Enter the group of an opened Welcome. Raises JoinRefusedError, NotDurableError.

    Raises KeyLogNeededError unless the key log was just read to its end.
    """
    require_durable(connection)
    body, row = event.body, load_room(connection, event.room)
    if not isinstance(body, Handshake) or row is None or row.cursor != event.seq - 1:
        raise JoinRefusedError(_("The room has changed in the meantime."))
    if row.group not in {None, body.group} or groups.load(connection, body.group) is not None:
        raise JoinRefusedError(_("This device is in the room's group already."))
    if opened.group.epoch <= highest_epoch(connection, body.group):
        raise JoinRefusedError(_("The Welcome is an old one: this device was in that group at that time."))
    _require_suite(connection, opened.group, event)
    succeeds = succeeds_by(connection, key_log_read=key_log_read)
    _require_lineage(connection, succeeds, opened.rules.roster, opened.own, event)
    _spend(connection, opened)
    group = StoredGroup(body.group, event.room, "active", b"", opened.group, opened.rules, event.at)
    groups.insert(connection, group)
    links = Links(connection, event.room)
    links.begins(event.seq)
    links.enters()
    links.save()
    row.cursor, row.group, row.since = event.seq, body.group, min(event.seq, row.since or event.seq)
    save_room(connection, row)
    pin_suite(connection, event.room, RoomSuite(opened.group.suite.number))
    know_roster(connection, event.room, opened.rules.roster)
    entered(connection, event.room, opened.own.user)
    leaves = [certificate_bytes(leaf) for _index, leaf in opened.group.tree.members()]
    note = Note(NoteKind.HISTORY_STARTS)
    received = Received(with_body(event, stripped(body)), sealed=True, note=note)
    return received, key_concerns(connection, groups.judge, leaves, now)


def _require_suite(connection: apsw.Connection, group: Group, event: LogEvent) -> None:
    """Refuse a group with weaker keys than the room's. Raises JoinRefusedError."""
    pinned = pinned_suite(connection, event.room)
    if group.suite.number < pinned:
        raise JoinRefusedError(
            _(
                "The Welcome was refused: this room has post-quantum keys, and its new group does "
                "without them."
            )
        )


def _require_lineage(
    connection: apsw.Connection, succeeds: Succeeds, roster: Roster, own: OwnIdentity, event: LogEvent
) -> None:
    """Require that the members this device knew decided on the current ones.

    Raises UnfitGroupError, and JoinRefusedError for a room whose members it did not know.

    In a room with only this account, another of its devices may have started over with nothing but the
    account key.
    """
    known = known_roster(connection, event.room)
    if known is not None and _is_ours(known, own) and _is_begun(roster, own):
        known = None
    invited = None if known is not None else accepted(connection, event.room)
    alone = known is not None and _is_alone(known.people, roster.people)
    try:
        roster.require_proofs(verify, succeeds, None if alone else known)
    except NotAllowedError as error:
        refuse = JoinRefusedError if known is None else UnfitGroupError
        raise refuse(_("The Welcome was refused: {error}.").format(error=error)) from error
    if invited is not None:
        _require_acceptance(roster, own, invited)


def _require_acceptance(roster: Roster, own: OwnIdentity, invited: Accepted) -> None:
    """Require that an acceptance by this account let it in. Raises JoinRefusedError.

    Anyone can create a group in the names of others. An acceptance names one admission, which its inviter
    signed for the people with whom the room began, and which was checked when it was accepted.
    """
    person = roster.person(own.user)
    if person is None or not person.acceptance:
        raise JoinRefusedError(
            _("The Welcome was refused: {inviter}, who invited you, did not admit you to it.").format(
                inviter=invited.inviter
            )
        )


def _is_ours(roster: Roster, own: OwnIdentity) -> bool:
    return [(one.user, one.account_key) for one in roster.people] == [(own.user, own.admitted_key)]


def _is_begun(roster: Roster, own: OwnIdentity) -> bool:
    """Say whether this account is the only member without an admission."""
    first = [one for one in roster.people if not one.proof]
    return [(one.user, one.account_key) for one in first] == [(own.user, own.admitted_key)]


def _is_alone(before: Sequence[Person], now: Sequence[Person]) -> bool:
    """Say whether a room was, and is, one person's only: a device of theirs may start its roster over.

    The recovery words bring a device that never saw the roster into a room that only lost devices were in.
    """
    people = [{(one.user, one.account_key, one.role) for one in each} for each in (before, now)]
    return people[0] == people[1] and len(people[0]) == 1


def _spend(connection: apsw.Connection, opened: OpenedWelcome) -> None:
    """Use up the key package; another program may have done so meanwhile."""
    store = key_packages.load(connection)
    if not opened.spent <= {package.ref for package in store}:
        raise JoinRefusedError(_("The Welcome's key package was used already."))
    for ref in opened.spent:
        store.drop(ref)
    key_packages.save(connection, store)
