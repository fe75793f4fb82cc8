"""Parlour's own rules for MLS groups, as hooks of the engine: who a leaf is, what a commit may do.

Each leaf has a certificate of its account for exactly its signature key. After each commit the person of
every leaf is on the room's roster, which changes only by signed statements. A commit does exactly what its
event in the log declares. A group is bound to one room of one server. A violation raises RuleBrokenError.
Whether a person's key is the known one is decided by ``key_trust``, after the leaf was accepted, because a
refused leaf must not pin a key.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import NoReturn

import msgspec

from parlour_client.core.e2ee.groups.commit_evidence import Evidence
from parlour_client.core.e2ee.groups.group_errors import RuleBrokenError
from parlour_client.core.e2ee.groups.key_lifetimes import SKEW
from parlour_client.core.e2ee.identity.certificates import read_certificate
from parlour_client.core.e2ee.identity.mls_extensions import CERTIFICATE, KNOWN, MEMBERSHIP, ROOM_BINDING
from parlour_client.kit.language import _
from parlour_mls import Change, Credential, Extension, LeafNode, Member, Policy
from parlour_protocol.identity import Certificate, StatementError, credential_of, device_id_of
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.membership import Roster, Succeeds
from parlour_protocol.rooms import RoomKind


class Binding(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The room of a group; in its context, so that all members agree on it (extension 0xF0C0)."""

    server: str
    room: RoomId
    kind: RoomKind

    @classmethod
    def of(cls, roster: Roster) -> "Binding":
        """Return the binding of a roster's room."""
        return cls(roster.server, roster.room, roster.kind)

    @property
    def extension(self) -> Extension:
        """The extension that binds a group to the room."""
        return Extension(ROOM_BINDING, msgspec.msgpack.encode(self))


def extensions_of(roster: Roster) -> tuple[Extension, ...]:
    """Return the only extensions that the context of a roster's group may have."""
    return Binding.of(roster).extension, Extension(MEMBERSHIP, roster.extension)


@lru_cache(1024)
def binding_of(extensions: tuple[Extension, ...]) -> Binding:
    """Parse a group's binding. Raises RuleBrokenError."""
    if [extension.type for extension in extensions] != [ROOM_BINDING, MEMBERSHIP]:
        raise RuleBrokenError(_("the group is not bound to a room"))
    try:
        binding = msgspec.msgpack.decode(extensions[0].data, type=Binding)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RuleBrokenError(_("the group is bound to something that isn't a room")) from error
    if binding.extension != extensions[0]:
        raise RuleBrokenError(_("the group's binding is not in its one form"))
    return binding


def certificate_bytes(leaf: LeafNode) -> bytes:
    """Return a leaf's certificate. Raises RuleBrokenError."""
    found = next((e.data for e in leaf.extensions if e.type == CERTIFICATE), None)
    if found is None:
        raise RuleBrokenError(_("a leaf carries no certificate of its account"))
    return found


def certificate_of(leaf: LeafNode) -> Certificate:
    """Return a leaf's certificate with its signature verified. Raises RuleBrokenError."""
    try:
        return read_certificate(certificate_bytes(leaf))
    except StatementError as error:
        raise RuleBrokenError(_("a leaf carries a bad certificate: {error}").format(error=error)) from error


def require_in_time(certificates: Iterable[Certificate], at: int) -> None:
    """Require certificates that are valid at this time. Raises RuleBrokenError."""
    if any(not c.created - SKEW <= at <= c.expires + SKEW for c in certificates):
        raise RuleBrokenError(_("a commit adds a device whose certificate has expired"))


def require_members(roster: Roster, leaves: Iterable[LeafNode]) -> None:
    """Require that the person of every leaf is in the room. Raises RuleBrokenError."""
    keys = _keys(roster)
    for leaf in leaves:
        certificate = certificate_of(leaf)
        if keys.get(certificate.user) != certificate.account_key:
            raise RuleBrokenError(
                _("a device of {user} is in it, whom no member admitted").format(user=certificate.user)
            )


