"""Which devices belong into a room's MLS group, and which in it must leave.

A device belongs there when its owner is in the room and it is certified and not revoked. What changes one of
these calls ``settle`` in its transaction, so the mark `leaving`, which each encrypted message looks at, is
never late. Members remove a device only for what someone signed (a departure, a removal, a revocation), so
nothing else is a reason here: a disabled account is not served, but stays in its groups.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from parlour_protocol.delivery import GroupDevice
from parlour_protocol.ids import DeviceId, GroupId, Millis, RoomId
from parlour_protocol.limits import GROUP_DEVICES
from parlour_protocol.names import UserName
from parlour_server.store.sqlite.engine.column_values import plain, user_name

# A mark stays when someone came back before the removal was committed: their devices forgot the group's keys
# when they went. They are removed first, then missing, and added again.
_MARK: Final = """
    UPDATE group_devices SET leaving = leaving OR NOT EXISTS (
        SELECT 1 FROM groups g
        JOIN members m ON m.room = g.room AND m.account = group_devices.account
        JOIN devices d ON d.device = group_devices.device AND d.status = 'active'
        WHERE g.group_id = group_devices.group_id
    )
"""
_IN_ROOM: Final = (
    "WHERE group_id = (SELECT group_id FROM groups WHERE room = ?2 AND in_force = 1) AND account = ?1"
)
_EVERYWHERE: Final = "WHERE device IN (SELECT device FROM devices WHERE account = ?1)"

_MISSING: Final = """
    SELECT d.device, d.account FROM devices d
    JOIN accounts a ON a.account = d.account AND a.disabled = 0
    JOIN members m ON m.room = ?1 AND m.account = d.account
    WHERE d.status = 'active' AND d.expires > ?3
    AND NOT EXISTS (SELECT 1 FROM group_devices x WHERE x.group_id = ?2 AND x.device = d.device)
"""


def update_leaving(db: sqlite3.Connection, user: UserName, room: RoomId | None = None) -> None:
    """Mark those of the user's devices in groups (or only in the room's) that must leave."""
    if room is None:
        db.execute(_MARK + _EVERYWHERE, (plain(user),))
    else:
        db.execute(_MARK + _IN_ROOM, (plain(user), room))


def missing_devices(
    db: sqlite3.Connection, room: RoomId, group: GroupId | None, now: Millis
) -> tuple[GroupDevice, ...]:
    """Return devices that belong into the group and are not in it: no more than a group can hold."""
    rows = db.execute(
        _MISSING + " ORDER BY d.account, d.device LIMIT ?4", (room, group, now, GROUP_DEVICES.value)
    )
    return tuple(GroupDevice(device=device, user=user_name(account)) for device, account in rows)


def addable(
    db: sqlite3.Connection, room: RoomId, group: GroupId | None, devices: Iterable[DeviceId], now: Millis
) -> dict[DeviceId, UserName]:
    """Return those of the devices that belong into the group and are not in it, with their owners."""
    found: dict[DeviceId, UserName] = {}
    for device in devices:
        row = db.execute(_MISSING + " AND d.device = ?4", (room, group, now, device)).fetchone()
        if row is not None:
            found[device] = user_name(row[1])
    return found
