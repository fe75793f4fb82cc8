"""A device with keys, made by anyone who attacks or is attacked: signs with libsodium, asks over real TLS."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from nacl.signing import SigningKey

from parlour_lab.wire import Answer, ServerAddress, Wire, request
from parlour_protocol.identity import Certificate, Revocation, account_proof, device_id_of, device_proof
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name
from parlour_protocol.membership import (
    NEVER_REMOVED,
    Accept,
    Admit,
    AnyAct,
    Remove,
    Withdraw,
    digest_of,
    new_admission_id,
    sign_statement,
)

SERVER = "localhost"
YEAR = 365 * 86_400_000


def text(data: bytes) -> str:
    """Return bytes as they are in JSON."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def request_id() -> str:
    """Return a new id of a request."""
    return secrets.token_urlsafe(16)


@dataclass
class Home:
    """A session, and the keys that it signs with."""

    server: ServerAddress
    name: str
    session: str
    account: SigningKey = field(default_factory=lambda: SigningKey(secrets.token_bytes(32)))
    key: SigningKey = field(default_factory=lambda: SigningKey(secrets.token_bytes(32)))

    @classmethod
    def of(cls, server: ServerAddress, name: str) -> "Home":
        """Make an account and log it in."""
        return cls(server, name, server.newcomer(name))

    def again(self) -> "Home":
        """Log the same person in on another device, which has the account's key but not yet a certificate."""
        return Home(self.server, self.name, self.server.log_in(self.name), self.account)

    @property
    def user(self) -> UserName:
        """Whose it is."""
        return parse_user_name(self.name)

    @property
    def device(self) -> DeviceId:
        """The device's id."""
        return device_id_of(self.user, SERVER, bytes(self.key.verify_key))

    @property
    def session_id(self) -> SessionId:
        """The public handle of the session."""
        listed = json.loads(self.ask("GET", "/v1/sessions").body)["sessions"]
        return SessionId(next(one["id"] for one in listed if one.get("current")))

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Make a call."""
        return self.server.api(method, path, body, {"Authorization": f"Bearer {self.session}"})

    def certificate(self, *, by: SigningKey | None = None, device_key: bytes | None = None) -> str:
        """Return a certificate for this device."""
        signer = by or self.account
        statement = Certificate(
            user=self.user,
            server=SERVER,
            account_key=bytes(signer.verify_key),
            device_key=device_key or bytes(self.key.verify_key),
            name=parse_device_name("probe"),
            created=Millis(1_700_000_000_000),
            expires=Millis(1_700_000_000_000 + 5 * YEAR),
        )
        return text(statement.signed(signer.sign(statement.to_be_signed()).signature))

    def revocation(self) -> str:
        """Return a revocation of this device."""
        statement = Revocation(
            user=self.user,
            server=SERVER,
            account_key=bytes(self.account.verify_key),
            device_key=bytes(self.key.verify_key),
            at=Millis(1_700_000_000_000),
        )
        return text(statement.signed(self.account.sign(statement.to_be_signed()).signature))

    def statement(self, act: AnyAct) -> str:
        """Return a signed statement about a room's people."""
        certificate = base64.urlsafe_b64decode(self.certificate() + "==")
        return text(sign_statement(act, certificate, lambda data: self.key.sign(data).signature))

    def removal(self, room: str, who: "Home") -> str:
        """Return the signed removal of someone."""
        return self.statement(Remove(SERVER, RoomId(room), 0, Millis(1_700_000_000_000), who.user))

    def admission(self, room: str, who: "Home") -> str:
        """Return the signed admission of someone."""
        key, at = bytes(who.account.verify_key), Millis(1_700_000_000_000)
        after, chosen, end = NEVER_REMOVED, new_admission_id(), Millis(at + 1)
        act = Admit(SERVER, RoomId(room), 0, at, who.user, key, bytes(32), after, chosen, end)
        return self.statement(act)

    def acceptance(self, room: str, admission: str) -> str:
        """Return this person's signed acceptance of an admission."""
        digest = digest_of(base64.urlsafe_b64decode(admission + "=="))
        return self.statement(Accept(SERVER, RoomId(room), 0, Millis(1_700_000_000_000), self.user, digest))

    def withdrawal(self, room: str, who: "Home", admission: str) -> str:
        """Return this person's signed withdrawal of an admission."""
        withdrawn = base64.urlsafe_b64decode(admission + "==")
        act = Withdraw(SERVER, RoomId(room), 0, Millis(1_700_000_000_000), who.user, withdrawn)
        return self.statement(act)

    def register(self, **changed: Any) -> Answer:
        """Bind the session to the device."""
        proof = self.key.sign(device_proof(SERVER, self.session_id)).signature
        body = {
            "key": text(bytes(self.key.verify_key)),
            "proof": text(proof),
            "certificate": self.certificate(),
        }
        sent = {key: value for key, value in {**body, **changed}.items() if value is not None}
        return self.ask("POST", "/v1/devices", sent)

    def settle_in(self, packages: int = 3) -> "Home":
        """Publish the account's key, register, bring key packages."""
        proof = self.account.sign(account_proof(self.user, SERVER)).signature
        key = {"key": text(bytes(self.account.verify_key)), "proof": text(proof)}
        assert self.ask("POST", "/v1/identity", key).status == 204
        assert self.register().status == 201
        made = [text(secrets.token_bytes(32)) for _ in range(packages)]
        body = {"packages": made, "last_resort": text(b"last" + secrets.token_bytes(28))}
        assert self.ask("PUT", f"/v1/devices/{self.device}/key-packages", body).status == 204
        return self

    def commit(self, room: str, group: str, epoch: int, *added: str, **changed: Any) -> Answer:
        """Commit to the room's group."""
        body = {"request": request_id(), "group": group, "epoch": epoch, "data": text(b"commit")}
        if added:
            body |= {"added": list(added), "welcome": text(b"welcome"), "tree": text(b"tree")}
        return self.ask("POST", f"/v1/rooms/{room}/commits", {**body, **changed})

    def found(self, room: str) -> str:
        """Found the room's group; return its id."""
        group = secrets.token_urlsafe(32)
        body = {"request": request_id(), "group": group}
        answer = self.ask("POST", f"/v1/rooms/{room}/group", body)
        assert answer.status == 201, answer
        return group

    def state(self, room: str) -> dict[str, Any]:
        """Return where the group stands."""
        found: dict[str, Any] = json.loads(self.ask("GET", f"/v1/rooms/{room}/group").body)
        return found


