"""Stores key packages until someone claims them to add the device to a group.

A single-use package is returned to one caller and its bytes are deleted. The row stays, so that a repeated
upload cannot bring it back (its keys would be used twice). `devices.py` calls this in a write
transaction, so of two callers one gets the package.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.opaque import KeyPackageBytes
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.limits import HYBRID_PACKAGES, KEY_PACKAGES
from parlour_protocol.rooms import RoomSuite
from parlour_server.chat.delivery.errors import NoDeviceError
from parlour_server.chat.delivery.records import ClaimRecord, NewPackages
from parlour_server.chat.delivery.tables.group_devices import addable
from parlour_server.chat.store.sql.journal_entries import note_devices_changed
from parlour_server.core.accounts.tables.authority import Authority
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import NO_LIMIT, plain
from parlour_server.core.store.engine.connection import Connection, WriteConnection

_MOST: Final = {RoomSuite.X25519: KEY_PACKAGES.value, RoomSuite.X_WING: HYBRID_PACKAGES.value}
_ROOM: Final = """
    SELECT g.group_id FROM rooms r
    JOIN members m ON m.room = r.room AND m.account = ?2
    LEFT JOIN groups g ON g.room = r.room AND g.in_force = 1
    WHERE r.room = ?1 AND r.encrypted = 1
"""
_ANY: Final = "SELECT 1 FROM key_packages WHERE device = ? AND suite = ? AND package IS NOT NULL LIMIT 1"
_DROP_OLDEST: Final = """
    DELETE FROM key_packages WHERE number IN (
        SELECT number FROM key_packages WHERE device = ? AND suite = ? AND last_resort = 0 AND given = 0
        ORDER BY number DESC LIMIT ? OFFSET ?
    )
"""
_INSERT: Final = (
    "INSERT INTO key_packages (device, suite, digest, last_resort, given, package, expires)"
    " VALUES (?, ?, ?, ?, 0, ?, ?) ON CONFLICT (device, digest) DO NOTHING"
)


def put_packages(db: WriteConnection, authority: Authority, new: NewPackages) -> bool:
    """Add to the device's packages of a suite, or take their place; True: it had none, and can be added now.

    Over the limit the oldest are dropped, because two programs of one device may upload at once.
    """
    now = authority.at
    if authority.device_id != new.device:
        raise NoDeviceError
    fresh = {_digest(package): package for package in new.packages}
    db.execute("DELETE FROM key_packages WHERE device = ? AND expires <= ?", (new.device, now))
    suite = new.suite.value
    had = db.execute(_ANY, (new.device, suite)).fetchone() is not None
    if new.replace:
        _drop(db, new, last_resort=False)
    if new.replace or new.last_resort is not None:
        _drop(db, new, last_resort=True, but=new.last_resort)
    db.executemany(
        _INSERT,
        [(new.device, suite, digest, 0, bytes(package), new.expires) for digest, package in fresh.items()],
    )
    db.execute(_DROP_OLDEST, (new.device, suite, NO_LIMIT, _MOST[new.suite]))
    if new.last_resort is not None:
        last = bytes(new.last_resort)
        db.execute(_INSERT, (new.device, suite, _digest(new.last_resort), 1, last, new.expires))
    first = not had and db.execute(_ANY, (new.device, suite)).fetchone() is not None
    if first:
        note_devices_changed(db, now, authority.user)
    return first


def claim_packages(
    db: WriteConnection, authority: Authority, room: RoomId, devices: Sequence[DeviceId], suite: RoomSuite
) -> list[ClaimRecord]:
    """Return one package for each device that belongs in the room's group and is not in it."""
    if authority.device_id is None:
        raise NoDeviceError
    now = authority.at
    row = db.execute(_ROOM, (room, plain(authority.user))).fetchone()
    if row is None:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such encrypted room, or you are not in it")
    claimed: list[ClaimRecord] = []
    # Only for devices to add: otherwise anyone could use up anyone's packages (exhaustion).
    for device, owner in addable(db, room, row[0], dict.fromkeys(devices), now).items():
        taken = _take(db, device, suite, now)
        if taken is not None:
            package, last_resort = taken
            left = _count(db, device, suite, now)
            claimed.append(ClaimRecord(device, owner, package, left, last_resort, suite))
    return claimed


def _take(
    db: WriteConnection, device: DeviceId, suite: RoomSuite, now: Millis
) -> tuple[KeyPackageBytes, bool] | None:
    row = db.execute(
        "SELECT number, package, last_resort FROM key_packages"
        " WHERE device = ? AND suite = ? AND package IS NOT NULL AND expires > ?"
        " ORDER BY last_resort, number LIMIT 1",
        (device, suite.value, now),
    ).fetchone()
    if row is None:
        return None
    number, package, last_resort = row
    db.execute(
        "UPDATE key_packages SET given = 1, package = CASE last_resort WHEN 1 THEN package END"
        " WHERE number = ?",
        (number,),
    )
    return KeyPackageBytes(package), bool(last_resort)


def _count(db: Connection, device: DeviceId, suite: RoomSuite, now: Millis) -> int:
    count: int = db.execute(
        "SELECT count(*) FROM key_packages"
        " WHERE device = ? AND suite = ? AND last_resort = 0 AND given = 0 AND expires > ?",
        (device, suite.value, now),
    ).fetchone()[0]
    return count


def _drop(
    db: WriteConnection, new: NewPackages, *, last_resort: bool, but: KeyPackageBytes | None = None
) -> None:
    """Drop unused packages of one kind and suite; rows of claimed ones stay."""
    spared = b"" if but is None else _digest(but)
    which = (new.device, new.suite.value, int(last_resort), spared)
    db.execute(
        "DELETE FROM key_packages"
        " WHERE device = ? AND suite = ? AND last_resort = ? AND digest != ? AND given = 0",
        which,
    )
    db.execute(
        "UPDATE key_packages SET package = NULL"
        " WHERE device = ? AND suite = ? AND last_resort = ? AND digest != ?",
        which,
    )


def _digest(package: bytes) -> bytes:
    return hashlib.sha256(package).digest()
