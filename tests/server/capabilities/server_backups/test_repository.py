"""A folder of backups: each adds what has changed, every one restores, and no damage goes unseen."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import msgspec
import pytest

from parlour_protocol.ids import new_file_id
from parlour_server.capabilities.server_backups import repository
from parlour_server.capabilities.server_backups.archive import write_archive
from parlour_server.capabilities.server_backups.open_folder import OpenFolder
from parlour_server.capabilities.server_backups.repository import BLOCK, Repository
from parlour_server.capabilities.server_backups.restore import opened_backup, restore, verify
from parlour_server.chat.capabilities.file_sharing.blob_store import BlobStore
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.chat.program import CHAT
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.folder_lock import hold


@pytest.fixture
def kept(folder: DataFolder, tmp_path: Path) -> Repository:
    """Return a folder of backups that is not there yet."""
    BlobStore(files_of(folder)).open()
    return Repository(folder, tmp_path / "backups")


def write(folder: DataFolder, text: str, rows: int = 1) -> None:
    """Change the database: entries of a table that grows."""
    with closing(sqlite3.connect(folder.database)) as db, db:
        db.execute("CREATE TABLE IF NOT EXISTS later (text TEXT)")
        db.executemany("INSERT INTO later VALUES (?)", [(text,)] * rows)


def texts(database: Path) -> list[str]:
    """Return what was written."""
    with closing(sqlite3.connect(database)) as db:
        return [text for (text,) in db.execute("SELECT DISTINCT text FROM later ORDER BY text")]


def restored(kept: Repository, place: Path, name: str | None = None) -> DataFolder:
    """Restore a backup into a new folder."""
    again = CHAT.folder(place)
    with opened_backup(again, kept.path, name) as backup:
        restore(CHAT.schema, again, backup)
    again.require()
    return again


def test_every_backup_restores_to_its_time(kept: Repository, folder: DataFolder, tmp_path: Path) -> None:
    """Also after the database grew and shrank, and files came and went."""
    files, made, there = [], [], []
    for number in range(5):
        write(folder, f"text {number}", rows=200 if number < 3 else 1)
        if number == 3:
            with closing(sqlite3.connect(folder.database)) as db:
                db.execute("DELETE FROM later WHERE text < 'text 2'")
                db.commit()
                db.execute("VACUUM")
        files.append(new_file_id())
        (files_of(folder) / files[-1]).write_bytes(b"sealed %d" % number)
        if number == 4:
            (files_of(folder) / files[0]).unlink()
        made.append(kept.add(CHAT.schema, folder)[0])
        there.append((texts(folder.database), {path.name for path in files_of(folder).glob("?" * 22)}))
    assert [one.since for one in made] == [None, *(one.name for one in made[:-1])]
    assert kept.backups() == made
    assert kept.verify() == 5
    for one, (wanted, names) in zip(made, there, strict=True):
        again = restored(kept, tmp_path / one.name, one.name)
        assert texts(again.database) == wanted
        assert {path.name for path in files_of(again).iterdir()} == names
        assert again.key.read_bytes() == folder.key.read_bytes()
        assert one.files == len(names)
    newest = restored(kept, tmp_path / "newest")
    assert texts(newest.database) == there[-1][0]


def test_a_backup_adds_only_what_has_changed(kept: Repository, folder: DataFolder) -> None:
    """A few blocks of a large database, and no file a second time."""
    write(folder, "x" * 1000, rows=2000)
    (files_of(folder) / new_file_id()).write_bytes(b"s" * 100_000)
    whole, _ = kept.add(CHAT.schema, folder)
    stored = {path: path.stat().st_mtime_ns for path in (kept.path / "files").iterdir()}
    write(folder, "one more")
    changed, _ = kept.add(CHAT.schema, folder)
    assert whole.stored == whole.database > 2_000_000
    assert 0 < changed.stored < 10 * BLOCK
    assert {path: path.stat().st_mtime_ns for path in (kept.path / "files").iterdir()} == stored
    assert kept.add(CHAT.schema, folder)[0].stored == 0


def test_it_is_private(kept: Repository, folder: DataFolder) -> None:
    """O2: keys are in it, so no one else may look inside, whatever the umask is."""
    before = os.umask(0)
    try:
        (files_of(folder) / new_file_id()).write_bytes(b"sealed")
        kept.add(CHAT.schema, folder)
    finally:
        os.umask(before)
    for path in (kept.path, *kept.path.rglob("*")):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path


def test_a_whole_database_comes_again(
    kept: Repository, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some backups, after large changes, and when it can't be told what has changed."""
    monkeypatch.setattr(repository, "_CHAIN", 2)
    write(folder, "a")
    assert [kept.add(CHAT.schema, folder)[0].since is None for _ in range(5)] == [
        True, False, False, True, False,
    ]  # fmt: skip
    (kept.path / "blocks").write_bytes(b"of something else\n")
    assert kept.add(CHAT.schema, folder)[0].since is None
    with closing(sqlite3.connect(folder.database)) as db:
        db.execute("PRAGMA page_size = 8192")
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("VACUUM")
    changed, _ = kept.add(CHAT.schema, folder)
    assert changed.stored > changed.database // 2
    write(folder, "b", rows=100)
    kept.add(CHAT.schema, folder)
    kept.verify()


