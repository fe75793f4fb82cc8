"""Parlour's own rules for MLS groups, as hooks of the engine's ``Policy``: who a leaf is, what a commit does.

Each leaf that enters a tree carries a certificate of its account for exactly its signature key; a commit does
what its event in the log declares and nothing else; a group is bound to one room of one server. What breaks
that raises (RuleBrokenError). Whether a person's key is the one we know is ``people``'s, who is asked about
leaves after they came in, because what is refused must not pin anybody.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from parlour_client.core.e2ee.extensions import CERTIFICATE, KNOWN, ROOM_BINDING
from parlour_client.core.e2ee.refusals import RuleBrokenError
from parlour_client.core.e2ee.signing import verify
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.identity import Certificate, StatementError, credential_of, device_id_of
from parlour_protocol.ids import DeviceId, RoomId
from parlour_protocol.mls import Change, Credential, Extension, LeafNode, Member, Policy
from parlour_protocol.names import UserName, parse_user_name

SKEW: Final = 3_600_000
"""Milliseconds that clocks may differ."""


class Binding(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a group is for; in its context, so that all members agree on it (extension 0xF0C0)."""

    server: str
    room: RoomId
    kind: RoomKind

    def extensions(self) -> tuple[Extension, ...]:
        """Return the only extensions that the group's context may have."""
        return (Extension(ROOM_BINDING, msgspec.msgpack.encode(self)),)


@lru_cache(1024)
def binding_of(extensions: tuple[Extension, ...]) -> Binding:
    """Read a group's binding. Raises RuleBrokenError."""
    if [extension.type for extension in extensions] != [ROOM_BINDING]:
        raise RuleBrokenError("the group is not bound to a room")
    try:
        binding = msgspec.msgpack.decode(extensions[0].data, type=Binding)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RuleBrokenError("the group is bound to something that is no room") from error
    if binding.extensions() != extensions:
        raise RuleBrokenError("the group's binding is not in its one form")
    return binding


@lru_cache(4096)
def read_certificate(data: bytes) -> Certificate:
    """Read a certificate and verify its signature. Raises StatementError."""
    return Certificate.read(data, verify)


def certificate_bytes(leaf: LeafNode) -> bytes:
    """Return the certificate that a leaf carries. Raises RuleBrokenError."""
    found = next((e.data for e in leaf.extensions if e.type == CERTIFICATE), None)
    if found is None:
        raise RuleBrokenError("a leaf carries no certificate of its account")
    return found


def certificate_of(leaf: LeafNode) -> Certificate:
    """Return a leaf's certificate with its signature verified. Raises RuleBrokenError."""
    try:
        return read_certificate(certificate_bytes(leaf))
    except StatementError as error:
        raise RuleBrokenError(f"a leaf carries a bad certificate: {error}") from error


def require_two(kind: RoomKind, leaves: Iterable[LeafNode]) -> None:
    """Let nobody into a direct room but two people, whoever the server says is missing. Raises."""
    if kind is RoomKind.DIRECT and len({certificate_of(leaf).user for leaf in leaves}) > 2:  # noqa: PLR2004 - two
        raise RuleBrokenError("it lets a third person into a direct room")


@dataclass(frozen=True, slots=True)
class Person:
    """Whose a leaf is."""

    user: UserName
    device: DeviceId


def person_of(member: Member, server: str) -> Person:
    """Return whose leaf it is that MLS names as the sender."""
    return _person(member.credential, member.signature_key, server)


@lru_cache(4096)
def _person(credential: Credential, key: bytes, server: str) -> Person:
    """Read a credential; it fits the key or it is refused, also in rosters of past epochs."""
    try:
        account, _, device = credential.identity.decode().rpartition("/")
        user = parse_user_name(account.removesuffix(f"@{server}"))
    except ValueError as error:
        raise RuleBrokenError("a credential is not of the form user@server/device") from error
    expected = device_id_of(user, server, key)
    if device != expected or credential.identity != credential_of(user, server, expected):
        raise RuleBrokenError("a credential names another device than its key makes it")
    return Person(user, expected)


@dataclass(slots=True)
class Declared:
    """What a Handshake event says that its commit does; None for one that we make ourselves."""

    at: int
    """Milliseconds: when the delivery service took it in."""
    added: Collection[DeviceId] | None = None
    removed: Collection[DeviceId] | None = None
    unusable: Collection[DeviceId] | None = None


@dataclass(slots=True)
class Judge:
    """The hooks for one group. ``declared``: what the commit under judgement may do; None: no commit is."""

    server: str
    declared: Declared | None = None

    def policy(self) -> Policy:
        """Return the engine's policy with these hooks."""
        return Policy(
            public_messages=False,
            extensions=KNOWN,
            validate_credential=self.validate_credential,
            validate_successor=self.validate_successor,
            authorise=self.authorise,
        )

    @contextmanager
    def ours(self, at: int) -> Iterator[None]:
        """Judge a commit that we make ourselves: it declares what it does afterwards."""
        self.declared = Declared(at)
        try:
            yield
        finally:
            self.declared = None

    def validate_credential(self, leaf: LeafNode) -> None:
        """Check every leaf before it enters the tree: key package, commit path, join (not Adds alone)."""
        certificate = certificate_of(leaf)
        if certificate.server != self.server:
            raise RuleBrokenError("a certificate is for another server")
        if certificate.device_key != leaf.signature_key:
            raise RuleBrokenError("a certificate is for another key than the leaf's")
        expected = credential_of(certificate.user, certificate.server, certificate.device)
        if leaf.credential != Credential.basic(expected):
            raise RuleBrokenError("a leaf's credential is not what its certificate says")

    def validate_successor(self, old: LeafNode, new: LeafNode) -> None:
        """Let nobody become somebody else by an Update or a commit's path (a renewed certificate is fine)."""
        before, after = certificate_of(old), certificate_of(new)
        same = (before.user, before.device, before.account_key) == (
            after.user,
            after.device,
            after.account_key,
        )
        if not same or old.credential != new.credential:
            raise RuleBrokenError("a member's new leaf is of another person, device or account key")

    def authorise(self, change: Change) -> None:
        """Require that a commit does what its event declares, for its committer alone."""
        declared = self.declared
        if declared is None:
            raise RuleBrokenError("a commit came where none was expected")
        if change.updated or change.psks or change.extensions is not None or change.reinit is not None:
            raise RuleBrokenError("a commit does more than to add and remove devices")
        senders = [by for by, *_ in change.added] + [by for by, *_ in change.removed]
        if any(by != change.committer for by in senders):
            raise RuleBrokenError("a commit carries proposals of somebody else")
        added = [certificate_of(leaf) for _, leaf in change.added]
        if any(not c.created - SKEW <= declared.at <= c.expires + SKEW for c in added):
            raise RuleBrokenError("a commit adds a device whose certificate has expired")
        removed = [certificate_of(leaf).device for _, _, leaf in change.removed]
        unusable = [certificate_of(leaf).device for _, i, leaf in change.removed if i in change.unusable]
        for does, says in (
            ([c.device for c in added], declared.added),
            (removed, declared.removed),
            (unusable, declared.unusable),
        ):
            if says is not None and sorted(does) != sorted(says):
                raise RuleBrokenError("a commit adds or removes other devices than its event declares")
