"""People with devices who use the delivery service over the API, each call as a good client makes it."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx
from nacl.signing import SigningKey
from tests.server.chat.delivery.https.conftest import SERVER, Api
from tests.server.fakes import MakeAccount, StoppedClock

from parlour_protocol.delivery import (
    AccountKey,
    CertifyDevice,
    ClaimedKeyPackages,
    ClaimKeyPackages,
    Commit,
    CreateGroup,
    DeviceInfo,
    DeviceList,
    GroupState,
    KeyPackages,
    RegisterDevice,
    RevokeDevice,
)
from parlour_protocol.frames.bodies import Invited, Joined
from parlour_protocol.frames.opaque import (
    CertificateBytes,
    HandshakeBytes,
    KeyPackageBytes,
    PublicKey,
    Signature,
    StatementBytes,
    TreeBytes,
    WelcomeBytes,
)
from parlour_protocol.identity import (
    Certificate,
    Revocation,
    account_proof,
    device_id_of,
    device_proof,
)
from parlour_protocol.ids import Epoch, GroupId, RoomId, new_group_id, new_room_id
from parlour_protocol.kit.api import decode_payload, encode_payload
from parlour_protocol.kit.ids import DeviceId, Millis, SessionId, new_request_id
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind, RoomSuite
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent, NewRoom

LAPTOP = parse_device_name("laptop")
DAY = 86_400_000


@dataclass
class Home:
    """One device of someone, logged in. ``account`` is the account key where this device has it."""

    api: Api
    clock: StoppedClock
    user: UserName
    token: Secret
    session: SessionId
    account: SigningKey
    key: SigningKey = field(default_factory=lambda: SigningKey(secrets.token_bytes(32)))

    @property
    def public(self) -> PublicKey:
        """The device's public key."""
        return PublicKey(bytes(self.key.verify_key))

    @property
    def device(self) -> DeviceId:
        """The device's id."""
        return device_id_of(self.user, SERVER, self.public)

    async def ask(
        self, method: str, path: str, body: Payload | None = None, **options: Any
    ) -> httpx.Response:
        """Make a call."""
        if body is not None:
            options |= {"content": encode_payload(body)}
        headers = {"Authorization": f"Bearer {self.token.reveal()}", **options.pop("headers", {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return await self.api.http.request(method, path, headers=headers, **options)

    def account_key(self, password: str | None = None, by: SigningKey | None = None) -> AccountKey:
        """Return the body that publishes the account's key."""
        proof = (by or self.account).sign(account_proof(self.user, SERVER)).signature
        key = PublicKey(bytes(self.account.verify_key))
        return AccountKey(key, Signature(proof), Secret(password) if password else None)

    def certificate(self, *, by: SigningKey | None = None, **changed: Any) -> CertificateBytes:
        """Return this device's certificate, signed by its account's key; with some fields changed."""
        now = self.clock.now()
        fields = {
            "user": self.user,
            "server": SERVER,
            "account_key": bytes((by or self.account).verify_key),
            "device_key": bytes(self.public),
            "name": LAPTOP,
            "created": now,
            "expires": Millis(now + 5 * 365 * DAY),
        }
        statement = Certificate(**{**fields, **changed})
        signature = (by or self.account).sign(statement.to_be_signed()).signature
        return CertificateBytes(statement.signed(signature))

    def revocation(self, *, by: SigningKey | None = None, **changed: Any) -> CertificateBytes:
        """Return this device's revocation, signed by its account's key; with some fields changed."""
        fields = {
            "user": self.user,
            "server": SERVER,
            "account_key": bytes((by or self.account).verify_key),
            "device_key": bytes(self.public),
            "at": self.clock.now(),
        }
        statement = Revocation(**{**fields, **changed})
        return CertificateBytes(
            statement.signed((by or self.account).sign(statement.to_be_signed()).signature)
        )

    def registration(
        self, *, session: SessionId | None = None, by: SigningKey | None = None, certified: bool = False
    ) -> RegisterDevice:
        """Return the body that binds this session to this device."""
        proof = (by or self.key).sign(device_proof(SERVER, session or self.session)).signature
        return RegisterDevice(self.public, Signature(proof), self.certificate() if certified else None)

    async def settle_in(self) -> "Home":
        """Publish the account's key, be certified, bring key packages."""
        assert (await self.ask("POST", "/v1/identity", self.account_key())).status_code == 204
        made = await self.ask("POST", "/v1/devices", self.registration(certified=True))
        assert made.status_code == 201, made.text
        assert made.json()["status"] == "active"
        await self.bring(5)
        return self

    async def bring(
        self, count: int, *, last_resort: bool = True, suite: RoomSuite = RoomSuite.X25519
    ) -> None:
        """Bring key packages."""
        made = tuple(KeyPackageBytes(secrets.token_bytes(40)) for _ in range(count))
        last = KeyPackageBytes(b"last" + secrets.token_bytes(36)) if last_resort else None
        put = await self.ask(
            "PUT", f"/v1/devices/{self.device}/key-packages", KeyPackages(made, last, suite=suite)
        )
        assert put.status_code == 204, put.text

    async def info(self) -> DeviceInfo:
        """Return what the server says of this device."""
        listed = decode_payload(DeviceList, (await self.ask("GET", "/v1/devices")).content)
        [mine] = [one for one in listed.devices if one.device == self.device]
        return mine

    async def group(self, room: RoomId) -> GroupState:
        """Return where the room's group stands."""
        found = await self.ask("GET", f"/v1/rooms/{room}/group")
        assert found.status_code == 200, found.text
        return decode_payload(GroupState, found.content)

    async def found(self, room: RoomId, **changed: Any) -> httpx.Response:
        """Found the room's group."""
        body = CreateGroup(**{"request": new_request_id(), "group": new_group_id(), **changed})
        return await self.ask("POST", f"/v1/rooms/{room}/group", body)

    async def commit(
        self, room: RoomId, group: GroupId, epoch: int, added: tuple[DeviceId, ...] = (), **changed: Any
    ) -> httpx.Response:
        """Commit to the room's group."""
        return await self.ask(
            "POST", f"/v1/rooms/{room}/commits", commit_of(group, epoch, added=added, **changed)
        )

    async def claim(
        self, room: RoomId, *devices: DeviceId, suite: RoomSuite = RoomSuite.X25519
    ) -> httpx.Response:
        """Claim key packages."""
        return await self.ask("POST", "/v1/key-packages/claims", ClaimKeyPackages(room, devices, suite))

    async def claimed(self, room: RoomId, *devices: DeviceId) -> ClaimedKeyPackages:
        """Claim key packages and return them."""
        answer = await self.claim(room, *devices)
        assert answer.status_code == 200, answer.text
        return decode_payload(ClaimedKeyPackages, answer.content)

    async def certify(self, other: "Home", **changed: Any) -> httpx.Response:
        """Approve another device of the account."""
        body = CertifyDevice(other.certificate(**changed))
        return await self.ask("POST", f"/v1/devices/{other.device}/certificate", body)

    async def revoke(self, other: "Home", **changed: Any) -> httpx.Response:
        """Revoke a device of the account."""
        return await self.ask(
            "POST", f"/v1/devices/{other.device}/revocation", RevokeDevice(other.revocation(**changed))
        )


def commit_of(group: GroupId, epoch: int, **changed: Any) -> Commit:
    """Return a commit; with a Welcome and a tree where it adds someone."""
    fields: dict[str, Any] = {
        "request": new_request_id(),
        "group": group,
        "epoch": Epoch(epoch),
        "data": HandshakeBytes(b"commit" + secrets.token_bytes(8)),
    }
    if changed.get("added"):
        fields |= {"welcome": WelcomeBytes(b"welcome"), "tree": TreeBytes(b"tree")}
    return Commit(**{**fields, **changed})


@dataclass
class Village:
    """Makes people, homes and rooms."""

    api: Api
    store: ChatStore
    clock: StoppedClock
    make_account: MakeAccount

    async def person(self, name: str) -> Home:
        """Make an account with one settled device."""
        await self.make_account(name)
        return await (await self.login(name)).settle_in()

    async def login(self, name: str, account: SigningKey | None = None) -> Home:
        """Log someone in on a new device."""
        token = await self.api.session(name)
        listed = (await self.api.as_(token, "GET", "/v1/sessions")).json()["sessions"]
        [session] = [SessionId(one["id"]) for one in listed if one.get("current")]
        key = account or SigningKey(secrets.token_bytes(32))
        return Home(self.api, self.clock, parse_user_name(name), token, session, key)

    async def room(self, owner: Home, *others: Home, name: str = "den", encrypted: bool = True) -> RoomId:
        """Make a private room of these people."""
        new = NewRoom(
            room=new_room_id(),
            kind=RoomKind.PRIVATE,
            author=owner.user,
            session=None,
            device=LAPTOP,
            request=new_request_id(),
            at=self.clock.now(),
            name=parse_room_name(name),
            encrypted=encrypted,
        )
        room = (await self.store.rooms.create(new)).room
        for other in others:
            await self.append(owner, room, Invited(who=other.user))
            await self.append(other, room, Joined(statement=StatementBytes(b"signed")))
        return room

    async def append(self, author: Home, room: RoomId, body: Any) -> None:
        """Let something happen in a room."""
        event = AppendEvent(
            room, author.user, LAPTOP, new_request_id(), self.clock.now(), body, None, sender=author.device
        )
        await self.store.log.append(event, decide)
