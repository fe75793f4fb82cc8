"""How far a certificate, and the person it names, can be trusted: by the key log's copy and the pins.

A leaf that is not ``OK`` may be in a group, but nothing is sent to it before that is resolved or the person
decides; only ``INVALID`` is forged and never enters. The key of the person who invited us comes from the
link: it is stored before the server is asked for an account, and pinned as verified with the first session,
before the key log is read, so the server can't replace it. A person whom another device of this account
verified counts for the key that was compared, and nothing is reverted by that.
Functions over a connection, cheap enough for each leaf of a large group.
"""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Final

import apsw
import msgspec

from parlour_client.core.archive import alarms, key_log_copy, key_pins, own_keys
from parlour_client.core.archive.key_pins import Facts, facts
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.identity.keys import read_certificate
from parlour_client.core.e2ee.values import Trust
from parlour_client.kit.language import N_, _
from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.identity import Certificate, StatementError, pairing_code
from parlour_protocol.invite_link import Inviter
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name


class Kind(Enum):
    """How far a certificate is trusted."""

    OK = "ok"
    INVALID = "invalid"
    """Its signature is invalid, or it is for another server."""
    REVOKED = "revoked"
    WRONG_ACCOUNT_KEY = "wrong-account-key"
    """Signed by a key that is not the account's current one."""
    NOT_LOGGED = "not-logged"
    """Not in the server's key log."""
    CHANGED = "changed"
    """Signed by another key than the pinned one."""
    EXPIRED = "expired"


_CHANGED: Final = N_("{user} has another account key than before. Nothing is sent until you decide.")
_WORDS: Final = {
    Kind.OK: N_("{user}'s device is certified by {user}'s account key."),
    Kind.REVOKED: N_("{user}'s device {code} was revoked."),
    Kind.WRONG_ACCOUNT_KEY: N_(
        "{user}'s device {code} is certified by a key that is not {user}'s account key."
    ),
    Kind.NOT_LOGGED: N_("{user}'s device {code} is not in the server's key log: it may be someone else's."),
    Kind.CHANGED: _CHANGED,
    Kind.EXPIRED: N_("The certificate of {user}'s device {code} has expired."),
}


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """The verdict. ``certificate`` is None exactly when it is invalid."""

    kind: Kind
    certificate: Certificate | None
    trust: Trust

    @property
    def blocks(self) -> bool:
        """Whether nothing may be sent to the device."""
        return self.kind is not Kind.OK

    @property
    def words(self) -> str:
        """A sentence for the person; it has the device's code, as anything could stand in its name."""
        if self.certificate is None:
            return _("A device shows a certificate that its owner did not sign.")
        code = pairing_code(self.certificate.device)
        return _(_WORDS[self.kind]).format(user=self.certificate.user, code=code)


INVALID: Final = CertificateStatus(Kind.INVALID, None, Trust.UNKNOWN)


def certificate_status(connection: apsw.Connection, data: bytes, now: Millis) -> CertificateStatus:
    """Judge a certificate's bytes; keys seen for the first time are pinned."""
    try:
        certificate = read_certificate(bytes(data))
    except StatementError:
        return INVALID
    known = facts(connection, certificate.user, certificate.device, data)
    if certificate.server.encode() != known.server:
        return INVALID
    kind = _of_the_log(known, certificate)
    if kind is Kind.OK:
        kind = _of_the_pin(known, certificate)
    if kind is Kind.OK and known.pinned is None:
        key_pins.pin(connection, certificate.user, certificate.account_key, now)
        return _in_time(certificate, now, Trust.FIRST_SEEN)
    if kind is Kind.OK:
        return _in_time(certificate, now, _level(known.level))
    return CertificateStatus(kind, certificate, _level(known.level))


def became_so_after(connection: apsw.Connection, status: CertificateStatus, at: Millis) -> bool:
    """Say whether a device was fine at a time of the server's: it was revoked, replaced or expired since."""
    found = status.certificate
    if found is None:
        return False
    match status.kind:
        case Kind.REVOKED:
            revoked = key_log_copy.revoked_at(connection, found.device)
            return revoked is not None and revoked >= at
        case Kind.WRONG_ACCOUNT_KEY:
            account = key_log_copy.account(connection, found.user)
            return (
                account is not None and account.at >= at and key_log_copy.was_logged(connection, found.device)
            )
        case Kind.EXPIRED:
            return found.expires > at
        case _:
            return False


def trust(connection: apsw.Connection, user: UserName) -> Trust:
    """Return how far a person's account key is trusted."""
    pinned = key_pins.find(connection, user)
    return _level(pinned.level if pinned is not None else None)


def changed_words(user: UserName) -> str:
    """Say that nothing is sent to someone whose key changed."""
    return _(_CHANGED).format(user=user)


def version(connection: apsw.Connection) -> int:
    """Return a number that changes when a verdict may have changed: cache verdicts until it does."""
    return own_keys.trust_version(connection)


