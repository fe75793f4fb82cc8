"""What lies on the disks: a device's archive, for its owner or a thief, and the server's log of a room.

Everything is read while no program runs on it, or beside one that does; nothing is changed but in copies.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import apsw

from parlour_client.core.archive.archive import _open
from parlour_client.core.archive.key import open_key
from parlour_mls import ApplicationMessage, Group, MlsError
from parlour_mls.tree import MAX_LEAVES
from parlour_protocol.encrypted import TextContent, decode_message_payload
from parlour_protocol.frames import AnyBody, decode_body
from parlour_protocol.frames.bodies import (
    Added,
    Banned,
    Created,
    EncryptedMessage,
    GroupCreated,
    Handshake,
    Joined,
    Kicked,
    Left,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it lies in an archive."""

    seq: int
    author: str
    kind: str
    text: str
    trouble: str
    note: str


@contextmanager
def opened(home: Path) -> Iterator[apsw.Connection]:
    """Open a home's archive with its own key."""
    connection = _open(home / "archive.db", open_key(home / "archive.key", None).raw)
    try:
        yield connection
    finally:
        connection.close()


def rows(home: Path, room: str) -> list[Row]:
    """Return what a device has of a room."""
    query = "SELECT seq, author, kind, body, trouble, note FROM events WHERE room = ? ORDER BY seq"
    with opened(home) as connection:
        found: list[Any] = list(connection.execute(query, (room,)))
    return [
        Row(seq, author, kind, json.loads(body).get("text", ""), trouble, note or "")
        for seq, author, kind, body, trouble, note in found
    ]


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the server's log."""

    seq: int
    author: str
    body: AnyBody


def server_log(data: Path, room: str) -> list[Logged]:
    """Return the log of a room as it lies on the server's disk."""
    query = "SELECT seq, author, body FROM entries WHERE log = ? ORDER BY seq"
    with closing(sqlite3.connect(f"file:{data / 'parlour.db'}?mode=ro", uri=True)) as database:
        found = database.execute(query, (room,)).fetchall()
    return [Logged(seq, author, decode_body(bytes(body).decode())) for seq, author, body in found]


@dataclass(slots=True)
class Entitled:
    """Who could read what, and who was in the room, as the log tells it; the keys are numbers of events."""

    devices: dict[int, frozenset[str]] = field(default_factory=dict)
    """Of each encrypted message: the devices of its epoch."""
    users: dict[int, frozenset[str]] = field(default_factory=dict)
    """Who was a member when it was stored."""
    went: dict[str, int] = field(default_factory=dict)
    """When someone last went."""


def entitled(log: Sequence[Logged]) -> Entitled:
    """Work out from creations, commits and comings and goings who is entitled to read each message."""
    found, inside = Entitled(), set[str]()
    epochs: dict[tuple[str, int], frozenset[str]] = {}
    for event in log:
        match event.body:
            case Created() | Joined():
                inside.add(event.author)
            case Added(who=who):
                inside.add(who)
            case Left():
                inside.discard(event.author)
                found.went[event.author] = event.seq
            case Kicked(who=who) | Banned(who=who):
                inside.discard(who)
                found.went[who] = event.seq
            case GroupCreated(group=group, device=device):
                epochs[group, 0] = frozenset({device})
            case Handshake(group=group, epoch=epoch, added=added, removed=removed):
                epochs[group, epoch + 1] = (epochs[group, epoch] | set(added)) - set(removed)
            case EncryptedMessage(group=group, epoch=epoch):
                found.devices[event.seq] = epochs[group, epoch]
                found.users[event.seq] = frozenset(inside)
            case _:
                pass
    return found


def read_with(state: bytes, log: Sequence[Logged]) -> dict[int, str]:
    """Do with a group's stored state all that can be done: follow every commit, open every message.

    No rule of ours holds a thief back: each ciphertext is tried in every epoch that can be reached.
    """
    found: dict[int, str] = {}
    group = Group.restore(state)
    commits = {
        (event.body.group, event.body.epoch): event.body for event in log if isinstance(event.body, Handshake)
    }
    sealed = {event.seq: event.body.data for event in log if isinstance(event.body, EncryptedMessage)}
    while True:
        for seq, data in sealed.items():
            for reader in (group, _as_another(group)):
                if seq not in found and (text := _opened(reader, data)) is not None:
                    found[seq] = text
        body = next(
            (b for (_, epoch), b in commits.items() if epoch == group.epoch and _is_of(group, b)), None
        )
        if body is None:
            return found
        try:
            group.process(body.data, now=None)
        except MlsError:
            return found


def _as_another(group: Group) -> Group:
    """Return the group as a thief may use it: who denies being the member can try that member's own keys."""
    state = group.state
    other = next(i for i in range(MAX_LEAVES) if i != state.epoch.own_leaf)
    return Group(replace(state, epoch=replace(state.epoch, own_leaf=other)))


def _is_of(group: Group, body: Handshake) -> bool:
    from parlour_client.core.e2ee.group.store import group_bytes  # noqa: PLC0415 - one use

    return group_bytes(body.group) == group.group_id


def _opened(group: Group, data: bytes) -> str | None:
    try:
        opened = group.decrypt(data)
    except MlsError:
        return None
    assert isinstance(opened, ApplicationMessage)
    content = decode_message_payload(opened.data).content
    return str(content.text) if isinstance(content, TextContent) else ""


def states(home: Path) -> list[bytes]:
    """Return every group's state that lies in an archive."""
    with opened(home) as connection:
        found: list[Any] = list(connection.execute("SELECT state FROM mls_groups WHERE state IS NOT NULL"))
    return [bytes(state) for (state,) in found]