def _keys(roster: Roster) -> dict[UserName, bytes]:
    return {person.user: person.account_key for person in roster.people}


@dataclass(frozen=True, slots=True)
class Person:
    """The owner of a leaf."""

    user: UserName
    device: DeviceId


def person_of(member: Member, server: str) -> Person:
    """Return the owner of the leaf that MLS names as the sender."""
    return _person(member.credential, member.signature_key, server)


@lru_cache(4096)
def _person(credential: Credential, key: bytes, server: str) -> Person:
    """Parse a credential; it must match the key, also in rosters of past epochs."""
    try:
        account, _slash, device = credential.identity.decode().rpartition("/")
        user = parse_user_name(account.removesuffix(f"@{server}"))
    except ValueError as error:
        raise RuleBrokenError(_("a credential is not of the form user@server/device")) from error
    expected = device_id_of(user, server, key)
    if device != expected or credential.identity != credential_of(user, server, expected):
        raise RuleBrokenError(_("a credential names a different device than its key does"))
    return Person(user, expected)


@dataclass(slots=True)
class DeclaredChanges:
    """What a Handshake event says that its commit does; None for a commit that we make ourselves."""

    at: int
    """Milliseconds: when the delivery service accepted it."""
    added: Collection[DeviceId] | None = None
    removed: Collection[DeviceId] | None = None
    unusable: Collection[DeviceId] | None = None


def leaf_policy(server: str) -> Policy:
    """Return the engine's policy for leaves on a server; it refuses all commits (`RoomRules` judges them)."""
    return Policy(
        public_messages=False,
        extensions=KNOWN,
        validate_credential=partial(validate_credential, server),
        validate_successor=validate_successor,
        authorise=expect_none,
    )


def expect_none(_change: Change) -> NoReturn:
    """Refuse a commit where there can be none."""
    raise RuleBrokenError(_("a commit came where none was expected"))


def validate_credential(server: str, leaf: LeafNode) -> None:
    """Check every leaf before it enters the tree: key package, commit path, join (not Adds alone)."""
    certificate = certificate_of(leaf)
    if certificate.server != server:
        raise RuleBrokenError(_("a certificate is for another server"))
    if certificate.device_key != leaf.signature_key:
        raise RuleBrokenError(_("a certificate is for another key than the leaf's"))
    expected = credential_of(certificate.user, certificate.server, certificate.device)
    if leaf.credential != Credential.basic(expected):
        raise RuleBrokenError(_("a leaf's credential is not what its certificate says"))


def validate_successor(old: LeafNode, new: LeafNode) -> None:
    """Refuse an Update or a commit's path that changes identity (a renewed certificate is fine)."""
    before, after = certificate_of(old), certificate_of(new)
    same = (before.user, before.device, before.account_key) == (
        after.user,
        after.device,
        after.account_key,
    )
    if not same or old.credential != new.credential:
        raise RuleBrokenError(_("a member's new leaf is of another person, device or account key"))


