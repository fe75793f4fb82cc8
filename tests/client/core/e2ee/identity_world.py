"""A server of devices and keys in memory, honest until a test tells it otherwise, and people at it."""

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.client.core.core_fake import FakeClock

from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.account import Identity
from parlour_client.core.e2ee.identity.keys import AccountKey as OwnAccountKey
from parlour_client.core.e2ee.identity.keys import DeviceKey, public_of, sign, verify
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.identity.pins import CertificateStatus
from parlour_client.core.e2ee.trust.compare import Contacts
from parlour_client.core.e2ee.trust.sas import SasSessions
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.errors import ApiRefusedError, UnreachableError
from parlour_mls import Secret as Seed
from parlour_protocol.delivery import (
    AccountKey,
    CertifyDevice,
    CosignedHead,
    CosignedHeads,
    DeviceInfo,
    DeviceList,
    DeviceStatus,
    KeyLogPage,
    KeyPackages,
    RegisterDevice,
    RevokeDevice,
)
from parlour_protocol.encrypted import VerifyContent
from parlour_protocol.frames.opaque import Digest, LogEntryBytes, PublicKey, Signature
from parlour_protocol.identity import (
    AccountEntry,
    Certificate,
    DeviceEntry,
    Entry,
    Head,
    Revocation,
    RevocationEntry,
    account_proof,
    device_id_of,
    device_proof,
)
from parlour_protocol.identity.key_log import encode_entry
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.rooms import RoomSuite

SERVER = "chat.example.org"
ANA, BEN, EVE = (parse_user_name(name) for name in ("ana", "ben", "eve"))
PASSWORD = Secret("correct horse battery")
ROOM = RoomId("r" * 22)


@dataclass
class Registered:
    """What the server keeps of a device."""

    user: UserName
    key: bytes
    status: DeviceStatus = DeviceStatus.PENDING
    packages: list[bytes] = field(default_factory=list)
    last_resort: bytes | None = None
    hybrid: list[bytes] = field(default_factory=list)
    hybrid_last_resort: bytes | None = None


class Service:
    """The server: its rules are those of the real one, as far as identities meet them."""

    page = 500

    def __init__(self, clock: FakeClock, server: str = SERVER) -> None:
        self.clock = clock
        self.server = server
        self.log_seed = Seed(bytes(range(32)))
        self.entries: list[bytes] = []
        self.accounts: dict[UserName, bytes] = {}
        self.devices: dict[DeviceId, Registered] = {}
        self.calls: list[str] = []
        self.frozen: int | None = None
        """How many entries it shows, from when it was frozen on."""
        self.cosigned: list[CosignedHead] = []
        """What it hands out of witnesses."""
        self._sessions = itertools.count()

    def fork(self) -> Self:
        """Return a second server with the same past and the same key: what a split view is made of."""
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        made = type(self)(self.clock, self.server)
        made.entries, made.accounts = list(self.entries), dict(self.accounts)
        made.devices = copy.deepcopy(self.devices, memo)
        return made

    def session(self, user: UserName) -> "Session":
        return Session(self, user, SessionId(f"session-{next(self._sessions):014}"))

    # the log
    def append(self, entry: Entry) -> None:
        self.entries.append(encode_entry(entry))

    def head(self, size: int | None = None) -> Head:
        tree = Tree()
        for entry in self.shown[:size]:
            tree = tree.after(entry)
        return Head.of(tree)

    @property
    def shown(self) -> list[bytes]:
        return self.entries[: self.frozen]

    def key_log(self, after: int) -> KeyLogPage:
        head = self.head()
        return KeyLogPage(
            server=self.server,
            entries=tuple(LogEntryBytes(entry) for entry in self.shown[after : after + self.page]),
            size=head.size,
            head=Digest(head.root),
            signature=Signature(sign(self.log_seed, head.to_be_signed(self.server))),
            key=PublicKey(public_of(self.log_seed)),
        )

    # what a hostile one does
    def swap_account_key(self, user: UserName, key: OwnAccountKey) -> None:
        """Give an account another key, which no one asked for."""
        self.accounts[user] = key.public
        self.append(AccountEntry(self.clock.now(), user, key.public))

    def insert_late(self, entry: bytes, number: int) -> None:
        """Slip an entry into the middle of the log, as the one with this number."""
        self.entries.insert(number - 1, entry)

    def freeze(self) -> None:
        """Show no later entry than the last one there is, whatever is appended."""
        self.frozen = len(self.entries)

    def certify(
        self, user: UserName, account: OwnAccountKey, device_key: bytes, name: str = "ghost"
    ) -> bytes:
        """Log a certificate by someone who holds ``account``."""
        _, data = account.certify(user, self.server, device_key, parse_device_name(name), self.clock.now())
        self.append(DeviceEntry(self.clock.now(), data))
        return data


