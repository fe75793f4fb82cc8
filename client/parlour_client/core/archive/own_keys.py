"""This home's own keys and what it pinned of its server, by name; and the devices that it made or approved.

The values are secret bytes and are only here. Values that must survive a power cut are written in a durable
transaction, before anyone else learns of them: the caller's duty. Functions over a connection.
"""

import secrets
from enum import StrEnum

import apsw

from parlour_protocol.kit.ids import DeviceId


class Name(StrEnum):
    """The names of the values."""

    USER = "user"
    SERVER = "server"
    """The server's name for itself at first contact."""
    LOG_KEY = "log-key"
    """The public key of the server's key log at first contact."""
    DEVICE_SEED = "device-seed"
    ACCOUNT_SEED = "account-seed"
    """Only if this device has the account key."""
    ACCOUNT_SEED_NEXT = "account-seed-next"
    """An account key made here that is not in the key log yet."""
    ACCOUNT_KEY = "account-key"
    """The public key of our own account, pinned."""
    PACKAGES = "packages"
    """The key packages with their private keys (``KeyPackageStore``)."""
    PACKAGES_UNSURE = "packages-unsure"
    """Set while it is unknown whether the server accepted what was last published."""
    PACKAGES_RENEWED = "packages-renewed"
    """When all packages were last replaced: milliseconds, as text."""
    HYBRID_UNSURE = "hybrid-unsure"
    """The same for the key packages of post-quantum rooms."""
    HYBRID_RENEWED = "hybrid-renewed"
    INVITER = "inviter"
    """The inviter in the link, until there is a session: the server's address, and `NAME.KEY`."""
    CLOCK = "clock"
    """The latest time at which this device's clock and the server's agreed: milliseconds, as text."""
    LOG_RESTORED = "log-restored"
    """Set from when the server says that its logs are of another incarnation until the key log was read."""
    REPUBLISHED = "republished"
    """How many lost entries of the key log were checked for what must be published again."""
    LOST_DEVICES = "lost-devices"
    """Our other devices at the time when this one was approved by the recovery words: a JSON list of ids."""
    PACKAGES_ABLE = "packages-able"
    """The extensions that the published packages declare."""
    HYBRID_ABLE = "hybrid-able"
    INSPECTION = "inspection"
    """The operator's newest policy for inspection, as it is in the key log."""
    INSPECTION_SHOWN = "inspection-shown"
    """The digest of the newest policy that a refused message has shown."""
    BACKUPS = "backups"
    """The identifier of this home's backups, and the newest known version of each (``e2ee.backup``)."""
    WITNESSES = "witnesses"
    """The witnesses of the key log that the person wants, and what was seen of each."""
    TRUST_VERSION = "trust-version"
    """Another one after every change of pins and of the key log's copy."""


def get(connection: apsw.Connection, name: Name) -> bytes | None:
    """Return a value."""
    for (value,) in connection.execute("SELECT value FROM own_keys WHERE name = ?", (name,)):
        return bytes(value)
    return None


def put(connection: apsw.Connection, name: Name, value: bytes) -> None:
    """Write a value."""
    connection.execute(
        "INSERT INTO own_keys VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def drop(connection: apsw.Connection, *names: Name) -> None:
    """Delete values; they are overwritten."""
    for name in names:
        connection.execute("DELETE FROM own_keys WHERE name = ?", (name,))


def add_device(connection: apsw.Connection, device: DeviceId) -> None:
    """Note that a device was made here, or approved here."""
    connection.execute("INSERT OR IGNORE INTO own_devices VALUES (?)", (device,))


def is_ours(connection: apsw.Connection, device: DeviceId) -> bool:
    """Say whether a device was made here, or approved here."""
    return any(connection.execute("SELECT 1 FROM own_devices WHERE device = ?", (device,)))


def trust_version(connection: apsw.Connection) -> int:
    """Return a number that is another one whenever a verdict about someone may have changed."""
    return int(get(connection, Name.TRUST_VERSION) or b"0")


def trust_changed(connection: apsw.Connection) -> None:
    """Note that trust changed: verdicts must be made again.

    By chance, as no version of a transaction that was rolled back may come again.
    """
    put(connection, Name.TRUST_VERSION, b"%d" % secrets.randbits(62))


def forget_groups(connection: apsw.Connection) -> None:
    """Delete keys, pending commits and numbers of messages, which only one device may use, for a new device.

    In the transaction that gives it to this home: the new one is in no group. The ids of groups stay; their
    epochs were the old device's, whose Welcomes the new one can't open. Texts stay: what the old device
    encrypted may be in a log, and the new one sends the rest under its own numbers.
    """
    connection.execute(
        "UPDATE mls_groups SET status = 'gone', epoch = -1, state = NULL, contest = NULL, request = NULL,"
        " ended = '[]'"
    )
    connection.execute("DELETE FROM mls_staged")
    connection.execute("UPDATE mls_rooms SET group_id = NULL, contested = 0")
    connection.execute("UPDATE mls_links SET number = 0, epoch_number = 0, older = 0")
    connection.execute("DELETE FROM mls_voids")
    connection.execute("UPDATE mls_sealed SET number = NULL, epoch = -1")
    connection.execute("UPDATE mls_ciphertexts SET number = NULL")
    connection.execute("UPDATE mls_places SET number = NULL WHERE number IS NOT NULL")
