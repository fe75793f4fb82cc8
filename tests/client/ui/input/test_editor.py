"""The person's own editor: a private file, no shell, and nothing left behind."""

import asyncio
import json
import os
import stat
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.pseudo_terminal import Terminal
from tests.client.ui.ui_fake import ALICE, GARDEN, LOBBY, FakeClient

from parlour_client.core.events import RoomForgotten
from parlour_client.kit.errors import SetupError
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat import composer_controller
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.input import editor
from parlour_client.ui.input.editor import command_of, edit, in_memory

EDITOR = """
import json, os, sys
path = sys.argv[-1]
seen = {"text": open(path).read(), "file": os.stat(path).st_mode & 0o777,
        "folder": os.stat(os.path.dirname(path)).st_mode & 0o777, "beside": os.listdir(os.path.dirname(path))}
open(path + "~", "w").write("a backup")
open(sys.argv[1], "w").write(json.dumps(seen))
open(path, "w").write(seen["text"] + " and more\\n")
sys.exit(int(sys.argv[2]))
"""


class Lent:
    """An editor that a test opens and closes."""

    def __init__(self) -> None:
        self.here, self.done = asyncio.Event(), asyncio.Event()
        self.got = self.gives = ""


def command(folder: Path, status: int = 0) -> list[str]:
    """Return a program that edits, and says what it saw in `seen`."""
    (folder / "editor.py").write_text(EDITOR)
    return [sys.executable, str(folder / "editor.py"), str(folder / "seen"), str(status)]


def left_behind(folder: Path) -> list[Path]:
    """Return what the editor's folder would be."""
    return list(folder.glob("parlour-*"))


def seen_in(folder: Path) -> dict[str, object]:
    """Return what the editor saw."""
    found: dict[str, object] = json.loads((folder / "seen").read_text())
    return found


async def test_the_text_is_edited_in_a_private_file_that_goes(tmp_path: Path) -> None:
    """0600 in 0700, and its folder goes with what the editor left beside it."""
    assert await edit(command(tmp_path), "a message", tmp_path) == "a message and more"
    seen = seen_in(tmp_path)
    assert seen["text"] == "a message"
    assert seen["file"] == stat.S_IRUSR | stat.S_IWUSR
    assert seen["folder"] == stat.S_IRWXU
    assert not left_behind(tmp_path)


async def test_an_editor_that_fails_changes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    """The person is told, and the text is as it was."""
    with pytest.raises(SetupError):
        await edit(command(tmp_path, status=1), "a message", tmp_path)
    assert seen_in(tmp_path)["text"] == "a message"
    assert not left_behind(tmp_path)
    with pytest.raises(SetupError, match="could not be started"):
        await edit(["/nonexistent/editor"], "", tmp_path)
    assert not left_behind(tmp_path)


