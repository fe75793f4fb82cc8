"""Files in the line mode: beside what is typed, with words for how far they are and where they lie."""

from pathlib import Path

import pytest
from tests.client.plain.ear import Ear
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient, a_file, raw_text

from parlour_client.core.settings import Settings
from parlour_protocol.frames import bodies


def names_in(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(one.name for one in folder.iterdir())


@pytest.fixture
async def ear(client: FakeClient, tmp_path: Path) -> Ear:
    """Return a person in the lobby, with a folder for downloads."""
    one = Ear(client, Settings(downloads=str(tmp_path)))
    await one.mode.start()
    await one.say("/go lobby")
    client.calls.clear()
    return one


async def test_a_file_is_sent_and_said(ear: Ear, tmp_path: Path) -> None:
    """With its path and caption; another one waits its turn."""
    path = tmp_path / "honey.txt"
    path.touch()
    ear.client.wire.clear()
    assert (await ear.say(f"/file {path} the first"))[0].startswith("Sending honey.txt to lobby.")
    assert (await ear.say(f"/file {path}"))[0].startswith(
        "Not done: Another file is still being transferred."
    )
    ear.client.wire.set()
    await ear.mode.transfers.finished()
    assert ear.client.calls == [("send_file", LOBBY, path, "the first")]
    assert ear.heard[-1] == "lobby, file uploaded: honey.txt"


async def test_a_file_is_cancelled(ear: Ear, tmp_path: Path) -> None:
    """In words; a new one may begin."""
    path = tmp_path / "honey.txt"
    path.touch()
    ear.client.wire.clear()
    await ear.say(f"/file {path}")
    ear.client.wire.clear()
    await ear.say("/cancel file")
    await ear.mode.transfers.finished()
    assert not [line for line in ear.heard if "uploaded" in line]
    ear.client.wire.set()
    await ear.say(f"/file {path}")
    await ear.mode.transfers.finished()
    assert ear.heard[-1] == "lobby, file uploaded: honey.txt"


async def test_a_file_is_printed_and_saved(ear: Ear, tmp_path: Path) -> None:
    """Its name comes last, as text; nothing leaves the folder or is overwritten."""
    (tmp_path / "passwd").write_text("mine")
    name = "../passwd\n\x1b[2J"
    entry = ear.client.happen(LOBBY, BOB, bodies.Message(raw_text("look"), file=a_file(name)))
    assert ear.heard[-1].startswith("bob 4: look\n    file text/plain, 5 bytes, /save 4 saves it: ..")
    assert "\x1b" not in ear.heard[-1]
    await ear.say(f"/save {entry.seq}")
    await ear.mode.transfers.finished()
    assert ear.heard[-1].startswith(f"Saved: {tmp_path}/")
    assert len(names_in(tmp_path)) == 2
    assert (tmp_path / "passwd").read_text() == "mine"
    assert (await ear.say("/save 2"))[0].startswith("Not done")
