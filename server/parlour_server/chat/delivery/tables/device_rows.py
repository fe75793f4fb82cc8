"""Reads device rows as records, and keeps them in step with their accounts and sessions.

Used by everything that reads or changes devices.
"""

from collections.abc import Mapping
from typing import Any, Final

from parlour_protocol.delivery import DeviceInfo, DeviceStatus
from parlour_protocol.frames.opaque import CertificateBytes, PublicKey
from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.chat.delivery.records import DeviceRecord
from parlour_server.chat.store.sql.journal_entries import note_devices_changed
from parlour_server.core.store.engine.column_values import device_name, plain, user_name
from parlour_server.core.store.engine.connection import Connection, WriteConnection

STATUSES: Final = {status.value: status for status in DeviceStatus}

# The numbers are those of ``RoomSuite``.
DEVICE: Final = """
    SELECT d.account, d.certificate, d.expires, d.device, d.key, d.name, d.status, d.created, d.last_seen,
        (SELECT count(*) FROM key_packages p WHERE p.device = d.device
            AND p.suite = 3 AND p.last_resort = 0 AND p.given = 0 AND p.expires > ?1),
        EXISTS (SELECT 1 FROM key_packages p WHERE p.device = d.device
            AND p.suite = 3 AND p.last_resort = 1 AND p.given = 0 AND p.expires > ?1),
        (SELECT count(*) FROM key_packages p WHERE p.device = d.device
            AND p.suite = 61443 AND p.last_resort = 0 AND p.given = 0 AND p.expires > ?1),
        EXISTS (SELECT 1 FROM key_packages p WHERE p.device = d.device
            AND p.suite = 61443 AND p.last_resort = 1 AND p.given = 0 AND p.expires > ?1)
    FROM devices d
"""
"""The first parameter is the time; callers add a WHERE."""


def find_device(db: Connection, device: DeviceId, now: Millis) -> DeviceRecord | None:
    """Return one device."""
    row = db.execute(DEVICE + " WHERE d.device = ?2", (now, device)).fetchone()
    return None if row is None else device_record(*row)


def note_disabled_changed(db: WriteConnection, user: UserName, at: Millis) -> None:
    """Notify servers that an account with devices was disabled or enabled: its rooms' groups change."""
    if db.execute("SELECT 1 FROM devices WHERE account = ?", (plain(user),)).fetchone() is not None:
        note_devices_changed(db, at, user)


def see_devices(db: WriteConnection, seen: Mapping[SessionId, Millis]) -> None:
    """Record when the devices of these sessions were seen, never backwards."""
    db.executemany(
        "UPDATE devices SET last_seen = ?1"
        " WHERE device = (SELECT device_id FROM sessions WHERE session = ?2) AND last_seen < ?1",
        [(at, session) for session, at in sorted(seen.items())],
    )


def device_record(
    account: str, certificate: bytes | None, expires: Millis | None, *info: Any
) -> DeviceRecord:
    """Return a device from the columns of ``DEVICE``."""
    device, key, name, status, created, last_seen, packages, last, hybrid_packages, hybrid_last = info
    return DeviceRecord(
        user_name(account),
        DeviceInfo(
            device,
            PublicKey(key),
            device_name(name),
            STATUSES[status],
            created,
            last_seen,
            packages,
            bool(last),
            hybrid_packages,
            bool(hybrid_last),
        ),
        None if certificate is None else CertificateBytes(certificate),
        expires,
    )
