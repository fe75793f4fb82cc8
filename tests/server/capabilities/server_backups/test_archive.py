"""A backup has everything, is private, and restores only into a new folder."""

import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parlour_protocol.ids import new_file_id
from parlour_protocol.limits import FILE_BYTES
from parlour_server.capabilities.server_backups.archive import write_archive
from parlour_server.capabilities.server_backups.contents import Backup, temporary_folder
from parlour_server.capabilities.server_backups.restore import opened_backup, restore, verify
from parlour_server.chat.capabilities.file_sharing.blob_store import BlobStore
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.private_file import private_file
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine

KILLED_BACKUP = """
import os, signal, sys, tarfile
from pathlib import Path
from parlour_server.chat.program import CHAT
from parlour_server.capabilities.server_backups.archive import write_archive

tarfile.TarFile.addfile = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_archive(CHAT.schema, CHAT.folder(Path(sys.argv[1])), Path(sys.argv[2]))
"""
KILLED_RESTORE = """
import os, signal, sys
from pathlib import Path
from parlour_server.chat.program import CHAT
from parlour_server.capabilities.server_backups.restore import opened_backup, restore

folder = CHAT.folder(Path(sys.argv[1]))
with opened_backup(folder, Path(sys.argv[2])) as backup:
    restore(CHAT.schema, folder, backup, begin=lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def restored(folder: DataFolder, file: Path, *, accept_damage: bool = False) -> list[str]:
    """Restore a backup; returns the damage in its database."""
    with opened_backup(folder, file) as backup:
        return restore(CHAT.schema, folder, backup, accept_damage=accept_damage)


def verified(file: Path) -> Backup:
    """Check a backup and return it, closed."""
    with opened_backup(CHAT.folder(Path()), file) as backup:
        verify(backup)
        return backup


async def test_a_backup_of_a_running_server_restores_to_the_same(
    store: ChatStore, folder: DataFolder, tmp_path: Path
) -> None:
    """Keys, configuration and rows are there again."""
    rows = len(await store.accounts.list())
    blobs = BlobStore(files_of(folder))
    blobs.open()
    kept = new_file_id()
    (files_of(folder) / kept).write_bytes(b"sealed")
    (files_of(folder) / f"{new_file_id()}.part").write_bytes(b"half")
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    again = CHAT.folder(tmp_path / "again")
    restored(again, tmp_path / "all.tar")
    again.require()
    for file in ("parlour.toml", "ca.pem", "ca.key", "server.pem", "server.key", "keylog.key"):
        assert (again.path / file).read_bytes() == (folder.path / file).read_bytes()
    assert [(path.name, path.read_bytes()) for path in files_of(again).iterdir()] == [(kept, b"sealed")]
    assert (files_of(again) / kept).stat().st_mode & 0o777 == 0o600
    assert files_of(again).stat().st_mode & 0o777 == 0o700
    with closing(sqlite3.connect(again.database)) as database:
        assert database.execute("SELECT count(*) FROM accounts").fetchone() == (rows,)


def test_a_restore_is_another_incarnation(folder: DataFolder, tmp_path: Path) -> None:
    """R20: each restore names the logs again; the backup and its folder keep their name."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    found = []
    for name in ("one", "two"):
        again = CHAT.folder(tmp_path / name)
        restored(again, tmp_path / "all.tar")
        found.append(SqliteEngine(again.database).incarnation())
        assert {path.name for path in again.path.iterdir()} & {
            "parlour.db-wal",
            "parlour.db-journal",
        } == set()
    before = SqliteEngine(folder.database).incarnation()
    assert before is not None
    assert len({before, *found}) == 3
    assert verified(tmp_path / "all.tar").incarnation == before[0]


def test_a_restore_that_breaks_off_leaves_nothing_to_serve(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R20: a crash cannot leave a database in its place under its old name."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    again = CHAT.folder(tmp_path / "again")

    def crash(_path: Path, _restored: object) -> None:
        assert not again.database.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules[restore.__module__], "begin_incarnation", crash)
    with pytest.raises(KeyboardInterrupt):
        restored(again, tmp_path / "all.tar")
    assert not again.path.exists() or list(again.path.iterdir()) == []