class Session(DeliveryClient):
    """One session at the server."""

    def __init__(self, service: Service, user: UserName, session: SessionId) -> None:
        self.service = service
        self.user = user
        self.session = session
        self.device: DeviceId | None = None
        self.down = False
        self.lose_reply_of = ""
        self.before: Callable[[str], None] = lambda _: None

    def _enter(self, call: str) -> None:
        self.before(call)
        if self.down:
            raise UnreachableError("down")
        self.service.calls.append(call)

    def _leave(self, call: str) -> None:
        if self.lose_reply_of == call:
            self.lose_reply_of = ""
            raise UnreachableError("lost")

    async def session_id(self) -> SessionId:
        return self.session

    async def publish_account_key(self, body: AccountKey) -> None:
        self._enter("publish")
        service = self.service
        if not verify(body.key, account_proof(self.user, service.server), body.proof):
            raise ApiRefusedError("proof", "statement_refused")
        known = service.accounts.get(self.user)
        if known is not None and body.password != PASSWORD:
            raise ApiRefusedError("password", "password_needed")
        for name, device in service.devices.items():
            if known is not None and device.user == self.user and device.status is DeviceStatus.ACTIVE:
                device.status = DeviceStatus.REVOKED
                self.device = None if self.device == name else self.device
        service.accounts[self.user] = bytes(body.key)
        service.append(AccountEntry(service.clock.now(), self.user, bytes(body.key)))
        self._leave("publish")

    async def register_device(self, body: RegisterDevice) -> DeviceInfo:
        self._enter("register")
        service = self.service
        if not verify(body.key, device_proof(service.server, self.session), body.proof):
            raise ApiRefusedError("proof", "statement_refused")
        device = device_id_of(self.user, service.server, body.key)
        if self.device not in {None, device}:
            raise ApiRefusedError("another device", "conflict")
        known = service.devices.setdefault(device, Registered(self.user, bytes(body.key)))
        if known.status is DeviceStatus.REVOKED:
            raise ApiRefusedError("revoked", "forbidden")
        self.device = device
        if body.certificate is not None:
            self._certify(device, bytes(body.certificate))
        self._leave("register")
        return self._info(device, known)

    async def devices(self) -> DeviceList:
        self._enter("devices")
        listed = [self._info(d, r) for d, r in self.service.devices.items() if r.user == self.user]
        key = self.service.accounts.get(self.user)
        return DeviceList(devices=tuple(listed), account_key=PublicKey(key) if key else None)

    async def certify(self, device: DeviceId, body: CertifyDevice) -> None:
        self._enter("certify")
        self._require(device)
        self._certify(device, bytes(body.certificate))
        self._leave("certify")

    async def revoke(self, device: DeviceId, body: RevokeDevice) -> None:
        self._enter("revoke")
        self._require(device)
        statement = Revocation.read(bytes(body.revocation), verify)
        if statement.account_key != self.service.accounts[self.user] or statement.device != device:
            raise ApiRefusedError("revocation", "statement_refused")
        self.service.devices[device].status = DeviceStatus.REVOKED
        self.service.append(RevocationEntry(self.service.clock.now(), bytes(body.revocation)))

    async def put_packages(self, device: DeviceId, body: KeyPackages) -> None:
        self._enter("packages")
        kept = self.service.devices[device]
        packages = [bytes(package) for package in body.packages]
        last = bytes(body.last_resort) if body.last_resort else None
        if body.suite is RoomSuite.X_WING:
            kept.hybrid = packages if body.replace else kept.hybrid + packages
            kept.hybrid_last_resort = last if body.replace else last or kept.hybrid_last_resort
        else:
            if body.replace:
                kept.packages, kept.last_resort = [], None
            kept.packages += packages
            kept.last_resort = last or kept.last_resort
        self._leave("packages")

    async def key_log(self, after: int) -> KeyLogPage:
        self._enter("log")
        return self.service.key_log(after)

    async def cosignatures(self) -> CosignedHeads:
        self._enter("cosignatures")
        return CosignedHeads(tuple(self.service.cosigned))

    def _require(self, device: DeviceId) -> None:
        if device not in self.service.devices:
            raise ApiRefusedError("no such device", "not_found")

    def _certify(self, device: DeviceId, data: bytes) -> None:
        certificate = Certificate.read(data, verify)
        if certificate.account_key != self.service.accounts[self.user] or certificate.device != device:
            raise ApiRefusedError("certificate", "statement_refused")
        self.service.devices[device].status = DeviceStatus.ACTIVE
        self.service.append(DeviceEntry(self.service.clock.now(), data))

    def _info(self, device: DeviceId, known: Registered) -> DeviceInfo:
        return DeviceInfo(
            device=device,
            key=PublicKey(known.key),
            name=parse_device_name("laptop"),
            status=known.status,
            created=Millis(1),
            last_seen=Millis(2),
            packages=len(known.packages),
            last_resort=known.last_resort is not None,
            hybrid_packages=len(known.hybrid),
            hybrid_last_resort=known.hybrid_last_resort is not None,
            current=device == self.device,
        )


