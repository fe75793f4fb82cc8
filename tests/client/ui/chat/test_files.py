"""Files on the screen: sent and saved beside everything else, names that stay text and stay in the folder."""

from pathlib import Path

import pytest
from msgspec import structs
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient, a_file, raw_text
from textual.pilot import Pilot

from parlour_client.core.settings import Settings
from parlour_client.kit.errors import SetupError
from parlour_client.text.file_text import downloads_folder, size_words, typed_path, written_path
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.timeline.rows import FILE_GUTTER, FIRST_GUTTER, GUTTER, Setting, rows_of
from parlour_client.ui.input.completion import complete
from parlour_protocol.frames import bodies

HOSTILE = (
    "../../escaped",
    "/etc/passwd",
    "a/b\\c",
    ".bashrc",
    "..",
    "CON.txt",
    "x\x1b]0;gotcha\x07.txt",
    "invoice\u202efdp.exe",
    "\n# a heading",
    "~",
    "a" * 200,
)


def lies_well(above: Path, folder: Path, kept: Path) -> bool:
    """Tell whether one file was saved, in the folder and nowhere else, under a plain name."""
    (saved,) = [one for one in folder.iterdir() if one != kept]
    beside = {one.name for one in above.iterdir()} - {"crash.log", folder.name}
    return saved.read_bytes() == b"honey" and saved.name.isprintable() and saved.name[0] != "." and not beside


def in_lobby(client: FakeClient, name: str) -> None:
    """Let bob send a file of that name."""
    client.happen(LOBBY, BOB, bodies.Message(raw_text("look"), file=a_file(name, 12_345)))


async def enter(pilot: Pilot[None], line: str) -> None:
    """Write a line and send it; what it begins goes on (``settled`` would wait for it)."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    screen.pane.composer.put(line)
    screen.write()
    await pilot.press("enter")
    await pilot.pause()
    await pilot.pause()


async def test_a_file_is_sent_by_its_path(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """With a caption; how far it is stands above the composer until it is there."""
    path = tmp_path / "my honey.txt"
    path.write_bytes(b"honey")
    client.wire.clear()
    async with open_app(client, size=(100, 30)) as pilot:
        await lobby(pilot)
        await enter(pilot, f"/file {written_path(str(path))} the first")
        assert "sending 25 % of 4 bytes (Alt+X)" in screen_text(pilot)
        client.wire.set()
        await settled(pilot)
        assert ("send_file", LOBBY, path, "the first") in client.calls
        text = screen_text(pilot)
        assert "sending" not in text
        assert "╞ file 5 bytes  my honey.txt" in text


@pytest.mark.parametrize("width", [100, 64, 48])
async def test_the_key_that_cancels_is_named_wherever_it_fits(
    client: FakeClient, open_app: OpenApp, tmp_path: Path, width: int
) -> None:
    """Before the account and the keys of what is counted; there is a lot in the row."""
    path = tmp_path / "honey.txt"
    path.write_bytes(b"honey")
    client.say(GARDEN, BOB, f"@{client.account.user} hello")
    client.wire.clear()
    async with open_app(client, size=(width, 24)) as pilot:
        await lobby(pilot)
        await enter(pilot, f"/file {path}")
        assert "sending 25 % of 4 bytes (Alt+X)" in screen_text(pilot)
        client.wire.set()
        await settled(pilot)


async def test_a_file_can_be_cancelled(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """By a key with an id of its own; only one is on its way at a time."""
    path = tmp_path / "honey.txt"
    path.write_bytes(b"honey")
    client.wire.clear()
    async with open_app(client) as pilot:
        await lobby(pilot)
        await enter(pilot, f"/file {path}")
        await enter(pilot, f"/file {path}")
        assert "Another file is still being transferred." in screen_text(pilot)
        assert len([call for call in client.calls if call[0] == "send_file"]) == 1
        await pilot.press("alt+x")
        await settled(pilot)
        text = screen_text(pilot)
        assert "Transfer cancelled" in text
        assert "╞ file" not in text


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_name_is_text_and_stays_in_the_folder(
    client: FakeClient, open_app: OpenApp, tmp_path: Path, name: str
) -> None:
    """F saves without a question into the downloads, and says where; what lies there stays as it is."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    kept = folder / "escaped"
    kept.write_text("mine")
    in_lobby(client, name)
    async with open_app(client, size=(100, 30)) as pilot:
        await lobby(pilot)
        pilot.app.settings = structs.replace(pilot.app.settings, downloads=str(folder))  # type: ignore[attr-defined]
        await pilot.press("alt+up", "f")
        await settled(pilot, 3)
        text = screen_text(pilot)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "╞ file 12.3 kB  " in text
    rows = rows_of(client.logs[LOBBY][-1], Setting(29, client.account.user))
    marks = (FIRST_GUTTER, GUTTER, FILE_GUTTER, "· ", "  ")
    assert all(row[0].text.startswith(marks) for row in rows[1:])
    assert "Saved: " in text
    assert kept.read_text() == "mine"
    assert lies_well(tmp_path, folder, kept)


async def test_a_message_without_a_file_says_so(client: FakeClient, open_app: OpenApp) -> None:
    """Nothing is asked of the client."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("alt+up", "f")
        await settled(pilot)
        assert "That message has no file." in screen_text(pilot)
    assert not [call for call in client.calls if call[0] == "save_file"]


def test_paths_are_completed(tmp_path: Path) -> None:
    """With their spaces escaped, hidden ones after a dot alone, and none that a terminal would obey."""
    for name in ("my honey.txt", "my bees", ".hidden", "my\x1b[2J.txt"):
        (tmp_path / name).touch()
    (tmp_path / "my folder").mkdir()
    offered = [one.insert for one in complete(f"/file {tmp_path}/my\\ ", {}, ()).offers]
    assert offered == [f"{tmp_path}/my\\ {name}" for name in ("bees", "folder/", "honey.txt")]
    assert len(complete(f"/file {tmp_path}/", {}, ()).offers) == 3
    assert [one.insert for one in complete(f"/file {tmp_path}/.h", {}, ()).offers] == [f"{tmp_path}/.hidden"]
    assert not complete("/file /nowhere/x", {}, ()).offers


@pytest.mark.parametrize(
    ("rest", "path", "caption"),
    [
        ("a.txt", "a.txt", ""),
        ("a.txt  the first ", "a.txt", "the first"),
        ("my\\ a.txt the first", "my a.txt", "the first"),
        ('"my a.txt" the first', "my a.txt", "the first"),
        ("'it\\s'", "it\\s", ""),
        ("end\\", "end\\", ""),
    ],
)
def test_a_path_is_read_as_it_is_typed(rest: str, path: str, caption: str) -> None:
    """Spaces by a backslash or quotation marks; the rest is the caption."""
    assert typed_path(rest) == (Path(path), caption)


@pytest.mark.parametrize("path", ["a b\\c", "\\", "a  b"])
def test_a_written_path_is_read_back(path: str) -> None:
    """Escaping loses nothing."""
    assert typed_path(written_path(path))[0] == Path(path)


def test_downloads_are_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person's own, or what the setting says; a setting that names none is told."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert downloads_folder(Settings()) == tmp_path
    (tmp_path / "Downloads").mkdir()
    assert downloads_folder(Settings()) == tmp_path / "Downloads"
    with pytest.raises(SetupError):
        downloads_folder(Settings(downloads=str(tmp_path / "nothing")))


@pytest.mark.parametrize(("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1_500_000, "1.5 MB")])
def test_sizes_are_said(size: int, words: str) -> None:
    """As a person says them."""
    assert size_words(size) == words