@dataclass(slots=True)
class RoomRules:
    """The hooks for one group. ``declared``: what the commit being judged may do; None: there is none.

    ``succeeds`` asks this device's copy of the key log about a new key of someone who is in.
    """

    roster: Roster
    succeeds: Succeeds
    declared: DeclaredChanges | None = None

    @property
    def server(self) -> str:
        """The server of the room."""
        return self.roster.server

    def policy(self) -> Policy:
        """Return the engine's policy with these hooks."""
        return replace(leaf_policy(self.server), authorise=self.authorise)

    @contextmanager
    def ours(self, at: int) -> Iterator[None]:
        """Judge a commit that we make ourselves: it declares what it does afterwards."""
        self.declared = DeclaredChanges(at)
        try:
            yield
        finally:
            self.declared = None

    def authorise(self, change: Change) -> None:
        """Require that a commit does what its event declares, and only for its committer."""
        declared = self.declared
        if declared is None:
            expect_none(change)
        if change.updated or change.psks or change.reinit is not None:
            raise RuleBrokenError(_("a commit does more than to add and remove devices"))
        senders = [by for by, *_rest in (*change.added, *change.removed)]
        senders += [change.extensions[0]] if change.extensions is not None else []
        if any(by != change.committer for by in senders):
            raise RuleBrokenError(_("a commit carries someone else's proposals"))
        added = [certificate_of(leaf) for _sender, leaf in change.added]
        require_in_time(added, declared.at)
        removed = [certificate_of(leaf).device for _sender, _index, leaf in change.removed]
        unusable = [certificate_of(leaf).device for _by, i, leaf in change.removed if i in change.unusable]
        for does, says in (
            ([c.device for c in added], declared.added),
            (removed, declared.removed),
            (unusable, declared.unusable),
        ):
            if says is not None and sorted(does) != sorted(says):
                raise RuleBrokenError(_("a commit adds or removes other devices than its event declares"))
        Membership(self.roster, change, self.succeeds).require()


class Membership:
    """Judges whom one commit adds and removes, and by which right."""

    def __init__(self, roster: Roster, change: Change, succeeds: Succeeds) -> None:
        self._roster, self._change, self._succeeds = roster, change, succeeds
        self._evidence = Evidence.read(change.authenticated_data)
        self._leaves = {index: certificate_of(leaf) for index, leaf in change.members}
        self._by = self._leaves[change.committer.index].user

    def require(self) -> None:
        """Raise RuleBrokenError unless every leaf is added, kept or removed by right."""
        people = self._people()
        for _sender, leaf in self._change.added:
            self._require_in(certificate_of(leaf), people)
        revoked = self._evidence.revoked()
        for _sender, index, _leaf in self._change.removed:
            certificate = self._leaves[index]
            revocation = revoked.get(certificate.device)
            ended = revocation is not None and revocation.account_key == certificate.account_key
            if (
                not ended
                and index not in self._change.unusable
                and people.get(certificate.user) == certificate.account_key
            ):
                raise RuleBrokenError(
                    _("{by} removed a device of {user}, though no one who may asked for it").format(
                        by=self._by, user=certificate.user
                    )
                )
        if self._evidence.statements:  # else no one left, and all who were in are
            gone = {index for _sender, index, _leaf in self._change.removed}
            for certificate in (one for index, one in self._leaves.items() if index not in gone):
                if people.get(certificate.user) != certificate.account_key:
                    raise RuleBrokenError(
                        _("{by} left a device of {user} in the group, who is to leave it").format(
                            by=self._by, user=certificate.user
                        )
                    )

    def _require_in(self, certificate: Certificate, people: Mapping[UserName, bytes]) -> None:
        key = people.get(certificate.user)
        if key is None:
            raise RuleBrokenError(
                _("{by} added a device of {user}, whom no member admitted").format(
                    by=self._by, user=certificate.user
                )
            )
        if certificate.account_key != key:
            raise RuleBrokenError(
                _("{by} added a device of {user} with another key than was admitted").format(
                    by=self._by, user=certificate.user
                )
            )

    def _people(self) -> Mapping[UserName, bytes]:
        """Return the account keys of everyone who is in afterwards."""
        devices = {certificate.device for certificate in self._leaves.values()}
        after = self._evidence.after(self._roster, self._by, devices, self._succeeds)
        extensions = self._change.extensions
        if (after is self._roster) is not (extensions is None):
            raise RuleBrokenError(
                _("{by} changed the list of members without a statement, or not at all").format(by=self._by)
            )
        if extensions is not None and extensions[1] != extensions_of(after):
            raise RuleBrokenError(
                _("{by} changed the list of members to something that no one signed").format(by=self._by)
            )
        return _keys(after)
