"""A backup holds everything, is private, and restores into a new folder alone."""

import io
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from parlour_protocol.ids import new_file_id
from parlour_server.delivery.shelf import Shelf
from parlour_server.errors import SetupError
from parlour_server.setup.backup import read_backup, write_backup
from parlour_server.setup.datafolder import DataFolder
from parlour_server.store.interface import Store


async def test_a_backup_of_a_running_server_restores_to_the_same(
    store: Store, folder: DataFolder, tmp_path: Path
) -> None:
    """Keys, configuration and rows are there again."""
    rows = len(await store.accounts.list())
    shelf = Shelf(folder.files)
    shelf.open()
    kept = new_file_id()
    (folder.files / kept).write_bytes(b"sealed")
    (folder.files / f"{new_file_id()}.part").write_bytes(b"half")
    write_backup(folder, tmp_path / "all.tar")
    again = DataFolder(tmp_path / "again")
    read_backup(again, tmp_path / "all.tar")
    again.require()
    for file in ("parlour.toml", "ca.pem", "ca.key", "server.pem", "server.key", "keylog.key"):
        assert (again.path / file).read_bytes() == (folder.path / file).read_bytes()
    assert [(path.name, path.read_bytes()) for path in again.files.iterdir()] == [(kept, b"sealed")]
    assert (again.files / kept).stat().st_mode & 0o777 == 0o600
    assert again.files.stat().st_mode & 0o777 == 0o700
    with closing(sqlite3.connect(again.database)) as database:
        assert database.execute("SELECT count(*) FROM accounts").fetchone() == (rows,)


def test_a_backup_is_private_and_overwrites_nothing(folder: DataFolder, tmp_path: Path) -> None:
    """O2: keys are in it."""
    write_backup(folder, tmp_path / "all.tar")
    assert (tmp_path / "all.tar").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SetupError, match="not overwritten"):
        write_backup(folder, tmp_path / "all.tar")


def test_a_restore_into_a_folder_with_something_in_it_is_refused(folder: DataFolder, tmp_path: Path) -> None:
    """A running server's data must not be overwritten."""
    write_backup(folder, tmp_path / "all.tar")
    with pytest.raises(SetupError, match="not empty"):
        read_backup(folder, tmp_path / "all.tar")


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
    again = DataFolder(tmp_path / "again")
    with pytest.raises(SetupError, match="no backup"):
        read_backup(again, tmp_path / "evil.tar")
    assert list(again.path.iterdir()) == []


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    """A sentence with the file's name."""
    (tmp_path / "x.tar").write_bytes(b"nothing")
    with pytest.raises(SetupError, match="cannot read the backup"):
        read_backup(DataFolder(tmp_path / "again"), tmp_path / "x.tar")
