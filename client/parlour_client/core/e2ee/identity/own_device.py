"""This device's identity: its key, the account's key if it is here, and the certificate that binds them.

Keys are made once and stored durably before the server learns of them. Entries of the key log about our own
account that were not made here raise an alarm. Functions over a connection.
"""

import json
from dataclasses import dataclass
from typing import Final

import apsw

from parlour_client.core.archive import alarms, key_log_copy, key_pins, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.errors import DevicePendingError, OwnKeyChangedError
from parlour_client.core.e2ee.identity.key_log import LogEntry
from parlour_client.core.e2ee.identity.keys import CERTIFICATE, AccountKey, DeviceKey, read_certificate
from parlour_client.kit.language import _
from parlour_mls import Extension, Secret
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.identity import AccountEntry, Certificate, pairing_code
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName, parse_user_name

_OF_A_DEVICE: Final = (
    Name.DEVICE_SEED,
    Name.PACKAGES,
    Name.PACKAGES_UNSURE,
    Name.PACKAGES_RENEWED,
    Name.HYBRID_UNSURE,
    Name.HYBRID_RENEWED,
    Name.LOST_DEVICES,
)


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """This device. ``certificate`` is the one in the key log; None: not approved, or not any more."""

    user: UserName
    server: str
    key: DeviceKey
    account_key: bytes | None
    """The public key of the account, pinned; None before the account has one."""
    account: AccountKey | None
    """The account key, if this device has it."""
    certificate: bytes | None
    status: DeviceStatus

    @property
    def device(self) -> DeviceId:
        """The device's id."""
        return self.key.id

    @property
    def leaf_extensions(self) -> tuple[Extension, ...]:
        """The extensions of this device's leaves. Raises DevicePendingError."""
        return (Extension(CERTIFICATE, self.certified()),)

    @property
    def admitted_key(self) -> bytes:
        """The account key of the certificate; empty while there is none: then the device is in no group."""
        return read_certificate(self.certificate).account_key if self.certificate else b""

    @property
    def code(self) -> str:
        """The code to type on another device to approve this one."""
        return pairing_code(self.device)

    @property
    def facts(self) -> tuple[object, ...]:
        """Everything that can change about it, for comparison."""
        return self.device, self.status, self.certificate, self.account_key, self.account is None

    def certified(self) -> bytes:
        """Return the certificate. Raises DevicePendingError."""
        if self.certificate is None:
            raise DevicePendingError(
                _("This device is not approved yet; its code is {code}.").format(code=self.code)
            )
        return self.certificate


def load(connection: apsw.Connection) -> OwnIdentity | None:
    """Return this device's identity; None before the first contact with the server."""
    user, server, seed = (own_keys.get(connection, n) for n in (Name.USER, Name.SERVER, Name.DEVICE_SEED))
    if user is None or server is None or seed is None:
        return None
    name = parse_user_name(user.decode())
    key = DeviceKey(Secret(seed), name, server.decode())
    account_seed = own_keys.get(connection, Name.ACCOUNT_SEED)
    pinned = own_keys.get(connection, Name.ACCOUNT_KEY)
    logged = key_log_copy.account(connection, name)
    certificate = key_log_copy.certificates(connection, name).get(key.id)
    if logged is None or logged.key != pinned:
        certificate = None  # it may be valid for others, but it is not from our account key
    if key_log_copy.is_revoked(connection, key.id):
        status = DeviceStatus.REVOKED
    else:
        status = DeviceStatus.ACTIVE if certificate is not None else DeviceStatus.PENDING
    return OwnIdentity(
        user=name,
        server=server.decode(),
        key=key,
        account_key=pinned,
        account=AccountKey(Secret(account_seed)) if account_seed is not None else None,
        certificate=certificate,
        status=status,
    )


def load_active(connection: apsw.Connection) -> OwnIdentity:
    """Return this device's identity with its certificate. Raises DevicePendingError."""
    found = load(connection)
    if found is None:
        raise DevicePendingError(_("This device has no keys yet."), _("Connect to the server once."))
    found.certified()
    return found


def ensure_device(connection: apsw.Connection, user: UserName, server: str) -> None:
    """Make the device's key if there is none, or if it was revoked.

    Call durably, after the key log was read and before the device is registered.
    """
    own_keys.put(connection, Name.USER, user.encode())
    found = load(connection)
    if found is None or found.status is DeviceStatus.REVOKED:
        new_device(connection, user, server)


def new_device(connection: apsw.Connection, user: UserName, server: str) -> None:
    """Become a new device: the old one's keys, key packages and groups are deleted for good."""
    own_keys.drop(connection, *_OF_A_DEVICE)
    own_keys.forget_groups(connection)
    made = DeviceKey.generate(user, server)
    own_keys.put(connection, Name.DEVICE_SEED, made.seed.reveal())
    own_keys.add_device(connection, made.id)
    own_keys.trust_changed(connection)


def _replace_device(connection: apsw.Connection, user: UserName, server: str) -> None:
    """Become a new device if the server revoked this one, as it does with all that the old key certified.

    A device that is pending stays the same: the session is bound to it and no other.
    """
    found = load(connection)
    if found is None or key_log_copy.was_approved(connection, found.device):
        new_device(connection, user, server)


