"""People who chat over a SQLite file: what a disk and threads add changes nothing."""

import secrets

from tests.protocol.identity.signing import NOW, SERVER, public
from tests.protocol.membership.people import carried
from tests.server.chat.service.fakes import (
    GENEROUS,
    LAPTOP,
    FakeClock,
    FakePeer,
    RecordingAudit,
    World,
    stored,
)
from tests.server.core.store.world import log_in

from parlour_protocol.frames import requests
from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.opaque import (
    CertificateBytes,
    LogEntryBytes,
    PublicKey,
    StatementBytes,
    TreeBytes,
    WelcomeBytes,
)
from parlour_protocol.frames.replies import Error, Hello, Ok
from parlour_protocol.identity import device_id_of
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, SessionId, new_request_id
from parlour_protocol.kit.names import UserName, parse_user_name, skeleton
from parlour_protocol.membership import NEVER_REMOVED, Accept, Admit, digest_of, new_admission_id, read_again
from parlour_server.chat.delivery.records import CertificateRecord, NewDevice
from parlour_server.chat.service.commands import Commands
from parlour_server.chat.settings import ChatSettings, Delivery, MessageSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendedEvent, Attached
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.bus.bus import Bus
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.store.records import NewAccountRecord, SessionRecord


class DiskWorld(World):
    """The same people over a SQLite file. Answers come when the disk has them."""

    def __init__(self, store: ChatStore, bus: Bus | None = None) -> None:
        self.clock = FakeClock()
        self.audit = RecordingAudit()
        self.bus = bus or LocalBus()
        self.disk = store
        self.serve(ChatSettings(rates=GENEROUS, delivery=Delivery(flush_ms=0)), store)

    async def connect(self, name: str, *, address: str = "192.0.2.7", keys: bool = False) -> FakePeer:
        """Make an account, log it in and take the hello; with ``keys`` from a certified device of its own."""
        user = parse_user_name(name)
        if await self.disk.accounts.find(user) is None:
            record = NewAccountRecord(user, skeleton(user), "x", Millis(0))
            await self.disk.accounts.create(record, None)
        now = self.clock.now()
        session = SessionRecord(
            id=SessionId(new_request_id()),
            user=user,
            device=LAPTOP,
            token=new_request_id().encode(),
            created=now,
            last_seen=now,
            expires=Millis(now + 10**9),
        )
        await log_in(self.disk, session, cap=99)
        device = await self.device(user, session.id) if keys else None
        peer = FakePeer(user, session.id, LAPTOP, session.expires, device, address)
        self.chat.opened(peer)
        await peer.until(lambda: peer.got(Hello))
        return peer

    async def done(self, peer: FakePeer, request: RequestId) -> Ok | Error:
        """Wait for the answer to a request."""
        await peer.until(lambda: any(isinstance(f, Ok | Error) and f.re == request for f in peer.frames))
        return self.answer(peer, request)

    async def ask(self, peer: FakePeer, kind, /, **fields) -> Ok | Error:  # noqa: ANN001, ANN003
        """Send a request and wait for its answer."""
        return await self.done(peer, self.push(peer, kind, **fields))

    async def device(self, user: UserName, session: SessionId) -> DeviceId:
        """Bind the session to a new device; of its keys only the first one of someone signs anything."""
        by = BySession(user, session)
        account, key = PublicKey(user.encode().ljust(32)), PublicKey(secrets.token_bytes(32))
        if await self.disk.devices.account_key(user) is None:
            key = PublicKey(public(f"{user} device"))
        now = self.clock.now()
        if await self.disk.devices.account_key(user) is None:
            entry = LogEntryBytes(secrets.token_bytes(20))
            await self.disk.devices.publish_account_key(by, account, entry, replaces=None)
        device = device_id_of(user, "chat.example", key)
        certificate = CertificateRecord(
            CertificateBytes(secrets.token_bytes(20)), account, Millis(now + 10**10)
        )
        entry = LogEntryBytes(secrets.token_bytes(20))
        new = NewDevice(device, user, key, LAPTOP, now)
        await self.disk.devices.register(by, new, certificate, entry)
        return device

    async def bring(self, inviter: FakePeer, room: RoomId, name: str) -> None:
        """Invite someone, who accepts on a device that is gone then."""
        stored(await self.ask(inviter, requests.Invite, room=room, user=name))
        peer = await self.connect(name)
        assert isinstance(await self.ask(peer, requests.Accept, room=room), Ok)
        self.chat.closed(peer)

    def admission(self, inviter: FakePeer, room: RoomId, guest: FakePeer) -> StatementBytes:
        """Return a signed admission to an encrypted room; the first device of someone signs for them."""
        who, end = guest.info.grant.user, Millis(NOW + 1)
        key = bytes(PublicKey(who.encode().ljust(32)))
        act = Admit(SERVER, room, 0, NOW, who, key, bytes(32), NEVER_REMOVED, new_admission_id(), end)
        return StatementBytes(carried(act, str(inviter.info.grant.user)))

    def acceptance(self, admission: StatementBytes) -> StatementBytes:
        """Return its acceptance."""
        act = read_again(admission).act
        accept = Accept(SERVER, act.room, 0, NOW, act.who, digest_of(admission))
        return StatementBytes(carried(accept, str(act.who)))

    async def admit(self, inviter: FakePeer, room: RoomId, guest: FakePeer) -> None:
        """Invite someone to an encrypted room, who accepts."""
        admission, who = self.admission(inviter, room, guest), str(guest.info.grant.user)
        stored(await self.ask(inviter, requests.Invite, room=room, user=who, statement=admission.text))
        accepted = self.acceptance(admission).text
        assert isinstance(await self.ask(guest, requests.Accept, room=room, statement=accepted), Ok)

    async def commit(self, peer: FakePeer, room: RoomId, body: AnyBody) -> AppendedEvent:
        """Append as the HTTPS API does."""
        commands = Commands(
            server="test",
            log=self.disk.log,
            clock=self.clock,
            audit=self.audit,
            incarnation=self.disk.incarnation,
            messages=MessageSettings(),
        )
        attached = Attached(WelcomeBytes(b"w"), TreeBytes(b"t")) if getattr(body, "added", ()) else None
        return await commands.commit(peer.info.grant, new_request_id(), room, body, attached)
