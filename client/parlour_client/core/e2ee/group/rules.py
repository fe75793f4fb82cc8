"""Parlour's own rules for MLS groups: who a leaf is, what a commit may do, and which clock decides.

Each leaf has a certificate of its account for exactly its signature key. After each commit the person of
every leaf is on the room's roster, which changes only by signed statements; these and revocations are the
evidence in its authenticated data. A commit does exactly what its event in the log declares. A group is bound
to one room of one server. A violation raises RuleBrokenError. Whether a person's key is the known one is
decided by ``pins``, after the leaf was accepted, because a refused leaf must not pin a key.

Keys are never judged only by the server's clock. This device's own decisions (when to delete and renew keys,
whose certificates have expired) use its own. A commit in the log, which all members must judge alike, is
judged by the event's time; local clocks would split the group. Devices that this device adds are judged by
both, because a server that sets its own clock back could bring an old key package into a group. Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Annotated, Final, Literal, NoReturn

import msgspec
from msgspec import Meta

from parlour_client.core.e2ee.errors import RuleBrokenError
from parlour_client.core.e2ee.identity.keys import (
    CERTIFICATE,
    KNOWN,
    MEMBERSHIP,
    ROOM_BINDING,
    read_certificate,
    verify,
)
from parlour_client.kit.language import _
from parlour_mls import Change, Credential, Extension, LeafNode, Lifetime, Member, Policy
from parlour_protocol.identity import Certificate, Revocation, StatementError, credential_of, device_id_of
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.id_fields import MillisField
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.membership import (
    STATEMENTS_PER_COMMIT,
    Execution,
    NotAllowedError,
    Roster,
    Statement,
    Succeeds,
    read_statement,
)
from parlour_protocol.rooms import RoomKind

KEEP_PAST: Final = 300_000
"""Milliseconds that the keys of a past epoch are kept for late messages."""
SKEW: Final = 3_600_000
"""Milliseconds that clocks may differ."""
TOLERANCE: Final = 86_400_000
"""Milliseconds that this device's own clock may be off when it adds someone: it is not always set."""


@dataclass(frozen=True, slots=True)
class Ended:
    """When an epoch ended: by its event, and by this device's clock."""

    at: Millis
    here: Millis

    def keeps(self, at: Millis, here: Millis) -> bool:
        """Say whether late messages of the epoch may still arrive, by both clocks.

        A server that stops its clock, or sets it back, can't keep keys alive; neither can this device's
        clock.
        """
        return at - self.at <= KEEP_PAST and -SKEW <= here - self.here <= KEEP_PAST


def trouble_of_adding(lifetime: Lifetime | None, certificate: Certificate, here: Millis) -> str:
    """Say why this device's clock does not allow adding a device; empty if it does."""
    begins, ends = int(certificate.created), int(certificate.expires)
    if lifetime is not None:
        begins, ends = max(begins, lifetime.not_before * 1_000), min(ends, lifetime.not_after * 1_000)
    if here > ends + TOLERANCE:
        return _("it has expired by the clock of this device")
    if here < begins - TOLERANCE:
        return _("it is not valid yet by the clock of this device")
    return ""


MAX_REVOCATIONS: Final = 512


class Evidence(msgspec.Struct, frozen=True, array_like=True, kw_only=True, forbid_unknown_fields=True):
    """Statements in the order in which they take effect, and revocations of devices that are removed."""

    version: Literal[2] = 2
    at: MillisField | None = None
    """When the commit was made, by the clock of its device; only with statements."""
    statements: Annotated[tuple[bytes, ...], Meta(max_length=STATEMENTS_PER_COMMIT)] = ()
    revocations: Annotated[tuple[bytes, ...], Meta(max_length=MAX_REVOCATIONS)] = ()

    @classmethod
    def of(cls, at: Millis, statements: Sequence[bytes], revocations: Sequence[bytes]) -> "Evidence":
        """Return what a commit that is made now carries."""
        return cls(
            at=at if statements else None, statements=tuple(statements), revocations=tuple(revocations)
        )

    def encode(self) -> bytes:
        """Return the authenticated data; empty when there is nothing to carry."""
        return msgspec.msgpack.encode(self) if self.statements or self.revocations else b""

    @classmethod
    def read(cls, data: bytes) -> "Evidence":
        """Parse authenticated data. Raises RuleBrokenError."""
        if not data:
            return cls()
        try:
            found = msgspec.msgpack.decode(data, type=cls)
        except (msgspec.MsgspecError, ValueError) as error:
            raise RuleBrokenError(_("a commit carries something other than evidence")) from error
        if found.encode() != data or (found.at is None) is not (not found.statements):
            raise RuleBrokenError(_("a commit carries evidence that is not in its one form"))
        return found

    def after(
        self, roster: Roster, by: UserName, devices: Collection[DeviceId], succeeds: Succeeds
    ) -> Roster:
        """Return the roster after the commit of ``by``; ``devices`` were in the group.

        Raises RuleBrokenError.
        """
        if self.at is None:
            return roster
        return executed_on(
            roster, list(map(statement_of, self.statements)), Execution(self.at, by, devices, succeeds)
        )

    def revoked(self) -> dict[DeviceId, Revocation]:
        """Return the revocations, by device. Raises RuleBrokenError."""
        return {one.device: one for one in map(revocation_of, self.revocations)}


@lru_cache(1024)
def statement_of(data: bytes) -> Statement:
    """Parse a statement and check its signatures. Raises RuleBrokenError."""
    try:
        return read_statement(data, verify)
    except StatementError as error:
        raise RuleBrokenError(
            _("a statement about the room's members does not hold: {error}").format(error=error)
        ) from error


@lru_cache(1024)
def revocation_of(data: bytes) -> Revocation:
    """Parse a revocation and check its signature. Raises RuleBrokenError."""
    try:
        return Revocation.read(data, verify)
    except StatementError as error:
        raise RuleBrokenError(_("a revocation does not hold: {error}").format(error=error)) from error


def executed_on(roster: Roster, statements: Sequence[Statement], execution: Execution) -> Roster:
    """Return the roster after statements in the order of a commit. Raises RuleBrokenError."""
    try:
        return roster.after(statements, execution)
    except NotAllowedError as error:
        raise RuleBrokenError(
            _("a statement about the room's members does not hold: {error}").format(error=error)
        ) from error


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
