"""A backup of a hundred thousand encrypted messages: written, and restored into a home that could read none.

Below the client, since its server would be measured instead: the archive, the lines, the seal and the file.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

import apsw

from bench.archive import ME, ROOMS, fill
from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.backup import backup_file
from parlour_client.core.e2ee.backup.backup_file import BackupFile
from parlour_client.core.e2ee.backup.sealed import START, BackupKey, Manifest, new_backup
from parlour_client.core.e2ee.identity.keys import AccountKey, DeviceKey
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.messages import records
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.frames.opaque import Ciphertext
from parlour_protocol.frames.wire import encode_body
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import parse_device_name

MESSAGES: Final = 100_000
_SERVER: Final = "bench.example"


def _encrypted(connection: apsw.Connection) -> None:
    """Make the filled rooms encrypted ones, in which every message has its id."""
    connection.execute("UPDATE events SET sealed = 1")
    for room in ROOMS:
        connection.execute("INSERT INTO mls_rooms (room, cursor) VALUES (?, ?)", (room, MESSAGES))
    connection.executemany(
        "INSERT INTO mls_messages VALUES (?, ?, ?, ?, 1)",
        [
            (room, new_request_id(), seq, author)
            for room, seq, author in list(connection.execute("SELECT room, seq, author FROM events"))
        ],
    )


def _unreadable(connection: apsw.Connection) -> None:
    """Write of every message what a device has that joined after it."""
    body = encode_body(EncryptedMessage(group=GroupId("A" * 43), epoch=Epoch(1), data=Ciphertext(bytes(400))))
    event = """
        INSERT INTO events (room, seq, at, author, device, kind, is_row, mention, body, trouble)
        VALUES (?, ?, 1, ?, 'laptop', 'sealed', 1, 0, ?, 'from before')"""
    for room in ROOMS:
        connection.execute("INSERT INTO rooms (id, summary, entered) VALUES (?, '{}', 1)", (room,))
        connection.execute("INSERT INTO mls_rooms (room, cursor) VALUES (?, ?)", (room, MESSAGES))
        rows = ((room, seq, str(ME), body.decode()) for seq in range(1, MESSAGES // len(ROOMS) + 1))
        connection.executemany(event, rows)


async def _measured(folder: Path) -> tuple[float, float, int, int]:
    """Return the CPU seconds of writing and of restoring, the file's bytes, and how many were restored."""
    lost = await Archive.open(folder / "lost.db", folder / "lost.key")
    here = await Archive.open(folder / "here.db", folder / "here.key")
    await lost.write(fill, MESSAGES)
    await lost.write(_encrypted)
    await here.write(_unreadable)
    account, device = AccountKey.generate(), DeviceKey.generate(ME, _SERVER)
    _, certificate = account.certify(ME, _SERVER, device.public, parse_device_name("laptop"), Millis(1))
    own = OwnIdentity(ME, _SERVER, device, account.public, account, certificate, DeviceStatus.ACTIVE)
    key, backup, path = BackupKey(account), new_backup(), folder / "backup"

    def finish(chunks: int, tip: bytes) -> bytes:
        manifest = Manifest(backup, 1, START, str(ME), _SERVER, chunks, tip, MESSAGES, 1)
        return key.seal_manifest(manifest, own)

    began = time.process_time()
    lines = await lost.read(records.events)
    backup_file.write(path, key, backup, records.parts(lines, 1 << 20), finish)
    written = time.process_time() - began
    began, restored = time.process_time(), 0
    for part in BackupFile(path, key, str(ME), _SERVER).parts():
        stored = await here.write(records.store, records.read(part), lambda _body: False, Millis(1))
        restored += stored.new.total()
    spent = time.process_time() - began
    await lost.close()
    await here.close()
    return written, spent, path.stat().st_size, restored


def rows() -> list[list[str]]:
    """Measure once for the table of all measurements."""
    with tempfile.TemporaryDirectory() as folder:
        written, spent, size, restored = asyncio.run(_measured(Path(folder)))
    assert restored == MESSAGES, restored  # noqa: S101 - else something else was measured
    return [
        [
            f"a backup of {MESSAGES:,} messages written",
            f"{written:.1f} s CPU",
            "",
            "",
            "",
            f"{size / 1e6:.0f} MB",
        ],
        [f"{MESSAGES:,} messages restored", f"{spent:.1f} s CPU", "", "", "<= 60 s CPU", ""],
    ]