def test_single_use_key_packages_are_not_given_after_a_restore(folder: DataFolder, tmp_path: Path) -> None:
    """R21: one may have been used since the backup; the last resort stays, so that a device can be added."""
    with closing(sqlite3.connect(folder.database)) as db, db:
        db.execute("INSERT INTO devices VALUES ('d', 'house', x'01', 'box', 'active', 1, 1, NULL, NULL)")
        for number, last in ((1, 0), (2, 0), (3, 1)):
            db.execute(
                "INSERT INTO key_packages (number, device, digest, last_resort, given, package, expires)"
                " VALUES (?, 'd', ?, ?, 0, x'02', 9)",
                (number, b"%d" % number, last),
            )
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    again = CHAT.folder(tmp_path / "again")
    restored(again, tmp_path / "all.tar")
    with closing(sqlite3.connect(again.database)) as db:
        rows = db.execute("SELECT last_resort, given, package FROM key_packages ORDER BY number").fetchall()
    assert rows == [(0, 1, None), (0, 1, None), (1, 0, b"\x02")]


def test_a_backup_is_private_and_overwrites_nothing(folder: DataFolder, tmp_path: Path) -> None:
    """O2: keys are in it."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    assert (tmp_path / "all.tar").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SetupError, match="never overwritten"):
        write_archive(CHAT.schema, folder, tmp_path / "all.tar")


def test_a_restore_into_a_folder_with_something_in_it_is_refused(folder: DataFolder, tmp_path: Path) -> None:
    """A running server's data must not be overwritten."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    with pytest.raises(SetupError, match="not empty"):
        restored(folder, tmp_path / "all.tar")


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/tmp/outside",
        "sub/parlour.db",
        "parlour.db-wal",
        "x",
        "files/x",
        "files/../x",
        "files",
        "a/files/" + "i" * 22,
        "i" * 22,
    ],
)
def test_path_traversal_in_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    """An archive cannot say where to write."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for member in ("parlour.db", name):
            info = tarfile.TarInfo(member)
            info.size = 4
            tar.addfile(info, io.BytesIO(b"evil"))
    (tmp_path / "evil.tar").write_bytes(whole.getvalue())
    again = CHAT.folder(tmp_path / "again")
    with pytest.raises(SetupError, match="not a backup"):
        restored(again, tmp_path / "evil.tar")
    assert not again.path.exists() or list(again.path.iterdir()) == []


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    """A sentence with the file's name."""
    (tmp_path / "x.tar").write_bytes(b"nothing")
    with pytest.raises(SetupError, match="not an archive"):
        restored(CHAT.folder(tmp_path / "again"), tmp_path / "x.tar")


def unpacked(file: Path) -> dict[str, bytes]:
    """Return what a backup holds, by name."""
    with tarfile.open(file) as tar:
        return {info.name: found.read() for info in tar if (found := tar.extractfile(info))}


def packed(file: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """Write a tar with these headers, whatever they say, each followed by its bytes."""
    blocks = b""
    for info, data in members:
        blocks += info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)
    file.write_bytes(blocks + bytes(1024))
    return file