def meet(connection: apsw.Connection, user: UserName, now: Millis) -> bytes | None:
    """Pin a person's current key at first sight and return it; None if the log has no key of theirs."""
    account = key_log_copy.account(connection, user)
    if account is None:
        return None
    key_pins.pin(connection, user, account.key, now)
    return account.key


def live_devices(connection: apsw.Connection, user: UserName, now: Millis) -> dict[DeviceId, Certificate]:
    """Return a person's devices that are certified by the current account key and not revoked or expired."""
    found = key_log_copy.certificates(connection, user)
    certificates = {device: read_certificate(data) for device, data in found.items()}
    return {device: made for device, made in certificates.items() if made.expires > now}


def _level(level: str | None) -> Trust:
    return Trust(level) if level is not None else Trust.UNKNOWN


def _of_the_log(known: Facts, certificate: Certificate) -> Kind:
    if known.revoked:
        return Kind.REVOKED
    if known.account_key is None:
        return Kind.NOT_LOGGED
    if known.account_key != certificate.account_key:
        # An old device of someone whose key changed: the person has to decide about that key.
        return Kind.CHANGED if known.level == key_pins.CHANGED else Kind.WRONG_ACCOUNT_KEY
    # A ghost device: certified by a stolen account key, and kept out of the log that its owner sees.
    return Kind.OK if known.logged else Kind.NOT_LOGGED


def _of_the_pin(known: Facts, certificate: Certificate) -> Kind:
    changed = known.level == key_pins.CHANGED or known.pinned not in {None, certificate.account_key}
    return Kind.CHANGED if changed else Kind.OK


def _in_time(certificate: Certificate, now: Millis, trust: Trust) -> CertificateStatus:
    kind = Kind.OK if certificate.expires > now else Kind.EXPIRED
    return CertificateStatus(kind, certificate, trust)


_BY_LINK: Final = "invite link"


def keep_inviter(connection: apsw.Connection, server: str, inviter: Inviter) -> None:
    """Store what a link to ``server`` says until there is a session."""
    own_keys.put(connection, Name.INVITER, json.dumps([server, str(inviter)]).encode())


def pin_inviter(connection: apsw.Connection, server: str, now: Millis) -> None:
    """Pin the inviter's key as verified, if this is the server of the link.

    A key that was pinned before stays; if it is different, or the key log shows a different one, the person
    must decide.
    """
    kept = own_keys.get(connection, Name.INVITER)
    if kept is None:
        return
    own_keys.drop(connection, Name.INVITER)
    where, text = json.loads(kept)
    if where == server:
        inviter = Inviter.parse(text)
        _pin_from_link(connection, inviter.user, bytes(inviter.key), now)


def _pin_from_link(connection: apsw.Connection, user: UserName, key: bytes, now: Millis) -> None:
    known, logged = key_pins.find(connection, user), key_log_copy.account(connection, user)
    if known is not None and known.account_key != key:
        link_differs(connection, user, now)
        return
    key_pins.verify(connection, user, key, now, _BY_LINK)
    if logged is not None and logged.key != key:
        link_differs(connection, user, now)


def link_differs(connection: apsw.Connection, user: UserName, now: Millis) -> None:
    """Raise an alarm that a person's key differs from the one known before the server ever showed one."""
    key_pins.changed(connection, user)
    detail = _(
        "The server shows a different key for {user} than the invite link you joined with. "
        "Someone may be intercepting, or {user} has a new key since the link was made. Nothing "
        "is sent to {user} until you decide: compare the safety number with {user}, but not over "
        "this server."
    ).format(user=user)
    alarms.sound(connection, alarms.Kind.INVITER_KEY, user, now, detail)


_BY_OWN_DEVICE: Final = "own device"


class SharedTrust(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, tag="verified"):
    """One person and the account key that was compared with them, in base64url."""

    user: str
    account_key: str

    def read(self) -> tuple[UserName, bytes]:
        """Parse the person and the key. Raises MalformedFrameError if either is invalid."""
        try:
            return parse_user_name(self.user), bytes(PublicKey.parse(self.account_key))
        except (NameRefusedError, ValueError) as error:
            raise MalformedFrameError(str(error)) from None


def verified_people(connection: apsw.Connection) -> list[SharedTrust]:
    """Return everyone whom this device has verified."""
    found = []
    for user, level in key_pins.levels(connection).items():
        pinned = key_pins.find(connection, user)
        if level == key_pins.VERIFIED and pinned is not None:
            found.append(SharedTrust(str(user), PublicKey(pinned.account_key).text))
    return found


def verify_shared(connection: apsw.Connection, user: UserName, key: bytes, now: Millis) -> None:
    """Mark someone as verified if their current key is the one that was compared."""
    known = meet(connection, user, now) == key
    if known and trust(connection, user) is not Trust.VERIFIED:
        key_pins.verify(connection, user, key, now, _BY_OWN_DEVICE)