def next_account_key(connection: apsw.Connection) -> AccountKey:
    """Return the account key to publish next, made and stored at the first call. Call durably."""
    seed = own_keys.get(connection, Name.ACCOUNT_SEED_NEXT)
    made = AccountKey(Secret(seed)) if seed is not None else AccountKey.generate()
    own_keys.put(connection, Name.ACCOUNT_SEED_NEXT, made.seed.reveal())
    return made


def pin_account(connection: apsw.Connection, user: UserName, now: Millis) -> None:
    """Pin the account's key from the log at first sight. Raises OwnKeyChangedError for another one."""
    logged = key_log_copy.account(connection, user)
    if logged is None:
        return
    pinned = own_keys.get(connection, Name.ACCOUNT_KEY)
    if pinned is None:
        _pin(connection, user, logged.key, now)
        own_keys.drop(connection, Name.ACCOUNT_SEED_NEXT)  # another device of ours was faster
    elif pinned != logged.key:
        raise OwnKeyChangedError(_("Your account has an identity key that this device does not know."))


def hold(connection: apsw.Connection, user: UserName, key: AccountKey, now: Millis) -> None:
    """Store the account key here. Call durably."""
    own_keys.put(connection, Name.ACCOUNT_SEED, key.seed.reveal())
    _pin(connection, user, key.public, now)


def _pin(connection: apsw.Connection, user: UserName, account_key: bytes, now: Millis) -> None:
    own_keys.put(connection, Name.ACCOUNT_KEY, account_key)
    key_pins.verify(connection, user, account_key, now, "own")


def adopt_account(connection: apsw.Connection, user: UserName, server: str, now: Millis) -> bool:
    """Adopt the account's changed key: the person made it elsewhere."""
    logged = key_log_copy.account(connection, user)
    if logged is None or logged.key == own_keys.get(connection, Name.ACCOUNT_KEY):
        return False
    own_keys.drop(connection, Name.ACCOUNT_SEED, Name.ACCOUNT_SEED_NEXT)
    _pin(connection, user, logged.key, now)
    _replace_device(connection, user, server)
    alarms.forget_kind(connection, alarms.Kind.OWN_KEY_CHANGED)
    return True


def watch(connection: apsw.Connection, entry: LogEntry, now: Millis) -> None:
    """Check a new entry of the key log for changes of our own account."""
    user = own_keys.get(connection, Name.USER)
    content = entry.content
    if content is None or user is None or content.user.encode() != user:
        return
    if isinstance(content, AccountEntry):
        _watch_account(connection, content, now)
    elif isinstance(content, Certificate) and not own_keys.is_ours(connection, content.device):
        _watch_device(connection, content, now)


def _watch_account(connection: apsw.Connection, content: AccountEntry, now: Millis) -> None:
    following = own_keys.get(connection, Name.ACCOUNT_SEED_NEXT)
    if following is not None and (made := AccountKey(Secret(following))).public == content.account_key:
        replaced = own_keys.get(connection, Name.ACCOUNT_KEY) is not None
        hold(connection, content.user, made, now)
        own_keys.drop(connection, Name.ACCOUNT_SEED_NEXT)
        if replaced:
            server = own_keys.get(connection, Name.SERVER) or b""
            _replace_device(connection, content.user, server.decode())
            alarms.forget_kind(connection, alarms.Kind.OWN_KEY_CHANGED)
        return
    pinned = own_keys.get(connection, Name.ACCOUNT_KEY)
    if pinned is not None and pinned != content.account_key:
        alarms.sound(
            connection,
            alarms.Kind.OWN_KEY_CHANGED,
            content.account_key.hex(),
            now,
            _(
                "Your account has a different identity key from the one this device knows. If you reset "
                "your keys on another device, accept the new key here. If not, someone has your "
                "password, or the server lies: change the password, reset your keys, and tell the people "
                "you talk to."
            ),
        )


def _watch_device(connection: apsw.Connection, content: Certificate, now: Millis) -> None:
    # Until our account's key is pinned, all entries are from before this device. Entries under a key that is
    # not ours have another alarm already.
    if own_keys.get(connection, Name.ACCOUNT_KEY) != content.account_key:
        return
    alarms.sound(
        connection,
        alarms.Kind.OWN_DEVICE_ADDED,
        content.device,
        now,
        _(
            "A device with the code {code} was added to your account, not by this device. If you did not "
            "approve it on another one, revoke it now (/devices), reset your keys and change the password: "
            "the person who added it has your account key."
        ).format(code=pairing_code(content.device)),
    )


def give_up_others(connection: apsw.Connection) -> None:
    """Mark our other devices as lost: this one does not wait for them if no one else could add it."""
    found = load_active(connection)
    others = sorted(set(key_log_copy.certificates(connection, found.user)) - {found.device})
    own_keys.put(connection, Name.LOST_DEVICES, json.dumps(others).encode())


def lost_devices(connection: apsw.Connection) -> frozenset[DeviceId]:
    """Return our devices that are marked as lost."""
    return frozenset(json.loads(own_keys.get(connection, Name.LOST_DEVICES) or b"[]"))


def forget_next(connection: apsw.Connection) -> None:
    """Drop an account key that the server refused."""
    own_keys.drop(connection, Name.ACCOUNT_SEED_NEXT)
