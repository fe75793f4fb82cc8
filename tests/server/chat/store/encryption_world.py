"""Short ways to make devices, groups and commits in a store; no cryptography, which a store never sees."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs
from tests.server.chat.store.world import DEVICE, World
from tests.server.core.store.world import log_in

from parlour_protocol.frames.bodies import (
    AnyBody,
    Contested,
    EncryptedMessage,
    GroupCreated,
    Handshake,
    Joined,
)
from parlour_protocol.frames.opaque import (
    CertificateBytes,
    Ciphertext,
    HandshakeBytes,
    KeyPackageBytes,
    LogEntryBytes,
    PublicKey,
    TreeBytes,
    WelcomeBytes,
)
from parlour_protocol.identity import device_id_of
from parlour_protocol.ids import Epoch, GroupId, RoomId, new_group_id
from parlour_protocol.kit.ids import DeviceId, Millis, Seq, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.delivery.records import (
    CertificateRecord,
    DeviceChange,
    DeviceRecord,
    NewDevice,
    NewPackages,
)
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendedEvent, AppendEvent, Attached
from parlour_server.core.accounts.tables.authority import ByProof, BySession

SERVER = "parlour.test"
DAY = 86_400_000


class Delivery:
    """Devices, groups and commits in a world, decided by the real rules."""

    def __init__(self, world: World) -> None:
        """Work in this world, at this server's first moment."""
        self.world = world
        self.keys: dict[UserName, PublicKey] = {}
        self._numbers = itertools.count(1)

    @property
    def store(self) -> ChatStore:
        """The store."""
        return self.world.store

    @property
    def now(self) -> Millis:
        """The time."""
        return self.world.clock.now()

    def key(self) -> PublicKey:
        """Return a key that was never used before."""
        return PublicKey(hashlib.sha256(str(next(self._numbers)).encode()).digest())

    def entry(self) -> LogEntryBytes:
        """Return an entry for the key log."""
        return LogEntryBytes(b"entry %d" % next(self._numbers))

    def certificate(self, user: UserName, *, days: int = 90) -> CertificateRecord:
        """Return a certificate by the account's key."""
        made = CertificateBytes(b"certificate %d" % next(self._numbers))
        return CertificateRecord(made, self.keys[user], Millis(self.now + days * DAY))

    async def account_key(self, user: UserName) -> None:
        """Publish a key of the account, if it has none."""
        if user not in self.keys:
            self.keys[user] = self.key()
            by = await self.by(user)
            await self.store.devices.publish_account_key(by, self.keys[user], self.entry(), replaces=None)

    async def session(self, user: UserName) -> SessionId:
        """Log the user in."""
        session = self.world.session(user, next(self._numbers))
        await log_in(self.store, session, cap=100)
        return session.id

    async def by(self, user: UserName, device: DeviceId | None = None) -> BySession:
        """Return a request of a session of theirs that speaks for the device (None: for any, if it can)."""
        sessions = await self.store.sessions.list(user, self.now)
        bound = [one for one in sessions if one.device_id is not None and device in {None, one.device_id}]
        for session in bound or ([] if device else sessions):
            return BySession(user, session.id)
        return BySession(user, await self.session(user))

    async def speaks_for(self, device: DeviceId) -> BySession:
        """Return a request of a session that speaks for the device."""
        held = await self.store.devices.find(device, self.now)
        assert held is not None
        return await self.by(held.user, device)

    async def revoke(self, user: UserName, device: DeviceId) -> DeviceChange:
        """Revoke a device of the user."""
        by = await self.by(user)
        return await self.store.devices.revoke(by, device, self.keys[user], self.entry())

    def new_device(self, user: UserName) -> NewDevice:
        """Return a device that no one knows."""
        key = self.key()
        return NewDevice(device_id_of(user, SERVER, key), user, key, DEVICE, self.now)

    async def device(self, user: UserName, *, active: bool = True) -> DeviceId:
        """Make a device of the user, logged in and certified."""
        return (await self.registered(user, active=active))[0].id

    async def registered(self, user: UserName, *, active: bool = True) -> tuple[DeviceRecord, SessionId]:
        """Make a device of the user and return it with its session."""
        session = await self.session(user)
        new = self.new_device(user)
        if not active:
            return await self.store.devices.register(BySession(user, session), new), session
        await self.account_key(user)
        made = await self.store.devices.register(
            BySession(user, session), new, self.certificate(user), self.entry()
        )
        return made, session

    async def person(self, name: str) -> tuple[UserName, DeviceId]:
        """Make an account with one device."""
        user = await self.world.account(name)
        return user, await self.device(user)

    async def room(self, owner: UserName, *others: UserName, kind: RoomKind = RoomKind.PUBLIC) -> RoomId:
        """Make an encrypted room with these members."""
        new = replace(self.world.new_room(owner, f"sealed{next(self._numbers)}", kind), encrypted=True)
        room = (await self.store.rooms.create(new)).room
        for other in others:
            await self.world.append(room, other, Joined())
        return room

    async def append(
        self,
        room: RoomId,
        author: UserName,
        body: AnyBody,
        sender: DeviceId | None = None,
        attached: Attached | None = None,
        store: ChatStore | None = None,
    ) -> AppendedEvent:
        """Append what the rules allow."""
        event = self.event(room, author, body, sender, attached)
        return await (store or self.store).log.append(event, decide)

    def event(
        self,
        room: RoomId,
        author: UserName,
        body: AnyBody,
        sender: DeviceId | None = None,
        attached: Attached | None = None,
    ) -> AppendEvent:
        """Return an event of a device."""
        made = self.world.event(room, author, body)
        return structs.replace(made, sender=sender, attached=attached)

    async def found(
        self, room: RoomId, user: UserName, device: DeviceId, replaces: GroupId | None = None
    ) -> GroupId:
        """Found the room's group."""
        group = new_group_id()
        await self.append(room, user, GroupCreated(group=group, device=device, replaces=replaces), device)
        return group

    async def commit(
        self,
        room: RoomId,
        user: UserName,
        device: DeviceId,
        *,
        added: Sequence[DeviceId] = (),
        removed: Sequence[DeviceId] = (),
    ) -> AppendedEvent:
        """Take the group to its next epoch."""
        state = await self.store.groups.state(room, user, self.now)
        assert state is not None
        assert state.group is not None
        body = handshake(state.group, state.epoch, added, removed)
        return await self.append(room, user, body, device, attached(body))

    async def group_of(self, room: RoomId, *people: tuple[UserName, DeviceId]) -> GroupId:
        """Found a group with the first of them, and let it add the others."""
        (user, device), *others = people
        group = await self.found(room, user, device)
        if others:
            await self.commit(room, user, device, added=[other for _, other in others])
        return group

    async def packages(
        self, device: DeviceId, *names: str, last_resort: str | None = None, days: int = 30
    ) -> None:
        """Bring key packages."""
        await self.store.devices.put_packages(
            await self.speaks_for(device),
            NewPackages(
                device,
                tuple(KeyPackageBytes(name.encode()) for name in names),
                None if last_resort is None else KeyPackageBytes(last_resort.encode()),
                Millis(self.now + days * DAY),
            ),
        )


def proven(by: BySession) -> ByProof:
    """Return the same request with the account's password."""
    return ByProof(by.user, by.session, f"hash of {by.user}", None)


def handshake(
    group: GroupId, epoch: int, added: Sequence[DeviceId] = (), removed: Sequence[DeviceId] = ()
) -> Handshake:
    """Return a commit."""
    return Handshake(
        group=group,
        epoch=Epoch(epoch),
        data=HandshakeBytes(b"commit"),
        added=tuple(added),
        removed=tuple(removed),
    )


def attached(body: Handshake) -> Attached | None:
    """Return what goes with a commit."""
    return Attached(WelcomeBytes(b"welcome"), TreeBytes(b"tree")) if body.added else None


def sealed(
    group: GroupId, epoch: int, data: bytes = b"sealed", blanks: Seq | None = None
) -> EncryptedMessage:
    """Return an encrypted message."""
    return EncryptedMessage(group=group, epoch=Epoch(epoch), data=Ciphertext(data), blanks=blanks)


def contest(group: GroupId, epoch: int) -> Contested:
    """Return a contest of a commit."""
    return Contested(group=group, epoch=Epoch(epoch))
