"""Pictures on the screen: off until the person turns them on, and drawn as cells of ours."""

from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient, a_file, raw_text
from textual.pilot import Pilot

from parlour_client.extras.picture_previews import show
from parlour_client.kit.pictures.preview import MOST_BYTES, PictureError, Preview
from parlour_client.ui.app_settings import SettingsApp
from parlour_protocol.frames import bodies


async def press(pilot: Pilot[None], *keys: str) -> str:
    """Press keys, and return what the screen shows then."""
    await pilot.press(*keys)
    await settled(pilot)
    return screen_text(pilot)


async def two_colors(data: bytes, width: int, height: int) -> Preview:
    """Decode to red above blue, as large as it may be."""
    assert data == b"honey"
    return Preview(width, height, b"\xff\0\0" * width * (height // 2) + b"\0\0\xff" * width * (height // 2))


async def damaged(_data: bytes, _width: int, _height: int) -> Preview:
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
        assert "Previews of pictures are off" in await press(pilot, "alt+up", "v")
        pilot.app.set_setting("pictures", value=True)
        text = await press(pilot, "v")
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