class Home:
    """One device of a person."""

    def __init__(self, archive: Archive, session: Session, clock: FakeClock) -> None:
        self.archive, self.session, self.clock = archive, session, clock
        self.user = session.user
        self.said: list[VerifyContent] = []
        """Steps of verifications, kept until a test delivers them."""
        self.broken = False
        self.replaced = 0
        self.changes = 0
        self._begin()

    def _begin(self) -> None:
        name = parse_device_name("laptop")
        self.identity = Identity(
            self.archive, self.user, name, self.session, self.clock, self._device_replaced, self._changed
        )
        self.contacts = Contacts(self.identity)
        self.sas = SasSessions(self.identity, self.contacts, lambda _: ROOM, self._send, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    async def _device_replaced(self) -> None:
        self.replaced += 1

    async def _send(self, room: RoomId, content: VerifyContent) -> None:
        assert room == ROOM
        if self.broken:
            raise UnreachableError("down")
        self.said.append(content)

    async def log_in_again(self) -> None:
        """Get a new session, as after a logout, and a new process."""
        self.session = self.session.service.session(self.user)
        self._begin()
        await self.identity.sign_in()

    @property
    def device(self) -> DeviceId:
        return self.identity.own().device

    @property
    def own_identity(self) -> OwnIdentity:
        found = self.identity.identity
        assert found is not None
        return found

    @property
    def key(self) -> DeviceKey:
        return self.own_identity.key

    @property
    def account(self) -> OwnAccountKey:
        found = self.own_identity.account
        assert found is not None
        return found

    @property
    def certificate(self) -> bytes:
        return self.own_identity.certified()

    async def judge(self, certificate: bytes) -> CertificateStatus:
        """Judge a certificate as groups do."""
        return await self.archive.write(pins.certificate_status, certificate, self.clock.now())

    def alarms(self) -> list[str]:
        return [alarm.text for alarm in self.identity.alarms()]


class World:
    """A server and its people."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.service = Service(self.clock)
        self._archives: list[Archive] = []

    async def home(self, user: UserName, service: Service | None = None, *, signed_in: bool = True) -> Home:
        """Return a new device of ``user``."""
        folder = self.folder / f"home{len(self._archives)}"
        folder.mkdir()
        archive = await Archive.open(folder / "archive.db", folder / "archive.key")
        self._archives.append(archive)
        made = Home(archive, (service or self.service).session(user), self.clock)
        if signed_in:
            await made.identity.sign_in()
        return made

    async def close(self) -> None:
        for archive in self._archives:
            await archive.close()
