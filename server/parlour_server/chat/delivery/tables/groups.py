"""The MLS groups of encrypted rooms, as a server sees them.

It only reads, and deletes fetched Welcomes: groups change with events of the log. People outside the room
learn nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from parlour_protocol.delivery import GroupDevice, GroupState, WaitingWelcome
from parlour_protocol.ids import Epoch, GroupId, RoomId, WelcomeId
from parlour_protocol.kit.ids import DeviceId, Incarnation, Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.limits import GROUP_DEVICES
from parlour_server.chat.delivery.tables.group_devices import missing_devices
from parlour_server.chat.delivery.tables.welcome_rows import drop_welcome, waiting_welcomes
from parlour_server.core.accounts.tables.authority import BySession, authorised
from parlour_server.core.clock import Clock
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import Connection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer

_MEMBER: Final = """
    SELECT g.group_id, g.epoch, g.contested, (SELECT name FROM incarnation), l.head
    FROM rooms r JOIN logs l ON l.log = r.room
    JOIN members m ON m.room = r.room AND m.account = ?2
    LEFT JOIN groups g ON g.room = r.room AND g.in_force = 1
    WHERE r.room = ?1 AND r.encrypted = 1
"""
_CLOSED: Final = """
    SELECT m.account FROM members m JOIN accounts a ON a.account = m.account
    WHERE m.room = ?1 AND a.deleted IS NOT NULL
    UNION SELECT a.account FROM rooms r JOIN accounts a ON a.account IN (r.low, r.high)
    WHERE r.room = ?1 AND a.deleted IS NOT NULL ORDER BY 1 LIMIT ?2
"""
_ROOMS: Final = """
    SELECT r.room FROM members m JOIN rooms r USING (room) WHERE m.account = ?1 AND r.encrypted = 1
    UNION SELECT g.room FROM group_devices d JOIN groups g USING (group_id)
    WHERE d.device IN (SELECT device FROM devices WHERE account = ?1)
"""


@dataclass(eq=False)
class Groups:
    """The MLS groups of encrypted rooms, as a server sees them. ``Log.append`` changes them."""

    writer: Writer
    readers: Readers
    clock: Clock

    async def state(self, room: RoomId, user: UserName, now: Millis) -> GroupState | None:
        """Return the state of the room's group; None if the user is not in it, or it is not encrypted."""

        def read(db: Connection) -> GroupState | None:
            with db.snapshot():
                row = db.execute(_MEMBER, (room, plain(user))).fetchone()
                return None if row is None else _state(db, room, row, now)

        return await self.readers.run(read)

    async def rooms_of(self, user: UserName) -> Sequence[RoomId]:
        """Return the encrypted rooms where the user is a member or has devices in the group."""
        return await self.readers.rows(RoomId, _ROOMS, plain(user))

    async def welcomes(self, device: DeviceId, *, max_bytes: int) -> tuple[Sequence[WaitingWelcome], bool]:
        """Return the device's oldest Welcomes and whether there are more.

        At most ``max_bytes`` of Welcomes and trees, but at least one Welcome.
        """
        return await self.readers.run(partial(waiting_welcomes, device=device, max_bytes=max_bytes))

    async def drop_welcome(self, by: BySession, welcome: WelcomeId) -> bool:
        """Delete a pending Welcome of the session's device; False if there is none. Raises NoDeviceError."""
        return await self.writer.submit(authorised(self.clock, by, partial(drop_welcome, welcome=welcome)))


def _state(
    db: Connection,
    room: RoomId,
    row: tuple[GroupId | None, int | None, int | None, Incarnation, Seq],
    now: Millis,
) -> GroupState:
    group, epoch, contested, incarnation, head = row
    present: list[GroupDevice] = []
    leaving: list[GroupDevice] = []
    query = "SELECT device, account, leaving FROM group_devices WHERE group_id = ? ORDER BY account, device"
    for device, account, must_leave in db.execute(query, (group,)):
        found = GroupDevice(device=device, user=user_name(account))
        present.append(found)
        if must_leave:
            leaving.append(found)
    return GroupState(
        epoch=Epoch(epoch or 0),
        incarnation=incarnation,
        group=group,
        contested=bool(contested),
        present=tuple(present),
        missing=missing_devices(db, room, group, now),
        leaving=tuple(leaving),
        head=head,
        closed=tuple(user_name(account) for (account,) in db.execute(_CLOSED, (room, GROUP_DEVICES.value))),
    )