async def test_a_huge_text_is_not_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that grew by mistake does not fill the memory."""
    monkeypatch.setattr(editor, "MOST_BYTES", 10)
    with pytest.raises(SetupError, match="more than 10 bytes"):
        await edit(command(tmp_path), "a message", tmp_path)


def test_the_command_is_words_and_no_shell() -> None:
    """The setting, VISUAL, EDITOR; split like a shell does, run by none."""
    assert command_of("", {"EDITOR": "nano"}) == ["nano"]
    assert command_of("", {"EDITOR": "nano", "VISUAL": "vim -u 'my rc'"}) == ["vim", "-u", "my rc"]
    assert command_of("ed; rm -rf /", {"EDITOR": "nano"}) == ["ed;", "rm", "-rf", "/"]
    for setting in ("", "'unclosed"):
        with pytest.raises(SetupError):
            command_of(setting, {})


def test_the_file_lies_in_memory_where_it_can(tmp_path: Path) -> None:
    """The session's runtime folder is one."""
    assert in_memory({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path
    assert in_memory({"XDG_RUNTIME_DIR": str(tmp_path / "none")}) is None
    assert in_memory({}) is None


async def test_a_missing_terminal_for_the_editor_is_reported(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text stays; the same for a missing editor."""
    monkeypatch.setattr(os, "environ", {})
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press(*"text", "f5")
        await settled(pilot)
        assert screen.pane.composer.text == "text"
        assert "No editor is set." in screen_text(pilot)
        monkeypatch.setattr(os, "environ", {"EDITOR": "true"})
        await pilot.press("f5")
        await settled(pilot)
        assert "cannot be opened" in screen_text(pilot)
        assert screen.pane.composer.text == "text"


async def test_while_the_editor_has_the_terminal_nothing_rings(client: FakeClient) -> None:
    """A bell or a notification would be typed into the middle of the editor's screen."""
    app = ParlourApp(client)
    written: list[str] = []

    class Driver:
        """Keeps what is written."""

        is_headless = False

        @staticmethod
        def write(data: str) -> None:
            written.append(data)

    app._driver = Driver()  # type: ignore[assignment]
    app.away = True
    app.to_terminal("x")
    app.bell()
    assert not written
    app.away = False
    app.to_terminal("x")
    assert written == ["x"]


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> Lent:
    """Return an editor that a test is: it gets the text, and says what becomes of it."""
    editor = Lent()

    async def edit(_command: list[str], text: str, _under: Path | None) -> str:
        editor.got = text
        editor.here.set()
        await editor.done.wait()
        return editor.gives

    monkeypatch.setattr(composer_controller, "edit", edit)
    monkeypatch.setattr(ParlourApp, "suspend", lambda _: nullcontext())
    monkeypatch.setattr(os, "environ", {"EDITOR": "true"})
    return editor


async def test_the_text_comes_back_to_the_room_where_it_was_begun(
    client: FakeClient, open_app: OpenApp, lent: Lent
) -> None:
    """The room is lost while the editor is open: the text waits there, and is in no other room."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        await pilot.press(*"begun", "f5")
        await lent.here.wait()
        client.remove_room(GARDEN)
        screen.pane.view.rooms_changed_soon()
        screen.pane.view.rooms_changed()
        await pilot.pause()
        assert screen.pane.current.id == GARDEN
        lent.gives = "begun and done"
        lent.done.set()
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert screen.pane.composer.text == "begun and done"
        await pilot.press("enter")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "send"]
    assert client.drafts[GARDEN] == "begun and done"


async def test_the_text_comes_back_as_the_edit_that_it_was(
    client: FakeClient, open_app: OpenApp, lent: Lent
) -> None:
    """Also when old messages are forgotten meanwhile; what was refused meanwhile stands before it."""
    seq = client.say(LOBBY, ALICE, "a tpyo").seq
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("alt+up", "e", "f5")
        await lent.here.wait()
        client.tell(RoomForgotten(LOBBY))
        await pilot.pause()
        screen.pane.composer.bring_back("refused")
        lent.gives = "a typo"
        lent.done.set()
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert lent.got == "a tpyo"
        assert ("edit", LOBBY, seq, "refused\na typo") in client.calls


async def test_no_editor_opens_before_the_draft_is_there(
    client: FakeClient, open_app: OpenApp, lent: Lent
) -> None:
    """A room is just being opened: what the editor gave back would take its draft away."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.composing.drafts.leave("", GARDEN)
        await pilot.press("f5")
        await settled(pilot)
        assert not lent.here.is_set()


LENT = """
import os, pathlib, signal, sys, time
print("EDITOR HERE", flush=True)
sys.stdin.readline()
os.kill(os.getppid(), signal.SIGUSR1)
while not pathlib.Path(sys.argv[1], "told").exists():
    time.sleep(0.02)
open(sys.argv[-1], "a").write("from the editor")
print("EDITOR DONE", flush=True)
"""
SCRIPT = Path(__file__).parents[1] / "in_terminal.py"


def test_a_real_terminal_is_lent_and_taken_back(tmp_path: Path) -> None:
    """The editor has the normal screen to itself, then the client draws again with the new text."""
    (tmp_path / "lent.py").write_text(LENT)
    (tmp_path / "texts.json").write_text('["hello"]')
    environment = {
        "VISUAL": f"{sys.executable} {tmp_path / 'lent.py'} {tmp_path}",
        "XDG_RUNTIME_DIR": str(tmp_path),
    }
    terminal = Terminal(SCRIPT, str(tmp_path / "texts.json"), columns=80, rows=24, env=environment)
    terminal.read_until(b"END OF ALL")
    terminal.press(b"begun, ")
    terminal.press(b"\x1b[15~")  # F5
    terminal.read_until(b"EDITOR HERE")
    terminal.press(b"\r")
    terminal.read_until(b"EDITOR DONE")
    done = terminal.output.index(b"EDITOR DONE")
    terminal.read_until(b"from the editor", after=done)
    terminal.read_until(b"SAID MEANWHILE")
    assert terminal.finish() == 0
    lent = terminal.output[terminal.output.rindex(b"\x1b[?1049l", 0, done) : done]
    assert b"EDITOR HERE" in lent
    assert b"MEANWHILE" not in lent  # nothing of the chat was drawn
    assert b"SAID MEANWHILE" in terminal.output[done:]
    assert b"\x1b[?1049h" in terminal.output[done:]
    assert not left_behind(tmp_path)
