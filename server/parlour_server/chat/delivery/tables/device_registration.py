"""Binds a session to its device, which is created if it is new.

A session keeps its device; a revoked device never comes back. Refusals come before any change.
"""

from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.opaque import LogEntryBytes
from parlour_protocol.limits import DEVICES_PER_USER
from parlour_server.chat.delivery.records import CertificateRecord, DeviceRecord, NewDevice
from parlour_server.chat.delivery.tables.device_certification import activate, check_account_key, own_device
from parlour_server.chat.delivery.tables.device_rows import find_device
from parlour_server.core.accounts.tables.authority import Authority
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import WriteConnection


def register(
    db: WriteConnection,
    authority: Authority,
    new: NewDevice,
    certificate: CertificateRecord | None,
    entry: LogEntryBytes | None,
) -> DeviceRecord:
    """Bind the session to the device. Raises RefusedError."""
    if authority.device_id not in {None, new.id}:
        raise RefusedError(ErrorCode.CONFLICT, "this session belongs to another device: log in again")
    held = find_device(db, new.id, new.at)
    if held is not None and (held.user != authority.user or held.status is DeviceStatus.REVOKED):
        raise RefusedError(ErrorCode.FORBIDDEN, "this device was revoked; it needs a new key")
    if certificate is not None:
        check_account_key(db, authority, certificate.account_key)
    if held is None:
        _make_room_for_one(db, authority)
        _insert(db, authority, new)
    else:
        db.execute("UPDATE devices SET last_seen = ?1 WHERE device = ?2 AND last_seen < ?1", (new.at, new.id))
    db.execute("UPDATE sessions SET device_id = ? WHERE session = ?", (new.id, authority.session))
    if certificate is not None and entry is not None:
        activate(db, authority, own_device(db, authority, new.id), certificate, entry)
    return own_device(db, authority, new.id)


def _make_room_for_one(db: WriteConnection, authority: Authority) -> None:
    """If there are too many, delete a device that was never approved and has no session."""
    user = plain(authority.user)
    count: int = db.execute(
        "SELECT count(*) FROM devices WHERE account = ? AND status != 'revoked'", (user,)
    ).fetchone()[0]
    if count < DEVICES_PER_USER.value:
        return
    row = db.execute(
        "SELECT device FROM devices d WHERE account = ? AND status = 'pending'"
        " AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.device_id = d.device)"
        " ORDER BY last_seen, device LIMIT 1",
        (user,),
    ).fetchone()
    if row is None:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "your account has too many devices: revoke one first")
    db.execute("DELETE FROM key_packages WHERE device = ?", (row[0],))
    db.execute("DELETE FROM devices WHERE device = ?", (row[0],))


def _insert(db: WriteConnection, authority: Authority, new: NewDevice) -> None:
    db.execute(
        "INSERT INTO devices (device, account, key, name, status, created, last_seen)"
        " VALUES (?, ?, ?, ?, 'pending', ?, ?)",
        (new.id, plain(authority.user), bytes(new.key), plain(new.name), new.at, new.at),
    )