def test_pruning_keeps_what_the_kept_ones_need(
    kept: Repository, folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backups before the last whole one go, with the files that only they had."""
    monkeypatch.setattr(repository, "_CHAIN", 2)
    gone, stays = new_file_id(), new_file_id()
    (files_of(folder) / gone).write_bytes(b"gone")
    names = [kept.add(CHAT.schema, folder)[0].name for _ in range(3)]
    (files_of(folder) / gone).unlink()
    (files_of(folder) / stays).write_bytes(b"stays")
    write(folder, "later")
    names += [kept.add(CHAT.schema, folder)[0].name for _ in range(2)]
    assert kept.prune(keep=9).backups == []
    pruned = kept.prune(keep=1)  # it starts from the one before
    assert (pruned.backups, pruned.files) == (names[:3], 1)
    assert [one.name for one in kept.backups()] == names[3:]
    assert {path.name for path in (kept.path / "files").iterdir()} == {stays}
    assert kept.verify() == 2
    assert texts(restored(kept, tmp_path / "again").database) == ["later"]


def test_a_backup_that_broke_off_is_not_there(
    kept: Repository, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier ones stay as they were, and the next one is made."""
    first, _ = kept.add(CHAT.schema, folder)
    write(folder, "lost")
    with monkeypatch.context() as broken:
        broken.setattr(OpenFolder, "sync", lambda _folder: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            kept.add(CHAT.schema, folder)
    assert kept.backups() == [first]
    second, _ = kept.add(CHAT.schema, folder)
    assert kept.backups() == [first, second]
    assert kept.verify() == 2


def test_digests_of_another_backup_are_not_believed(
    kept: Repository, folder: DataFolder, tmp_path: Path
) -> None:
    """A crash between a backup and its digests: the next one has the whole database."""
    write(folder, "a", rows=100)
    kept.add(CHAT.schema, folder)
    digests = (kept.path / "blocks").read_bytes()
    for text in ("b", "a"):  # back to what the old digests are of
        with closing(sqlite3.connect(folder.database)) as db, db:
            db.execute("UPDATE later SET text = ?", (text,))
        if text == "b":
            made, _ = kept.add(CHAT.schema, folder)
            first, _, rest = digests.partition(b"\n")
            assert len(first) == len(made.name)
            (kept.path / "blocks").write_bytes(first + b"\n" + rest)
    assert kept.add(CHAT.schema, folder)[0].since is None
    assert texts(restored(kept, tmp_path / "again").database) == ["a"]


def test_a_damaged_backup_keeps_no_other_from_being_made(kept: Repository, folder: DataFolder) -> None:
    """The next one has everything again, and restores."""
    (files_of(folder) / new_file_id()).write_bytes(b"sealed")
    first, _ = kept.add(CHAT.schema, folder)
    (kept.path / "backups" / first.name / "manifest.json").write_bytes(b"{}")
    second, _ = kept.add(CHAT.schema, folder)
    assert (second.since, second.files) == (None, 1)
    with kept.opened() as newest:
        assert newest.place.name == second.name
        verify(newest)


def test_one_at_a_time(kept: Repository, folder: DataFolder, tmp_path: Path) -> None:
    """Two timers, or one that prunes while another reads, do not mix."""
    kept.add(CHAT.schema, folder)
    with hold(kept.path, busy="", shared=True):
        assert kept.verify() == 1
        with pytest.raises(SetupError, match="in use"):
            kept.add(CHAT.schema, folder)
        with pytest.raises(SetupError, match="in use"):
            kept.prune(keep=1)
    with hold(kept.path, busy=""), pytest.raises(SetupError, match="is being made"):
        restored(kept, tmp_path / "again")


def files(kept: Repository) -> Iterator[Path]:
    """Return every file that a backup needs."""
    yield from (path for path in kept.path.rglob("*") if path.is_file() and path.name != "blocks")


@pytest.mark.parametrize("how", ["changed", "cut", "longer", "gone", "link"])
def test_damage_anywhere_is_found(kept: Repository, folder: DataFolder, tmp_path: Path, how: str) -> None:
    """By `verify`; and a restore of what is damaged is refused and leaves nothing."""
    write(folder, "a", rows=100)
    (files_of(folder) / new_file_id()).write_bytes(b"sealed")
    kept.add(CHAT.schema, folder)
    write(folder, "b", rows=100)
    kept.add(CHAT.schema, folder)
    whole = shutil.copytree(kept.path, tmp_path / "whole")
    for path in list(files(kept)):
        data = path.read_bytes()
        if how == "changed":
            middle = len(data) // 2
            path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        elif how == "cut":
            path.write_bytes(data[:-2])
        elif how == "longer":
            path.write_bytes(data + b"xx")
        else:
            path.unlink()
        if how == "link":
            path.symlink_to(whole / path.relative_to(kept.path))
        if how == "link" and path.name == "format.json":
            path.unlink()  # it names the program, wherever it lies
        with pytest.raises(SetupError):
            kept.verify()
        path.unlink(missing_ok=True)
        shutil.copy2(whole / path.relative_to(kept.path), path)
    assert kept.verify() == 2


def test_damage_of_what_only_an_old_backup_has_is_found(kept: Repository, folder: DataFolder) -> None:
    """By `verify`: the newest one can be put together without it."""
    first, _ = kept.add(CHAT.schema, folder)
    (kept.path / "blocks").unlink()  # so the next one has the whole database
    kept.add(CHAT.schema, folder)
    path = kept.path / "backups" / first.name / "database"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(SetupError, match="database is damaged"):
        kept.verify()


def forged(kept: Repository, change: Callable[[dict[str, object]], None]) -> None:
    """Write the newest backup's manifest again, with its digest, as someone who can write there would."""
    path = kept.path / "backups" / kept.backups()[-1].name / "manifest.json"
    manifest = msgspec.json.decode(path.read_bytes().split(b"\n")[0])
    change(manifest)
    data = msgspec.json.encode(manifest)
    path.write_bytes(b"%b\n%b\n" % (data, repository.hashlib.sha256(data).hexdigest().encode()))


def _member(name: str, size: int) -> Callable[[dict[str, object]], None]:
    return lambda manifest: manifest["members"].update({name: {"size": size, "sha256": "0" * 64}})  # type: ignore[attr-defined]


def _stored(size: int) -> Callable[[dict[str, object]], None]:
    return lambda manifest: manifest["stored"].update(size=size)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_member("../outside", 1), "is in it"),
        (_member("files/../../x", 1), "is in it"),
        (_member("manifest.json", 1), "is in it"),
        (_member("server.key", 2**33), "too large"),
        (_member("server.key", -1), "too large"),
        (_member(f"files/{new_file_id()}", 2**40), "too large"),
        (_member("parlour.db", 2**60), "more than the disk that it is on can hold"),
        (_stored(10**9), "stored more than the database"),
        (lambda manifest: manifest.update(since="../../etc"), "starts from"),
        (lambda manifest: manifest.update(since="9999-01-01T00-00-00.000Z"), "starts from"),
        (lambda manifest: manifest.update(since="2000-01-01T00-00-00.000Z"), "is gone"),
        (lambda manifest: manifest.update(members={}), "contains no database"),
        (lambda manifest: manifest.update(format=2), "cannot be read"),
    ],
)
def test_a_hostile_manifest_is_refused(
    kept: Repository,
    folder: DataFolder,
    tmp_path: Path,
    change: Callable[[dict[str, object]], None],
    why: str,
) -> None:
    """L20: it cannot say where to write, nor fill the disk, and nothing stays."""
    kept.add(CHAT.schema, folder)
    forged(kept, change)
    again = CHAT.folder(tmp_path / "again")
    with pytest.raises(SetupError, match=why), opened_backup(again, kept.path) as backup:
        restore(CHAT.schema, again, backup)
    assert not again.path.exists() or list(again.path.iterdir()) == []