def asked(wire: Wire, number: int, what: str, /, **fields: Any) -> dict[str, Any]:
    """Send a request and return its answer."""
    wire.send(request(what, number, **fields))
    return wire.told(f"probe-{number:010}")


def den(wire: Wire, owner: Home, *others: Home) -> str:
    """Make an encrypted room of ``owner``, whose connection it is, with these people, who accept."""
    start = secrets.randbelow(10**8) * 10
    made = asked(wire, start, "create_room", name=f"den-{start}", kind="private", encrypted=True)
    room: str = made["result"]["room"]["room"]
    for number, other in enumerate(others, start + 1):
        admission = owner.admission(room, other)
        invited = asked(wire, number, "invite", room=room, user=other.name, statement=admission)
        assert invited["type"] == "ok", invited
        with other.server.chatting(other.session) as (theirs, _):
            accepted = asked(theirs, number, "accept", room=room, statement=other.acceptance(room, admission))
            assert accepted["type"] == "ok", accepted
    return room


def send_encrypted(wire: Wire, room: str, group: str, epoch: int) -> dict[str, Any]:
    """Send what could be an encrypted message, and return the answer."""
    number = secrets.randbelow(10**9)
    return asked(wire, number, "send_sealed", room=room, group=group, epoch=epoch, data=text(b"sealed"))
