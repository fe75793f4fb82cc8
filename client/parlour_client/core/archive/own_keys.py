"""This home's own keys and what it pinned of its server, by name; and the devices that it made or approved.

The values are secret bytes and lie only here. What must not be lost with the power is written in a durable
transaction, before anybody else hears of it: the caller's duty. Functions over a connection.
"""

from enum import StrEnum

import apsw

from parlour_protocol.ids import DeviceId


class Name(StrEnum):
    """What is kept."""

    USER = "user"
    SERVER = "server"
    """The server's name for itself, as it was at first contact."""
    LOG_KEY = "log-key"
    """The public key of the server's key log, as it was at first contact."""
    DEVICE_SEED = "device-seed"
    ACCOUNT_SEED = "account-seed"
    """Only where this device holds the account key."""
    ACCOUNT_SEED_NEXT = "account-seed-next"
    """An account key of our making that the key log does not show yet."""
    ACCOUNT_KEY = "account-key"
    """The public key of our own account, pinned."""
    PACKAGES = "packages"
    """The key packages with their private keys (``KeyPackageStore``)."""
    PACKAGES_UNSURE = "packages-unsure"
    """Set while it is not known whether the server took what was last published."""
    PACKAGES_RENEWED = "packages-renewed"
    """When all packages were last replaced: milliseconds, as text."""
    HYBRID_UNSURE = "hybrid-unsure"
    """The same for the key packages of post-quantum rooms."""
    HYBRID_RENEWED = "hybrid-renewed"
    INVITER = "inviter"
    """Who invited us, by the link, until there is a session: the server's address, and `NAME.KEY`."""
    LOG_RESTORED = "log-restored"
    """Set from when the server says that its logs are of another incarnation until the key log was read."""
    REPUBLISHED = "republished"
    """How many lost entries of the key log were looked at for what is to be published again."""
    LOST_DEVICES = "lost-devices"
    """Our other devices of the time when this one was approved by the recovery words: a JSON list of ids."""
    PACKAGES_ABLE = "packages-able"
    """Which extensions the published packages say that this device understands."""
    HYBRID_ABLE = "hybrid-able"
    TRUST_VERSION = "trust-version"
    """Grows with every change of pins and of the key log's copy."""


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
    """Forget values; what was deleted is overwritten."""
    for name in names:
        connection.execute("DELETE FROM own_keys WHERE name = ?", (name,))


def add_device(connection: apsw.Connection, device: DeviceId) -> None:
    """Note that a device is of our making, or that our person approved it here."""
    connection.execute("INSERT OR IGNORE INTO own_devices VALUES (?)", (device,))


def is_ours(connection: apsw.Connection, device: DeviceId) -> bool:
    """Say whether a device is of our making, or was approved here."""
    return any(connection.execute("SELECT 1 FROM own_devices WHERE device = ?", (device,)))


def trust_version(connection: apsw.Connection) -> int:
    """Return a number that grows whenever somebody's standing may have changed."""
    return int(get(connection, Name.TRUST_VERSION) or b"0")


def trust_changed(connection: apsw.Connection) -> None:
    """Note that trust changed: what was judged by it is judged again."""
    put(connection, Name.TRUST_VERSION, b"%d" % (trust_version(connection) + 1))
