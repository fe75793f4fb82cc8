"""O2 (file rights): the data folder is private, and what is not private is refused."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parlour_server.capabilities.diagnostics.examine import examine
from parlour_server.chat.program import CHAT
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.parents import CLOSED_BY
from parlour_server.core.private_file import write_private


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    """0700 whatever the umask says."""
    before = os.umask(0)
    try:
        folder = CHAT.folder(tmp_path / "a" / "data")
        folder.create()
        write_private(folder.settings, b"x")
    finally:
        os.umask(before)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.settings.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o710, 0o701, 0o777])
def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    """The sentence has the command that mends it."""
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(mode)
    with pytest.raises(SetupError, match=f"chmod 700 {path}"):
        CHAT.folder(path).create()


def test_a_folder_that_others_could_exchange_is_refused(folder: DataFolder) -> None:
    """O2: `run`, `init`, every command and `doctor` say so."""
    folder.path.parent.chmod(0o777)
    with pytest.raises(SetupError, match=r"others can write to the folder .*chmod go-w"):
        folder.require()
    with pytest.raises(SetupError, match="others can write"):
        folder.create()


def test_a_folder_that_was_not_filled_to_the_end_is_no_servers(folder: DataFolder) -> None:
    """What fills a folder puts a file there first: nothing starts on what it left, or adds to it."""
    write_private(folder.unfinished, b"")
    for work in (folder.require, folder.create):
        with pytest.raises(SetupError, match="has not finished"):
            work()


def test_no_folder_is_made_in_one_of_copies(tmp_path: Path) -> None:
    """What removes or copies those would meet the server."""
    file, inner = CLOSED_BY
    (tmp_path / file).touch()
    CHAT.folder(tmp_path / "beside").create()
    (tmp_path / inner).mkdir()
    for place in (tmp_path, tmp_path / inner / "a" / "data"):
        with pytest.raises(SetupError, match="choose a place outside of it"):
            CHAT.folder(place).create()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
@pytest.mark.parametrize("file", ["server.key", "parlour.db", "ca.key", "parlour.toml"])
def test_a_file_that_others_can_read_is_refused(folder: DataFolder, file: str, mode: int) -> None:
    """Someone may have read the key already."""
    (folder.path / file).chmod(mode)
    with pytest.raises(SetupError, match=rf"chmod 600 .*{file}"):
        folder.require()


def test_a_link_to_a_file_that_others_can_read_is_refused(folder: DataFolder, tmp_path: Path) -> None:
    """A link is as private as what it points to."""
    outside = tmp_path / "outside.key"
    outside.write_bytes(b"x")
    outside.chmod(0o644)
    folder.key.unlink()
    folder.key.symlink_to(outside)
    with pytest.raises(SetupError, match=r"server\.key"):
        folder.require()


def test_a_linked_certificate_may_be_read_by_others_and_its_key_may_not(
    folder: DataFolder, tmp_path: Path
) -> None:
    """Certbot's `live/` links to a certificate of mode 0644 and a key of mode 0600."""
    live = tmp_path / "live"
    live.mkdir()
    for path, name, mode in (
        (folder.certificate, "fullchain1.pem", 0o644),
        (folder.key, "privkey1.pem", 0o600),
    ):
        path.rename(live / name)
        (live / name).chmod(mode)
        path.symlink_to(live / name)
    folder.require()
    (live / "fullchain1.pem").chmod(0o664)
    with pytest.raises(SetupError, match=r"other users can write to .*fullchain1\.pem"):
        folder.require()
    (live / "fullchain1.pem").chmod(0o644)
    (live / "privkey1.pem").chmod(0o640)
    with pytest.raises(SetupError, match=r"other users can access .*server\.key"):
        folder.require()


def test_a_link_whose_target_others_could_exchange_is_refused(folder: DataFolder, tmp_path: Path) -> None:
    """O2: the folder of the target counts, not only the one of the link."""
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    folder.key.rename(open_to_all / "privkey.pem")
    folder.key.symlink_to(open_to_all / "privkey.pem")
    folder.require()
    open_to_all.chmod(0o777)
    with pytest.raises(SetupError, match=r"others can write to the folder .*open.*server\.key is not safe"):
        folder.require()


