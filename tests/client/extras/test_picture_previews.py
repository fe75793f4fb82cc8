"""Pictures on the screen: off until the person turns them on, and drawn as cells of ours."""

from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient, a_file, raw_text
from textual.pilot import Pilot

from parlour_client.extras.picture_previews import PICTURES, show
from parlour_client.extras.picture_previews.installer import command_for_pillow
from parlour_client.kit.pictures.preview import MOST_BYTES, PictureError, Preview
from parlour_client.ui.app_settings import SettingsApp
from parlour_protocol.frames import bodies


async def press(pilot: Pilot[None], *keys: str) -> str:
    """Press keys, and return what the screen shows then."""
    await pilot.press(*keys)
    await settled(pilot)
    return screen_text(pilot)


async def two_colors(data: bytes, width: int, height: int, _colours: int) -> Preview:
    """Decode to red above blue, as large as it may be."""
    assert data == b"honey"
    return Preview(width, height, b"\xff\0\0" * width * (height // 2) + b"\0\0\xff" * width * (height // 2))


async def damaged(_data: bytes, _width: int, _height: int, _colours: int) -> Preview:
    """Decode nothing."""
    raise PictureError("This picture is damaged, so there is no preview.")


async def test_a_picture_is_shown_only_if_it_was_turned_on_and_asked_for(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """L11: v shows it as half blocks; each reason against it is a sentence."""
    client.happen(
        LOBBY, BOB, bodies.Message(raw_text("big"), file=a_file("b.png", MOST_BYTES + 1, "image/png"))
    )
    client.happen(
        LOBBY, BOB, bodies.Message(raw_text("look"), file=a_file("a\u202e.png", 12_345, "image/png"))
    )
    client.mark_all_read()
    monkeypatch.setattr(show, "make_preview", two_colors)
    monkeypatch.setattr(show, "has_colors_for_pictures", lambda app: not app.no_color)
    async with open_app(client, folder=tmp_path) as pilot:
        await lobby(pilot)
        assert isinstance(pilot.app, SettingsApp)
        assert "Turn previews on?" in await press(pilot, "alt+up", "v")
        assert "Turn previews on?" not in await press(pilot, "enter")
        assert pilot.app.settings.value(PICTURES) == "off"
        _ = await press(pilot, "v")
        text = await press(pilot, "t")
        assert pilot.app.settings.value(PICTURES) == "on"
        assert "image/png, 12.3 kB  a⟦U+202E⟧.png" in text
        assert text.count("▀" * 72) == 17
        assert not [one for one in client.calls if one[0] == "save_file"]
        await press(pilot, "escape")
        monkeypatch.setattr(show, "make_preview", damaged)
        assert "This picture is damaged, so there is no preview." in await press(pilot, "v")
        await press(pilot, "escape")
        assert "Only pictures of up to 8.4 MB have a preview." in await press(pilot, "up", "v")
        pilot.app.no_color = True
        await press(pilot, "down")
        assert "This terminal has no colours" in await press(pilot, "v")


async def test_without_pillow_it_names_the_command_that_adds_it(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it asks whether to turn anything on."""
    client.happen(LOBBY, BOB, bodies.Message(raw_text("look"), file=a_file("a.png", 9, "image/png")))
    client.mark_all_read()
    monkeypatch.setattr(show, "find_spec", lambda _name: None)
    async with open_app(client, size=(200, 40)) as pilot:
        await lobby(pilot)
        text = await press(pilot, "alt+up", "v")
        assert "Previews need Pillow, which is not installed:" in text
        assert "pillow. f saves the file." in " ".join(text.split())


def test_the_command_is_that_of_the_installer(tmp_path: Path) -> None:
    """Of pip, uv and pipx."""
    assert command_for_pillow(tmp_path, "uv").startswith("uv pip install --python ")
    assert command_for_pillow(tmp_path, "pip").endswith(" -m pip install pillow")
    (tmp_path / "pipx_metadata.json").touch()
    assert command_for_pillow(tmp_path, "pip") == "pipx inject parlour pillow"
