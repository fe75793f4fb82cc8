"""The paste guard at work: what is pasted or typed is shown, and the person decides."""

from pathlib import Path

from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual.events import Paste
from textual.pilot import Pilot

from parlour_client.core.settings import FILE
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.paste import PasteScreen

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----"


async def ready(pilot: Pilot[None]) -> Composer:
    """Open the lobby."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    await screen.pane.navigation.open(LOBBY)
    await settled(pilot)
    return screen.pane.composer


async def paste(pilot: Pilot[None], text: str) -> None:
    """Paste."""
    pilot.app.post_message(Paste(text))
    await settled(pilot)


def sent(client: FakeClient) -> list[object]:
    """Return what was sent."""
    return [call[2] for call in client.calls if call[0] == "send"]


async def test_a_pasted_secret_is_not_taken_in_before_it_was_seen(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The composer, and so the draft on disk, has nothing of it."""
    async with open_app(client) as pilot:
        composer = await ready(pilot)
        await paste(pilot, KEY)
        assert isinstance(pilot.app.screen, PasteScreen)
        assert "! a private key (line 1)" in screen_text(pilot)
        assert composer.text == ""
        await pilot.press("enter")  # answers nothing
        assert isinstance(pilot.app.screen, PasteScreen)
        await pilot.press("d")
        await settled(pilot)
        assert composer.text == ""
        assert composer.has_focus
        assert not sent(client)
        assert not any(client.drafts.values())


async def test_a_paste_can_be_sent_at_once_behind_what_was_written(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The key s sends the whole, without a second question."""
    async with open_app(client) as pilot:
        composer = await ready(pilot)
        await pilot.press(*"see ")
        await paste(pilot, "one\ntwo")
        await pilot.press("s")
        await settled(pilot)
        assert sent(client) == ["see one\ntwo"]
        assert composer.text == ""


async def test_a_typed_secret_is_asked_about(client: FakeClient, open_app: OpenApp) -> None:
    """Esc goes back to it, d takes it away, s sends it."""
    async with open_app(client) as pilot:
        composer = await ready(pilot)
        for answer in ("escape", "d", "s"):
            composer.put("password=hunter22")
            await pilot.press("enter")
            await settled(pilot)
            assert isinstance(pilot.app.screen, PasteScreen)
            assert not sent(client)
            await pilot.press(answer)
            await settled(pilot)
            assert composer.text == ("password=hunter22" if answer == "escape" else "")
        assert sent(client) == ["password=hunter22"]


async def test_hostile_pastes_are_shown_by_the_rule(client: FakeClient, open_app: OpenApp) -> None:
    """What is pasted may come from a stranger's page."""
    async with open_app(client) as pilot:
        await ready(pilot)
        await paste(pilot, "rm -rf /\n\x1b[8m hidden \u202e[/nope]")
        text = screen_text(pilot)
        assert "⟦ESC⟧[8m hidden ⟦U+202E⟧[/nope]" in text
        assert "\x1b" not in text


async def test_a_long_paste_is_folded_with_a_count(client: FakeClient, open_app: OpenApp) -> None:
    """Nothing is left out without a word."""
    async with open_app(client, size=(40, 15)) as pilot:
        await ready(pilot)
        await paste(pilot, "\n".join(map(str, range(100))))
        await pilot.press(*["tab"] * 2, "end")
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, PasteScreen)
        assert "… and 60 more lines" in screen._shown().plain
        assert "s: send" in screen_text(pilot)


async def test_the_guard_can_be_turned_off(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """By the setting, and by it alone."""
    (tmp_path / FILE).write_text("paste_guard = false\n")
    async with open_app(client, folder=tmp_path) as pilot:
        composer = await ready(pilot)
        await paste(pilot, f"{KEY}\ntwo")
        assert composer.text == f"{KEY}\ntwo"
        await pilot.press("enter")
        await settled(pilot)
        assert sent(client) == [f"{KEY}\ntwo"]