def test_a_link_to_nothing_is_named(folder: DataFolder, tmp_path: Path) -> None:
    """The sentence has the link and its target, and no new key is made in its place."""
    folder.key.rename(tmp_path / "moved.pem")
    folder.key.symlink_to(tmp_path / "gone.pem")
    with pytest.raises(SetupError, match=r"server\.key is a link to .*gone\.pem, which is missing"):
        folder.require()


def test_a_file_that_goes_while_the_folder_is_looked_at_is_no_problem(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running server writes its notes beside their names first, and gives them those."""
    files = [*folder.path.iterdir(), folder.path / "online.json.new"]
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(files))
    assert folder.problems() == []


def test_a_folder_that_was_not_initialised_is_refused(tmp_path: Path) -> None:
    """The sentence says that `init` is missing."""
    with pytest.raises(SetupError, match="parlour-server init"):
        CHAT.folder(tmp_path / "none").require()
    (tmp_path / "empty").mkdir(mode=0o700)
    with pytest.raises(SetupError, match="parlour-server init"):
        CHAT.folder(tmp_path / "empty").require()


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """No half file, and a sentence with the reason."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(SetupError, match="cannot write"):
        write_private(tmp_path / "taken", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_another_folder_is_left_as_it_is(tmp_path: Path) -> None:
    """A system's folder that was named by mistake: no advice to close it to others, which breaks things."""
    (tmp_path / "passwd").write_text("root")
    (tmp_path / "passwd").chmod(0o644)
    tmp_path.chmod(0o755)
    sentences = CHAT.folder(tmp_path).problems()
    assert [("is not a data folder" in one, "chmod" in one) for one in sentences] == [(True, False)]
    (tmp_path / "parlour.toml").touch(mode=0o600)
    assert any("chmod 700" in one for one in CHAT.folder(tmp_path).problems())


def test_the_folder_of_another_user_is_theirs(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator who runs a command as root is told whose it is, and not to take it from them."""
    owner = pwd.getpwuid(folder.path.stat().st_uid).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    mine = next(one for one in folder.problems() if one.startswith(f"{folder.path} "))
    assert f"run this as that user: `sudo -u {owner} …`" in mine
    assert "chown" not in mine


@pytest.mark.parametrize("locked", ["the folder", "the database"])
def test_doctor_says_that_a_folder_cannot_be_written(folder: DataFolder, locked: str) -> None:
    """A disk that is mounted read-only, or another owner: the server would store nothing."""
    where = Path(tempfile.mkdtemp(prefix="parlour-locked-"))  # where another user may go, too
    path = where / "data"
    try:
        where.chmod(0o755)
        shutil.copytree(folder.path, path)
        path.chmod(0o700)
        moved = CHAT.folder(path)
        (path if locked == "the folder" else moved.database).chmod(0o500 if locked == "the folder" else 0o400)
        with _somebody(path):
            findings, _ = examine(CHAT, moved)
        texts = [one.text for one in findings if (one.level, one.about) == ("danger", "files")]
        [text] = [text for text in texts if "can't be written" in text]
        assert text.startswith(f"{path if locked == 'the folder' else moved.database} can't be written")
    finally:
        path.chmod(0o700)
        shutil.rmtree(where)
    findings, _ = examine(CHAT, folder)
    assert not [one for one in findings if "can't be written" in one.text]


def test_doctor_as_root_sees_that_the_owner_cannot_write(folder: DataFolder) -> None:
    """The system says to root that everything can be written."""
    folder.path.chmod(0o500)
    try:
        findings, _ = examine(CHAT, folder)
    finally:
        folder.path.chmod(0o700)
    assert [
        one for one in findings if one.level == "danger" and f"{folder.path} can't be written" in one.text
    ]


@contextmanager
def _somebody(path: Path) -> Iterator[None]:
    """Own what is there and be a user who may not do everything, as root may."""
    if os.geteuid() != 0:
        yield
        return
    for one in (path, *path.rglob("*")):
        os.chown(one, 65534, 65534, follow_symlinks=False)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