def test_backups_that_start_from_each_other_are_refused(kept: Repository, folder: DataFolder) -> None:
    """L20: looking for the whole database ends."""
    first, _ = kept.add(CHAT.schema, folder)
    second, _ = kept.add(CHAT.schema, folder)
    assert second.since == first.name
    forged(kept, lambda manifest: manifest.update(since=second.name))
    with pytest.raises(SetupError, match="starts from"):
        kept.verify()


def test_a_manifest_is_read_only_so_far(
    kept: Repository, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L20: one without an end fills no memory."""
    kept.add(CHAT.schema, folder)
    monkeypatch.setattr(repository, "_LARGEST_MANIFEST", 100)
    with pytest.raises(SetupError, match="its manifest is too large"):
        kept.backups()


def test_what_is_no_folder_of_backups_is_refused(
    kept: Repository, folder: DataFolder, tmp_path: Path
) -> None:
    """Neither written to nor read: another folder, the data folder, another program's, an empty one."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(SetupError, match="has other files in it"):
        Repository(folder, tmp_path / "home").add(CHAT.schema, folder)
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["letter.txt"]
    with pytest.raises(SetupError, match="would be lost with it"):
        Repository(folder, folder.path / "backups").add(CHAT.schema, folder)
    (tmp_path / "link").symlink_to(folder.path)
    with pytest.raises(SetupError, match="would be lost with it"):
        Repository(folder, tmp_path / "link" / "backups").add(CHAT.schema, folder)
    with pytest.raises(SetupError, match="is not a backup"), opened_backup(folder, tmp_path / "home"):
        pass
    with pytest.raises(SetupError, match="there is no folder"):
        kept.backups()
    with pytest.raises(SetupError, match="is one file; name a folder of backups"):
        Repository(folder, tmp_path / "home" / "letter.txt").backups()
    busy = "a server runs"
    with hold(folder.path, busy=busy), pytest.raises(SetupError, match="is not a backup"):
        Repository(folder, folder.path).backups()  # not that a backup is being made, which its lock would say
    kept.add(CHAT.schema, folder)
    with pytest.raises(SetupError, match="has no backup"), opened_backup(folder, kept.path, "2000"):
        pass
    (kept.path / "format.json").write_bytes(b'{"format": 1, "program": "ticker"}')
    with pytest.raises(SetupError, match="are of 'ticker'"):
        kept.backups()


def test_what_does_not_fit_on_the_disk_is_not_restored(
    kept: Repository, folder: DataFolder, tmp_path: Path
) -> None:
    """In words, and before the disk is full."""
    kept.add(CHAT.schema, folder)
    disk = shutil.disk_usage(tmp_path)
    forged(kept, _member("parlour.db", disk.free + disk.used // 2))
    again = CHAT.folder(tmp_path / "again")
    with pytest.raises(SetupError, match="MiB free"), opened_backup(again, kept.path) as backup:
        restore(CHAT.schema, again, backup)


@pytest.mark.parametrize("which", ["files", "backups"])
def test_a_link_in_the_folder_leads_to_no_other(
    kept: Repository, folder: DataFolder, tmp_path: Path, which: str
) -> None:
    """Someone who can write to the folder can't have the server remove files of its own by pruning."""
    kept.add(CHAT.schema, folder)
    kept.add(CHAT.schema, folder)
    uploaded = folder.path / "files" / new_file_id()
    uploaded.write_bytes(b"of a person, and newer than the backups")
    (kept.path / which).rename(tmp_path / "aside")
    (kept.path / which).symlink_to(uploaded.parent if which == "files" else tmp_path / "aside")
    for act in (lambda: kept.prune(1), kept.verify, lambda: kept.add(CHAT.schema, folder)):
        with pytest.raises(SetupError, match=f"{which} in it is not a folder"):
            act()
    assert uploaded.exists()


@pytest.mark.parametrize("which", ["backups", "files"])
def test_a_folder_that_is_swapped_meanwhile_leads_to_no_other(
    kept: Repository, folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """Someone who writes there puts a link in its place after everything was checked: nothing follows it."""
    uploaded = files_of(folder) / new_file_id()
    uploaded.write_bytes(b"sealed")
    first, _ = kept.add(CHAT.schema, folder)
    uploaded.unlink()
    (kept.path / "blocks").unlink()  # the next one has the whole database, so the first can go
    kept.add(CHAT.schema, folder)
    place = kept.path / which
    other = shutil.copytree(place, tmp_path / "other")  # of the same names, as an attacker would have it
    (other / new_file_id()).write_bytes(b"of someone else")
    there = {path: path.stat().st_ino for path in other.rglob("*")}
    names = OpenFolder.names

    def swap(opened: OpenFolder) -> list[str]:
        found = names(opened)
        if not place.is_symlink():
            place.rename(tmp_path / "aside")
            place.symlink_to(other)
        return found

    monkeypatch.setattr(OpenFolder, "names", swap)
    assert kept.prune(1) == repository.Pruned([first.name], 1)
    assert place.is_symlink()
    assert {path: path.stat().st_ino for path in other.rglob("*")} == there


def test_a_backup_that_is_a_link_is_none(kept: Repository, folder: DataFolder, tmp_path: Path) -> None:
    """It is neither read nor removed."""
    first, _ = kept.add(CHAT.schema, folder)
    (kept.path / "blocks").unlink()
    kept.add(CHAT.schema, folder)
    (kept.path / "backups" / first.name).rename(tmp_path / "aside")
    (kept.path / "backups" / first.name).symlink_to(tmp_path / "aside")
    with pytest.raises(SetupError, match="is gone"):
        kept.verify()
    with pytest.raises(SetupError, match="cannot remove backups"):
        kept.prune(1)
    assert (tmp_path / "aside" / "manifest.json").exists()


def test_a_link_is_no_file_that_was_stored_before(
    kept: Repository, folder: DataFolder, tmp_path: Path
) -> None:
    """Not even to one of the same size: the next backup stores the file itself again."""
    uploaded = files_of(folder) / new_file_id()
    uploaded.write_bytes(b"sealed")
    kept.add(CHAT.schema, folder)
    stored = kept.path / "files" / uploaded.name
    stored.rename(tmp_path / "aside")
    stored.symlink_to(tmp_path / "aside")
    kept.add(CHAT.schema, folder)
    assert not stored.is_symlink()
    assert kept.verify() == 2


def test_a_changed_block_after_the_end_is_refused(kept: Repository, folder: DataFolder) -> None:
    """The numbers of blocks are those of the database."""
    write(folder, "x" * 1000, rows=2000)
    kept.add(CHAT.schema, folder)
    write(folder, "one more")
    made, _ = kept.add(CHAT.schema, folder)
    path = kept.path / "backups" / made.name / "changes"
    data = bytearray(path.read_bytes())
    data[-(4 + BLOCK) : -BLOCK] = (made.database // BLOCK).to_bytes(4)
    path.write_bytes(data)
    digest = repository.hashlib.sha256(data).hexdigest()
    forged(kept, lambda manifest: manifest.update(stored={"size": len(data), "sha256": digest}))
    with pytest.raises(SetupError, match="blocks that can't be in it"):
        kept.verify()


def test_changes_of_holes_are_refused_at_once(kept: Repository, folder: DataFolder) -> None:
    """Every number in them is 0: neither time nor memory grows with their length."""
    write(folder, "x" * 1000, rows=2000)
    kept.add(CHAT.schema, folder)
    write(folder, "one more")
    made, _ = kept.add(CHAT.schema, folder)
    path = kept.path / "backups" / made.name / "changes"
    size = made.database // BLOCK * (4 + BLOCK)
    path.write_bytes(b"")
    os.truncate(path, size)
    digest = repository.hashlib.sha256(path.read_bytes()).hexdigest()
    forged(kept, lambda manifest: manifest.update(stored={"size": size, "sha256": digest}))
    with pytest.raises(SetupError, match="blocks that can't be in it"):
        kept.verify()


@pytest.mark.parametrize("how", ["pipe", "endless"])
@pytest.mark.parametrize("which", ["blocks", "format.json"])
def test_what_never_ends_holds_up_nothing(kept: Repository, folder: DataFolder, which: str, how: str) -> None:
    """Nothing is waited for that someone put in place of a file; without digests a backup is whole."""
    kept.add(CHAT.schema, folder)
    (kept.path / which).unlink()
    if how == "pipe":
        os.mkfifo(kept.path / which)
    else:
        (kept.path / which).symlink_to("/dev/zero")
    if which == "format.json":
        with pytest.raises(SetupError, match=r"no valid format\.json"):
            kept.add(CHAT.schema, folder)
    else:
        assert kept.add(CHAT.schema, folder)[0].since is None


def test_a_pipe_is_no_file_whatever_is_in_it(kept: Repository, folder: DataFolder) -> None:
    """Who reads a device can cause more than reading."""
    kept.add(CHAT.schema, folder)
    right = (kept.path / "format.json").read_bytes()
    (kept.path / "format.json").unlink()
    os.mkfifo(kept.path / "format.json")
    pipe = os.open(kept.path / "format.json", os.O_RDWR)
    os.write(pipe, right)
    with pytest.raises(SetupError, match=r"no valid format\.json"):
        kept.backups()
    os.close(pipe)


def test_a_damaged_database_is_said(kept: Repository, folder: DataFolder, tmp_path: Path) -> None:
    """It is backed up as it is, and restored only on request."""
    with closing(sqlite3.connect(folder.database)) as database:
        database.execute("UPDATE entries SET body = x'00' WHERE seq = 1")
        database.commit()
    _, [sentence] = kept.add(CHAT.schema, folder)
    assert sentence.startswith("event 1 of room ")
    again = CHAT.folder(tmp_path / "again")
    with opened_backup(again, kept.path) as backup:
        verify(backup)
        with pytest.raises(SetupError, match="--accept-damage"):
            restore(CHAT.schema, again, backup)
        assert restore(CHAT.schema, again, backup, accept_damage=True) == [sentence]


def test_a_backup_of_changes_looks_for_damage_once_a_day(
    kept: Repository, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is most of what a backup costs; known damage is looked at, and said, each time."""
    now = datetime.now(UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return now.astimezone(tz)

    monkeypatch.setattr(repository, "datetime", Clock)
    looked: list[Path] = []
    look = type(CHAT.schema).damage
    monkeypatch.setattr(
        type(CHAT.schema), "damage", lambda schema, copy: looked.append(copy) or look(schema, copy)
    )
    checked = []
    for hours, text in ((0, "one"), (1, "two"), (22, "three"), (1, "four"), (1, "five")):
        now += timedelta(hours=hours)
        write(folder, text)
        made, damage = kept.add(CHAT.schema, folder)
        assert damage == []
        checked.append(made.is_checked)
    assert checked == [True, False, False, True, False]
    assert [one.is_checked for one in kept.backups()] == checked
    assert len(looked) == 2
    with closing(sqlite3.connect(folder.database)) as database:
        database.execute("UPDATE entries SET body = x'00' WHERE seq = 1")
        database.commit()
    now += timedelta(hours=23)
    for _ in range(3):
        now += timedelta(hours=1)
        made, damage = kept.add(CHAT.schema, folder)
        assert made.is_checked
        assert len(damage) == 1


@pytest.mark.parametrize(
    ("open_to_all", "mode", "refused"),
    [("backups", 0o777, True), ("backups", 0o1777, True), ("parent", 0o777, True), ("parent", 0o1777, False)],
)
def test_a_folder_that_others_can_write_to_gets_no_backup(
    folder: DataFolder, tmp_path: Path, open_to_all: str, mode: int, *, refused: bool
) -> None:
    """They could put another server's keys and database there, for the next restore; /tmp is sticky."""
    BlobStore(files_of(folder)).open()
    place = tmp_path / "shared" / "backups"
    place.mkdir(parents=True)
    which = place if open_to_all == "backups" else place.parent
    which.chmod(mode)
    made = (
        lambda: Repository(folder, place).add(CHAT.schema, folder),
        lambda: write_archive(CHAT.schema, folder, place / "all.tar"),
    )
    for make in made[:1] if open_to_all == "backups" and mode == 0o1777 else made:
        if refused:
            with pytest.raises(SetupError, match=f"others can write to the folder {which}; `chmod go-w"):
                make()
            assert list(place.iterdir()) == []
        else:
            make()
            break


def test_pruning_that_breaks_off_leaves_no_half_backup(
    kept: Repository, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was being removed is gone for everyone who looks, and the next one clears it away."""
    for name in ("one", "two"):
        write(folder, name)
        kept.add(CHAT.schema, folder)
    monkeypatch.setattr(repository, "_CHAIN", 0)  # so that the next has the whole database
    newest, _ = kept.add(CHAT.schema, folder)

    def interrupted(opened: OpenFolder, name: str) -> None:
        if name in opened.names():
            with opened.folder(name) as half:
                half.remove("manifest.json")
            raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(OpenFolder, "remove_folder", interrupted)
        with pytest.raises(KeyboardInterrupt):
            kept.prune(keep=1)
    assert len(kept.backups()) == 2
    assert kept.verify() == 2
    kept.prune(keep=1)
    assert kept.backups() == [newest]
    assert [path.name for path in (kept.path / "backups").iterdir()] == [newest.name]


def test_no_server_lies_in_a_folder_of_backups(
    kept: Repository, folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a restored one nor a new one, also by a link; beside it there may be one."""
    kept.add(CHAT.schema, folder)
    (tmp_path / "link").symlink_to(kept.path)
    monkeypatch.chdir(kept.path)
    for place in (kept.path / "again", tmp_path / "link" / "a" / "b", Path("again"), kept.path):
        with pytest.raises(SetupError, match="a folder of backups"):
            CHAT.folder(place).create()
        with pytest.raises(SetupError, match="a folder of backups"):
            restored(kept, place)
    assert sorted(path.name for path in kept.path.iterdir()) == ["backups", "blocks", "files", "format.json"]
    restored(kept, tmp_path / "again")


def test_what_a_killed_backup_left_in_the_folder_is_removed(kept: Repository, folder: DataFolder) -> None:
    """Its own files only: the folder is locked, so none is being written."""
    kept.add(CHAT.schema, folder)
    for name in (".blocks.0123abcd.unfinished", "files/.x.0123abcd.unfinished", "other"):
        (kept.path / name).write_bytes(b"half")
    kept.add(CHAT.schema, folder)
    assert (kept.path / "other").exists()
    assert not [path for path in kept.path.rglob("*") if path.name.endswith(".unfinished")]
