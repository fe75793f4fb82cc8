"""The real server on its real database, in this process, in the hands of someone who edits what it keeps.

``HostileServer`` starts and stops the application as `parlour-server run` makes it. What the operator does to
its data is SQL on the database file, or another folder in its place; what it tells one client and not another
is `middle.py`'s.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from parlour_lab.hostile.clock import FakeClock
from parlour_protocol.frames import AnyBody
from parlour_protocol.frames.wire import encode_body
from parlour_protocol.ids import RoomId
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.invite_link import InviteLink
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.server_backups.archive import write_archive
from parlour_server.capabilities.server_backups.restore import opened_backup, restore
from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.host.config.settings_loader import load
from parlour_server.host.server import Server
from parlour_server.host.setup.certificates import pin_of, read_certificate
from parlour_server.host.setup.initialise import initialise
from parlour_server.host.setup.public_address import reachable_at

_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
WIDE = """
[rates]
messages_per_minute = 100000
message_burst = 10000
message_bytes_per_minute = 1000000000
message_bytes_burst = 100000000
commit_bytes_per_hour = 10000000000
http_burst = 100000
http_per_minute = 100000
requests_per_minute = 100000
request_burst = 10000
key_changes_per_hour = 100000
claims_per_hour = 100000
claims_per_person_per_hour = 10000
claims_of_person_per_hour = 10000
commits_per_minute = 100000
rooms_per_hour = 1000
invites_per_hour = 10000
[logins]
tickets_per_session = 10000
"""


class HostileServer:
    """The server, and what its operator can do to it."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self._folder = folder
        self._clock = clock
        self._copies = 0
        self.data = CHAT.folder(folder / "server")
        self.port = 0
        self._running: Server[ChatSettings] | None = None

    async def make(self) -> None:
        """Make its data folder, as `init` does."""
        await initialise(CHAT, self.data, (), self._clock)
        self.data.settings.write_text(WIDE)

    async def start(self) -> None:
        """Serve, at another port each time."""
        settings = load(
            self.data.settings,
            CHAT.settings_type,
            CHAT.name,
            environment={},
            flags={"listen.address": "127.0.0.1:0"},
        )
        self._running = await Server.start(
            CHAT, self.data, settings, clock=self._clock, passwords=HashingPool(threads=1, hasher=_CHEAP)
        )
        self.port = int(self._running.url.rpartition(":")[2])

    async def stop(self) -> None:
        """Serve no more."""
        running, self._running = self._running, None
        if running is not None:
            await running.stop()

    def invite(self) -> ChatInviteLink:
        """Return an invite for many."""
        code = Secret.random()
        self.edit(
            "INSERT INTO invites (digest, uses, created, expires) VALUES (?, 100, ?, NULL)",
            code.digest(), self._clock.now(),
        )  # fmt: skip
        settings = load(self.data.settings, CHAT.settings_type, CHAT.name, environment={})
        address = reachable_at(self.data, settings)
        return ChatInviteLink(InviteLink(address, code, pin_of(read_certificate(self.data.certificate))))

    # its database
    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """Open the database beside the server, which may run; nothing checks what is written."""
        with closing(sqlite3.connect(self.data.database, timeout=20, isolation_level=None)) as database:
            yield database

    def edit(self, statement: str, *values: object) -> None:
        """Run one statement."""
        with self.database() as database:
            database.execute(statement, values)

    def look(self, query: str, *values: object) -> Sequence[Any]:
        """Run one query."""
        with self.database() as database:
            return database.execute(query, values).fetchall()

    def append(self, room: RoomId, author: str, body: AnyBody | bytes, *, at: int | None = None) -> int:
        """Write an event into a log, in anyone's name; returns its number."""
        data = body if isinstance(body, bytes) else encode_body(body)
        kind = json.loads(data)["kind"]
        with self.database() as database:
            database.execute("UPDATE logs SET head = head + 1 WHERE log = ?", (room,))
            (head,) = database.execute("SELECT head FROM logs WHERE log = ?", (room,)).fetchone()
            database.execute(
                "INSERT INTO entries (log, seq, at, author, device, kind, body)"
                " VALUES (?, ?, ?, ?, 'laptop', ?, ?)",
                (room, head, self._clock.now() if at is None else at, author, kind, data),
            )
        return int(head)

    def event(self, room: RoomId, seq: int) -> bytes:
        """Return the body of an event."""
        ((body,),) = self.look("SELECT body FROM entries WHERE log = ? AND seq = ?", room, seq)
        return bytes(body)

    def sealed(self, room: RoomId) -> list[int]:
        """Return the numbers of the encrypted messages of a room."""
        query = "SELECT seq FROM entries WHERE log = ? AND kind = 'sealed' ORDER BY seq"
        return [seq for (seq,) in self.look(query, room)]

    def head(self, room: RoomId) -> int:
        """Return the number of a room's newest event."""
        ((head,),) = self.look("SELECT head FROM logs WHERE log = ?", room)
        return int(head)

    def list_as_member(self, room: RoomId, user: str, role: str = "member") -> None:
        """Write someone into the table of members."""
        self.edit(
            "INSERT INTO members (room, account, role, since, read, consent) VALUES (?, ?, ?, 0, 0, 'given')",
            room, user, role,
        )  # fmt: skip

    def drop_from_list(self, room: RoomId, user: str) -> None:
        """Take someone out of the table of members, and mark their devices as its own code does."""
        self.edit("DELETE FROM members WHERE room = ? AND account = ?", room, user)
        self.edit(
            "UPDATE group_devices SET leaving = 1 WHERE account = ? AND group_id ="
            " (SELECT group_id FROM groups WHERE room = ? AND in_force = 1)",
            user, room,
        )  # fmt: skip

    # its whole folder, while it is stopped
    def folder_copied(self) -> Path:
        """Copy the data folder, as `cp -a` does."""
        copy = self._place("copy")
        shutil.copytree(self.data.path, copy)
        return copy

    def put_back(self, copy: Path) -> None:
        """Go on from an older copy of the folder, as if nothing had been since."""
        data = self._place("copied")
        shutil.copytree(copy, data)
        data.chmod(0o700)
        self.data = CHAT.folder(data)

    def backed_up(self) -> Path:
        """Make a backup, also while it runs, as `parlour-server backup create` does."""
        file = self._place("backup.tar")
        write_archive(CHAT.schema, self.data, file)
        return file

    def restore(self, file: Path) -> None:
        """Go on from a backup, as `parlour-server backup restore` does it."""
        self.data = CHAT.folder(self._place("restored"))
        with opened_backup(self.data, file) as backup:
            restore(CHAT.schema, self.data, backup)

    def kept(self, way: str) -> Path:
        """Keep the data as it is now: by `restore` as a backup, otherwise as a copy of the folder."""
        return self.backed_up() if way == "restore" else self.folder_copied()

    def go_back(self, kept: Path) -> None:
        """Go on from what was kept: a backup, or a copy of the folder."""
        (self.restore if kept.is_file() else self.put_back)(kept)

    def _place(self, name: str) -> Path:
        self._copies += 1
        return self._folder / f"{self._copies}-{name}"