def member(name: str, data: bytes, **header: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a plain member, or one whose header says something else."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in header.items():
        setattr(info, field, value)
    return info, data


def refused(folder: Path, file: Path, why: str) -> None:
    """Check that a backup is refused in words and leaves nothing."""
    again = CHAT.folder(folder / "again")
    with pytest.raises(SetupError, match=why):
        restored(again, file)
    assert not again.path.exists() or list(again.path.iterdir()) == []


async def test_one_wrong_byte_anywhere_is_found(store: ChatStore, folder: DataFolder, tmp_path: Path) -> None:
    """No member is restored that is not what was backed up, and nothing is left of the others."""
    await store.accounts.list()
    BlobStore(files_of(folder)).open()
    (files_of(folder) / new_file_id()).write_bytes(b"sealed" * 1000)
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    whole = (tmp_path / "all.tar").read_bytes()
    members = unpacked(tmp_path / "all.tar")
    assert len(verified(tmp_path / "all.tar").members) == len(members) - 1
    for name, data in members.items():
        damaged = bytearray(whole)
        damaged[whole.index(data) + len(data) // 2] ^= 1
        (tmp_path / "damaged.tar").write_bytes(damaged)
        with pytest.raises(SetupError, match=r"damaged|not a backup"):
            verified(tmp_path / "damaged.tar")
        refused(tmp_path, tmp_path / "damaged.tar", r"damaged|not a backup")
        assert name


def test_a_backup_that_was_cut_off_is_refused(folder: DataFolder, tmp_path: Path) -> None:
    """Wherever it ends: a copy over a network that broke off."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    whole = (tmp_path / "all.tar").read_bytes()
    end = len(whole.rstrip(b"\0"))
    for length in (0, 1, 511, 512, 513, 4096, end // 2, end - 1, whole.rindex(b"manifest.json")):
        (tmp_path / "short.tar").write_bytes(whole[:length])
        refused(tmp_path, tmp_path / "short.tar", r"cut off|not a backup|cannot be read")
    (tmp_path / "padded.tar").write_bytes(whole[: whole.rindex(b"manifest.json")] + bytes(10_240))
    refused(tmp_path, tmp_path / "padded.tar", "no manifest: it was cut off")


@pytest.mark.parametrize(
    ("evil", "why"),
    [
        (member("parlour.db", b"x" * 512, type=tarfile.GNUTYPE_SPARSE), "not a regular file"),
        (member("parlour.db", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "not a regular file"),
        (member("parlour.db", b"", type=tarfile.LNKTYPE, linkname="parlour.toml"), "not a regular file"),
        (member("parlour.db", b"", type=tarfile.CHRTYPE), "not a regular file"),
        (member("parlour.db", b"", type=tarfile.FIFOTYPE), "not a regular file"),
        (member("files", b"", type=tarfile.DIRTYPE), "not a regular file|is in it"),
        (member("parlour.db", b"20 path=../../outside\n", type=tarfile.XHDTYPE), "not a regular file"),
        (member("parlour.db", b"x" * 512, type=tarfile.GNUTYPE_LONGNAME), "not a regular file"),
        (member("parlour.db", b"x", size=2**40), "cut off"),
        (member("parlour.db", b"x", size=2**62), "cut off"),
        (member("parlour.db", b"x", size=-1), "too large"),
        (member("parlour.toml", bytes(2 * 1024 * 1024)), "too large"),
        (member("server.key", b"x", size=2**33), "too large"),
        (member(f"files/{new_file_id()}", b"x", size=FILE_BYTES.value + 1), "too large"),
        (member("parlour.toml", b"again"), "is in it twice"),
    ],
)
def test_hostile_headers_are_refused(
    folder: DataFolder, tmp_path: Path, evil: tuple[tarfile.TarInfo, bytes], why: str
) -> None:
    """L20: judged before anything is unpacked, in the middle of a good backup and at its beginning."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    good = [member(name, data) for name, data in unpacked(tmp_path / "all.tar").items()]
    if "twice" not in why:  # in the place of the good one, so that nothing else is wrong
        good = [one for one in good if one[0].name != evil[0].name]
    for number, at in enumerate((0, 1, len(good))):
        file = packed(tmp_path / f"evil-{number}.tar", [*good[:at], evil, *good[at:]])
        refused(tmp_path, file, why)


def test_a_manifest_is_bounded_and_must_agree(folder: DataFolder, tmp_path: Path) -> None:
    """Neither a huge one nor one of other files, nor one that is nested without end, is taken."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    members = unpacked(tmp_path / "all.tar")
    reported = json.loads(members["manifest.json"])
    more = {**reported, "members": {**reported["members"], "ca.key": {"size": 1, "sha256": "0" * 64}}}
    del more["members"]["parlour.toml"]
    for manifest, why in (
        (b" " * 1024 * 1024, "too large"),
        (b"[" * 900, "cannot be read"),
        (json.dumps({**reported, "format": 2}).encode(), "cannot be read"),
        (json.dumps(more).encode(), "does not match the files"),
        (members["manifest.json"].replace(b'"size":', b'"size":9'), "instead of|cannot be read"),
    ):
        changed = {**members, "manifest.json": manifest}
        file = packed(tmp_path / "evil.tar", [member(name, data) for name, data in changed.items()])
        refused(tmp_path, file, why)


def test_a_damaged_database_is_reported_and_restored_only_on_request(
    folder: DataFolder, tmp_path: Path
) -> None:
    """The backup is written, because the rest of it is worth keeping; neither direction is silent."""
    with closing(sqlite3.connect(folder.database)) as database:
        database.execute("UPDATE entries SET body = x'00' WHERE seq = 1")
        database.commit()
    (sentence,) = write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    assert sentence.startswith("event 1 of room ")
    refused(tmp_path, tmp_path / "all.tar", r"is damaged \(event 1 of room .*--accept-damage")
    again = CHAT.folder(tmp_path / "again")
    assert restored(again, tmp_path / "all.tar", accept_damage=True) == [sentence]
    again.require()


def test_what_does_not_fit_on_the_disk_is_refused_before(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words, and before the disk is full."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096, total=2**40))
    (tmp_path / "again").mkdir(mode=0o700)
    refused(tmp_path, tmp_path / "all.tar", r"needs \d+ MiB and .* has 0 MiB free")


def test_what_is_longer_than_the_disk_can_hold_is_refused_before(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with holes: reading its zeros would take hours. A file system that compresses holds more."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    size = (tmp_path / "all.tar").stat().st_size
    disk = SimpleNamespace(free=2**40, total=size // 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    verified(tmp_path / "all.tar")
    os.truncate(tmp_path / "all.tar", 32 * disk.total + 1)
    refused(tmp_path, tmp_path / "all.tar", "more than the disk that it is on can hold")


def killed(work: str, *paths: Path) -> None:
    """Do work on paths in a process that is killed in its middle."""
    command = [sys.executable, "-c", work, *map(str, paths)]
    done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - of ours
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def test_a_restore_that_is_killed_leaves_a_folder_that_says_so(folder: DataFolder, tmp_path: Path) -> None:
    """Nothing starts on it, and `init` adds no new database to the old keys, until it is removed."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    again = CHAT.folder(tmp_path / "again")
    killed(KILLED_RESTORE, again.path, tmp_path / "all.tar")
    assert again.key.exists()
    for work in (again.require, again.create, lambda: restored(again, tmp_path / "all.tar")):
        with pytest.raises(SetupError, match="has not finished; if none is running, remove this folder and"):
            work()
    assert "remove it and restore again" in again.unfinished.read_text()
    shutil.rmtree(again.path)
    restored(again, tmp_path / "all.tar")
    again.require()
    assert not again.unfinished.exists()


def test_a_restore_that_is_refused_leaves_no_new_folder(folder: DataFolder, tmp_path: Path) -> None:
    """One that was there stays, empty."""
    write_archive(CHAT.schema, folder, tmp_path / "all.tar")
    (tmp_path / "all.tar").write_bytes((tmp_path / "all.tar").read_bytes().replace(b"[listen]", b"[LISTEN]"))
    again = CHAT.folder(tmp_path / "again")
    for is_there in (False, True):
        if is_there:
            again.path.mkdir(mode=0o700)
        with pytest.raises(SetupError, match="is damaged"):
            restored(again, tmp_path / "all.tar")
        assert again.path.exists() == is_there
    assert list(again.path.iterdir()) == []


def test_what_a_killed_backup_left_is_removed_by_the_next_and_what_is_being_written_is_not(
    folder: DataFolder, tmp_path: Path
) -> None:
    """Both hold keys: a part of the archive beside its target, and a copy of the database."""
    target = tmp_path / "backups"
    target.mkdir()
    foreign = target / ".all.tar.unfinished"
    foreign.write_bytes(b"of another program")
    killed(KILLED_BACKUP, folder.path, target / "monday.tar")

    def left() -> list[Path]:
        return [*target.glob(".monday*"), *folder.path.glob(".backup-*")]

    assert len(left()) == 2
    with private_file(target / "running.tar") as out, temporary_folder(folder.path, "copy") as work:
        out.write(b"whole")
        write_archive(CHAT.schema, folder, target / "tuesday.tar")
        assert left() == [work]
    assert left() == []
    assert (target / "running.tar").read_bytes() == b"whole"
    assert sorted(path.name for path in target.iterdir()) == [foreign.name, "running.tar", "tuesday.tar"]
    verified(target / "tuesday.tar")


def test_only_a_plain_file_is_read(tmp_path: Path) -> None:
    """A pipe that no one writes to, or a device without an end, is not a backup."""
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path, tmp_path / "pipe", "is not a file")
    refused(tmp_path, Path("/dev/zero"), "is not a file")
