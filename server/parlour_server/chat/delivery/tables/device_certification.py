"""Applies account keys, certificates and revocations to the tables, with entries in the key log.

A signature counts only if its key is the account's current one, checked in the same transaction. A revoked
device loses its sessions, key packages and Welcomes, and must be removed from its groups.
"""

from collections.abc import Iterable

from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.opaque import LogEntryBytes, PublicKey
from parlour_protocol.kit.ids import DeviceId, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.chat.delivery.errors import PasswordNeededError
from parlour_server.chat.delivery.records import CertificateRecord, DeviceChange, DeviceRecord
from parlour_server.chat.delivery.tables.device_rows import find_device
from parlour_server.chat.delivery.tables.group_devices import update_leaving
from parlour_server.chat.delivery.tables.key_log import append_entry
from parlour_server.chat.delivery.tables.welcome_rows import drop_for
from parlour_server.chat.store.sql.journal_entries import note_devices_changed
from parlour_server.core.accounts.tables.authority import Authority, ByProof
from parlour_server.core.accounts.tables.sessions import end_found
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection, WriteConnection


def account_key_of(db: Connection, user: UserName) -> PublicKey | None:
    """Return the current key, None if none was published."""
    row = db.execute("SELECT key FROM account_keys WHERE account = ?", (plain(user),)).fetchone()
    return None if row is None else PublicKey(row[0])


def publish(
    db: WriteConnection,
    authority: Authority,
    key: PublicKey,
    entry: LogEntryBytes,
    *,
    replaces: PublicKey | None,
) -> DeviceChange:
    """Set the account's key; a new one voids everything that the old one certified."""
    user = authority.user
    held = account_key_of(db, user)
    if held == key:
        return DeviceChange(changed=False)
    if held != replaces:
        raise RefusedError(ErrorCode.CONFLICT, "the account has a different key than you think")
    if held is not None and not isinstance(authority.by, ByProof):
        raise PasswordNeededError
    db.execute(
        "INSERT INTO account_keys (account, key) VALUES (?, ?)"
        " ON CONFLICT (account) DO UPDATE SET key = excluded.key",
        (plain(user), bytes(key)),
    )
    append_entry(db, entry)
    certified = db.execute(
        "SELECT device FROM devices WHERE account = ? AND status = 'active'", (plain(user),)
    ).fetchall()
    ended = _end_devices(db, authority, [device for (device,) in certified], but=authority.session)
    return DeviceChange(changed=True, sessions=ended)


def certify(
    db: WriteConnection,
    authority: Authority,
    device: DeviceId,
    certificate: CertificateRecord,
    entry: LogEntryBytes,
) -> DeviceRecord:
    """Make a device of this account active, or give it a newer certificate."""
    held = own_device(db, authority, device)
    if held.status is DeviceStatus.REVOKED:
        raise RefusedError(ErrorCode.FORBIDDEN, "this device was revoked; it needs a new key")
    activate(db, authority, held, certificate, entry)
    return own_device(db, authority, device)


def activate(
    db: WriteConnection,
    authority: Authority,
    held: DeviceRecord,
    certificate: CertificateRecord,
    entry: LogEntryBytes,
) -> None:
    """Store a certificate, unless the device has one that ends as late."""
    check_account_key(db, authority, certificate.account_key)
    if held.expires is not None and certificate.expires <= held.expires:
        return  # known or older: an old certificate must not replace a newer one (rollback)
    db.execute(
        "UPDATE devices SET status = 'active', certificate = ?, expires = ? WHERE device = ?",
        (bytes(certificate.data), certificate.expires, held.id),
    )
    append_entry(db, entry)
    note_devices_changed(db, authority.at, held.user)


def revoke(
    db: WriteConnection, authority: Authority, device: DeviceId, account_key: PublicKey, entry: LogEntryBytes
) -> DeviceChange:
    """Revoke a device of this account permanently."""
    held = own_device(db, authority, device)
    if held.status is DeviceStatus.REVOKED:
        return DeviceChange(changed=False)
    check_account_key(db, authority, account_key)
    append_entry(db, entry)
    return DeviceChange(changed=True, sessions=_end_devices(db, authority, [device]))


def check_account_key(db: Connection, authority: Authority, key: PublicKey) -> None:
    """Refuse a signature by another key than the account's (an old certificate after a key change)."""
    if account_key_of(db, authority.user) != key:
        raise RefusedError(ErrorCode.CONFLICT, "this was signed by a key that is not the account's")


def own_device(db: Connection, authority: Authority, device: DeviceId) -> DeviceRecord:
    """Return a device of this account. Raises RefusedError(NOT_FOUND)."""
    held = find_device(db, device, authority.at)
    if held is None or held.user != authority.user:
        raise RefusedError(ErrorCode.NOT_FOUND, "your account has no such device")
    return held


def _end_devices(
    db: WriteConnection,
    authority: Authority,
    devices: Iterable[DeviceId],
    *,
    but: SessionId | None = None,
) -> frozenset[SessionId]:
    """Revoke the devices and everything they have; return the ended sessions."""
    ended: set[SessionId] = set()
    for device in devices:
        db.execute("UPDATE devices SET status = 'revoked' WHERE device = ?", (device,))
        db.execute("DELETE FROM key_packages WHERE device = ?", (device,))
        drop_for(db, device)
        bound = db.execute(
            "SELECT session FROM sessions WHERE device_id = ? AND session != ?", (device, but or "")
        ).fetchall()
        end_found(db, authority, bound)
        ended |= {session for (session,) in bound}
        db.execute("UPDATE sessions SET device_id = NULL WHERE device_id = ?", (device,))
    update_leaving(db, authority.user)
    note_devices_changed(db, authority.at, authority.user)
    return frozenset(ended)
