"""How far a certificate, and the person it names, can be trusted: by the key log's copy and the pins.

A leaf that is not ``OK`` may be in a group, but nothing is sent to it before that is resolved or the person
decides; only ``INVALID`` is forged and never enters. Functions over a connection, cheap enough for each leaf
of a large group.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

import apsw

from parlour_client.core.archive import key_log_copy, key_pins, own_keys
from parlour_client.core.archive.certificate_facts import Facts, facts
from parlour_client.core.e2ee.identity.certificates import read_certificate
from parlour_client.core.e2ee.status import Trust
from parlour_client.kit.language import N_, _
from parlour_protocol.identity import Certificate, StatementError
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName


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
    Kind.REVOKED: N_("{user}'s device {name} was revoked."),
    Kind.WRONG_ACCOUNT_KEY: N_(
        "{user}'s device {name} is certified by a key that is not {user}'s account key."
    ),
    Kind.NOT_LOGGED: N_("{user}'s device {name} is not in the server's key log: it may be someone else's."),
    Kind.CHANGED: _CHANGED,
    Kind.EXPIRED: N_("The certificate of {user}'s device {name} has expired."),
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
        """A sentence for the person."""
        if self.certificate is None:
            return _("A device shows a certificate that its owner did not sign.")
        return _(_WORDS[self.kind]).format(user=self.certificate.user, name=self.certificate.name)


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
