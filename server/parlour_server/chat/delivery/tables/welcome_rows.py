"""Pending Welcomes: stored once for all devices that a commit added, until the last has fetched it.

A Welcome is dropped when its device is removed or its group replaced. A device that must leave gets none.
"""

from parlour_protocol.delivery import WaitingWelcome
from parlour_protocol.frames.bodies import Handshake
from parlour_protocol.frames.opaque import TreeBytes, WelcomeBytes
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import GroupId, WelcomeId, new_welcome_id
from parlour_protocol.kit.ids import DeviceId
from parlour_server.chat.delivery.errors import NoDeviceError
from parlour_server.chat.store.types import Attached
from parlour_server.core.accounts.tables.authority import Authority
from parlour_server.core.store.engine.connection import Connection, WriteConnection

_WAITING = """
    SELECT i.id, g.room, w.group_id, w.seq, w.data, w.tree FROM inbox i
    JOIN welcomes w USING (welcome) JOIN groups g USING (group_id)
    JOIN group_devices d ON d.group_id = w.group_id AND d.device = i.device AND d.leaving = 0
    JOIN members m ON m.room = g.room AND m.account = d.account AND m.consent != 'refused'
    WHERE i.device = ? ORDER BY i.welcome
"""


def keep_welcome(db: WriteConnection, event: LogEvent, body: Handshake, attached: Attached) -> None:
    """Store a commit's Welcome for each device that it added."""
    (kept,) = db.execute(
        "INSERT INTO welcomes (group_id, seq, data, tree) VALUES (?, ?, ?, ?) RETURNING welcome",
        (body.group, event.seq, bytes(attached.welcome), bytes(attached.tree)),
    ).fetchone()
    db.executemany(
        "INSERT INTO inbox (id, device, welcome) VALUES (?, ?, ?)",
        [(new_welcome_id(), device, kept) for device in body.added],
    )


def waiting_welcomes(db: Connection, device: DeviceId, max_bytes: int) -> tuple[list[WaitingWelcome], bool]:
    """Return the device's oldest Welcomes, up to the size but at least one, and whether more exist."""
    found: list[WaitingWelcome] = []
    size = 0
    for welcome, room, group, seq, data, tree in db.execute(_WAITING, (device,)):
        size += len(data) + len(tree)
        if found and size > max_bytes:
            return found, True
        found.append(
            WaitingWelcome(
                id=welcome, room=room, group=group, seq=seq, welcome=WelcomeBytes(data), tree=TreeBytes(tree)
            )
        )
    return found, False


def drop_welcome(db: WriteConnection, authority: Authority, welcome: WelcomeId) -> bool:
    """Delete one pending Welcome of the session's device; False if there is none."""
    if authority.device_id is None:
        raise NoDeviceError
    query = "SELECT welcome FROM inbox WHERE id = ? AND device = ?"
    row = db.execute(query, (welcome, authority.device_id)).fetchone()
    if row is not None:
        db.execute("DELETE FROM inbox WHERE id = ?", (welcome,))
        _drop_unwanted(db, row[0])
    return row is not None


def drop_one_of(db: Connection, group: GroupId, device: DeviceId) -> None:
    """Delete the device's pending Welcome of this group."""
    rows = db.execute(
        "SELECT welcome FROM inbox JOIN welcomes USING (welcome) WHERE device = ? AND group_id = ?",
        (device, group),
    ).fetchall()
    for (kept,) in rows:
        db.execute("DELETE FROM inbox WHERE device = ? AND welcome = ?", (device, kept))
        _drop_unwanted(db, kept)


def drop_for(db: Connection, device: DeviceId) -> None:
    """Delete all pending Welcomes of the device."""
    rows = db.execute("SELECT welcome FROM inbox WHERE device = ?", (device,)).fetchall()
    db.execute("DELETE FROM inbox WHERE device = ?", (device,))
    for (kept,) in rows:
        _drop_unwanted(db, kept)


def drop_all_of(db: Connection, group: GroupId) -> None:
    """Delete every Welcome of a replaced group."""
    db.execute(
        "DELETE FROM inbox WHERE welcome IN (SELECT welcome FROM welcomes WHERE group_id = ?)", (group,)
    )
    db.execute("DELETE FROM welcomes WHERE group_id = ?", (group,))


def _drop_unwanted(db: Connection, kept: int) -> None:
    db.execute(
        "DELETE FROM welcomes WHERE welcome = ?1 AND NOT EXISTS (SELECT 1 FROM inbox WHERE welcome = ?1)",
        (kept,),
    )
