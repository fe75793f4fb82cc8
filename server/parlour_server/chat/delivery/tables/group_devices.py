"""The devices that belong in a room's MLS group, and those that must leave it.

A device belongs there if its owner is in the room, and it is certified and not revoked. Code that changes one
of these calls ``update_leaving`` in its transaction, so the mark `leaving`, which every encrypted message
checks, is always current. Members remove a device only with a signed reason (a departure, a removal, a
revocation), so a disabled account stays in its groups.
"""

from collections.abc import Iterable
from typing import Final

from parlour_protocol.delivery import GroupDevice
from parlour_protocol.ids import GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.limits import GROUP_DEVICES
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import Connection

# A mark stays if someone comes back before the removal is committed, because their devices deleted the
# group's keys when they left. They are removed first, and then added again.
_MARK: Final = """
    UPDATE group_devices SET leaving = 1 WHERE leaving = 0 AND NOT EXISTS (
        SELECT 1 FROM groups g
        JOIN members m ON m.room = g.room AND m.account = group_devices.account
        JOIN devices d ON d.device = group_devices.device AND d.status = 'active'
        WHERE g.group_id = group_devices.group_id
    )
"""
_IN_ROOM: Final = (
    "AND group_id = (SELECT group_id FROM groups WHERE room = ?2 AND in_force = 1) AND account = ?1"
)
_EVERYWHERE: Final = "AND device IN (SELECT device FROM devices WHERE account = ?1)"

_MISSING: Final = """
    SELECT d.device, d.account FROM devices d
    JOIN accounts a ON a.account = d.account AND a.disabled = 0
    JOIN members m ON m.room = ?1 AND m.account = d.account
    WHERE d.status = 'active' AND d.expires > ?3
    AND NOT EXISTS (SELECT 1 FROM group_devices x WHERE x.group_id = ?2 AND x.device = d.device)
"""


def update_leaving(db: Connection, user: UserName, room: RoomId | None = None) -> None:
    """Mark those of the user's devices in groups (or only in the room's) that must leave."""
    if room is None:
        db.execute(_MARK + _EVERYWHERE, (plain(user),))
    else:
        db.execute(_MARK + _IN_ROOM, (plain(user), room))


def missing_devices(
    db: Connection, room: RoomId, group: GroupId | None, now: Millis
) -> tuple[GroupDevice, ...]:
    """Return devices that belong in the group and are not in it, at most as many as a group can have."""
    rows = db.execute(
        _MISSING + " ORDER BY d.account, d.device LIMIT ?4", (room, group, now, GROUP_DEVICES.value)
    )
    return tuple(GroupDevice(device=device, user=user_name(account)) for device, account in rows)


def addable(
    db: Connection, room: RoomId, group: GroupId | None, devices: Iterable[DeviceId], now: Millis
) -> dict[DeviceId, UserName]:
    """Return those of the devices that belong in the group and are not in it, with their owners."""
    found: dict[DeviceId, UserName] = {}
    for device in devices:
        row = db.execute(_MISSING + " AND d.device = ?4", (room, group, now, device)).fetchone()
        if row is not None:
            found[device] = user_name(row[1])
    return found
