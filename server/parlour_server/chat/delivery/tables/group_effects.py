"""Applies new groups, commits and contests to the tables of MLS groups.

A commit's new epoch, its devices and its Welcome are one transaction with its event; a second commit for an
epoch is refused here as well, and changes nothing.
"""

from collections.abc import Iterable
from typing import Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Contested, EncryptionOn, GroupCreated, Handshake
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import GroupId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.limits import STALE_SECONDS
from parlour_server.chat.delivery.tables.welcome_rows import drop_all_of, drop_one_of
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import WriteConnection

_STALE_MILLIS: Final = STALE_SECONDS.value * 1000


def encryption_on(db: WriteConnection, event: LogEvent, _body: EncryptionOn) -> None:
    """Mark the room as encrypted, permanently."""
    db.execute("UPDATE rooms SET encrypted = 1 WHERE room = ?", (event.room,))


def group_created(db: WriteConnection, event: LogEvent, body: GroupCreated) -> None:
    """Freeze the previous group, and store this one."""
    old = db.execute("SELECT group_id FROM groups WHERE room = ? AND in_force = 1", (event.room,)).fetchone()
    if old is not None:
        _freeze(db, old[0])
    db.execute(
        "INSERT INTO groups (group_id, room, epoch, contested, stale_until, in_force)"
        " VALUES (?, ?, 0, 0, 0, 1)",
        (body.group, event.room),
    )
    db.execute("INSERT INTO epochs (group_id, epoch, seq) VALUES (?, 0, ?)", (body.group, event.seq))
    _add(db, body.group, [body.device])


def handshake(db: WriteConnection, event: LogEvent, body: Handshake) -> None:
    """Advance the group to its next epoch, with the added and without the removed devices."""
    # Anyone who was removed could still read a message for the previous epoch, so none is accepted.
    stale_until = 0 if body.removed else event.at + _STALE_MILLIS
    moved = db.execute(
        "UPDATE groups SET epoch = epoch + 1, stale_until = ?"
        " WHERE group_id = ? AND epoch = ? AND in_force = 1",
        (stale_until, body.group, body.epoch),
    )
    if moved.rowcount != 1:
        raise RefusedError(ErrorCode.STALE_EPOCH, "another commit came first")
    db.execute(
        "INSERT INTO epochs (group_id, epoch, seq) VALUES (?, ?, ?)", (body.group, body.epoch + 1, event.seq)
    )
    for device in body.removed:
        db.execute("DELETE FROM group_devices WHERE group_id = ? AND device = ?", (body.group, device))
        drop_one_of(db, body.group, device)
    _add(db, body.group, body.added)


def contested(db: WriteConnection, event: LogEvent, body: Contested) -> None:
    """Mark the group as contested until another replaces it."""
    db.execute(
        "INSERT INTO contests (group_id, account) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (body.group, plain(event.author)),
    )
    db.execute("UPDATE groups SET contested = 1 WHERE group_id = ?", (body.group,))


def _freeze(db: WriteConnection, group: GroupId) -> None:
    db.execute("UPDATE groups SET in_force = 0 WHERE group_id = ?", (group,))
    db.execute("DELETE FROM group_devices WHERE group_id = ?", (group,))
    db.execute("DELETE FROM contests WHERE group_id = ?", (group,))
    drop_all_of(db, group)


def _add(db: WriteConnection, group: GroupId, devices: Iterable[DeviceId]) -> None:
    db.executemany(
        "INSERT INTO group_devices (group_id, device, account, leaving)"
        " SELECT ?, device, account, 0 FROM devices WHERE device = ?",
        [(group, device) for device in devices],
    )
