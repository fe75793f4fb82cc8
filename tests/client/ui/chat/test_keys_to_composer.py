"""What is typed is text, unless the person went among messages by the keyboard, which the screen says."""

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import DIRECT, GARDEN, LOBBY, FakeClient
from textual.events import Key, Paste

from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat.screen import ChatScreen

DONE = {"react", "edit", "delete", "star", "pin", "cancel", "retry"}


@pytest.mark.long
@pytest.mark.parametrize("vim", [False, True], ids=["plain", "vi"])
async def test_a_click_takes_no_letter_away(client: FakeClient, open_app: OpenApp, *, vim: bool) -> None:
    """Anyone who clicks somewhere and types a text with every command in it finds it in the composer."""
    async with open_app(client, size=(132, 40)) as pilot:
        screen = await lobby(pilot)
        assert isinstance(pilot.app, SettingsApp)
        pilot.app.set_setting("vim", value=vim)
        await pilot.press("i") if vim else None
        for where in ("#timeline", "#heading", "#members", "#rooms", "#status"):
            client.calls.clear()
            screen.write()
            screen.pane.composer.put("")
            await pilot.click(where, offset=(3, 0))
            await settled(pilot)
            await pilot.press(*"dear x, please P us 2 eyes", "enter")
            await settled(pilot)
            assert ("send", LOBBY, "dear x, please P us 2 eyes", None) in client.calls, where
            assert not [call for call in client.calls if call[0] in DONE], where


async def test_letters_typed_in_one_piece_stay_in_order(client: FakeClient, open_app: OpenApp) -> None:
    """The first letter moves the focus; those that came with it neither overtake it nor get lost."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        screen.set_focus(screen.pane.timeline)
        assert screen.pane.timeline.selected is None
        for letter in "drive":
            pilot.app.post_message(Key(letter, letter))
        await settled(pilot)
        assert screen.pane.composer.text == "drive"
        assert screen.pane.composer.has_focus


async def test_a_field_takes_what_keyboards_have(client: FakeClient, open_app: OpenApp) -> None:
    """The non-joiner of Persian, and wide and non-breaking spaces; no override of the direction."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("ctrl+k")
        await settled(pilot)
        for character in "می\u200cشد\u3000\xa0\u202ex":
            pilot.app.post_message(Key(character, character))
        await settled(pilot)
        assert pilot.app.screen.query_one(Field).value == "می\u200cشد\u3000\xa0x"


async def test_a_paste_is_text_wherever_the_focus_is(client: FakeClient, open_app: OpenApp) -> None:
    """Also among messages, where letters are commands."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("alt+up")
        pilot.app.post_message(Paste("dear x"))
        await settled(pilot)
        assert screen.pane.composer.text == "dear x"
        assert not [call for call in client.calls if call[0] in DONE]


async def test_among_messages_keys_are_commands_and_the_screen_says_so(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Alt+Up goes there, Esc comes back; a letter that is no command is the beginning of a text."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        assert "SELECT" not in screen_text(pilot)
        await pilot.press("alt+up")
        await settled(pilot)
        assert "alice · SELECT (Esc: write) " in screen_text(pilot)
        await pilot.press("asterisk")
        await settled(pilot)
        assert ("star", LOBBY, 3, True) in client.calls
        await pilot.press("escape")
        await settled(pilot)
        assert "SELECT" not in screen_text(pilot)
        await pilot.press("alt+up", *"zebra")
        await settled(pilot)
        assert screen.pane.composer.text == "zebra"
        assert "SELECT" not in screen_text(pilot)
        assert not [call for call in client.calls if call[0] in DONE - {"star"}]


async def test_normal_mode_of_vi_is_a_mode(client: FakeClient, open_app: OpenApp) -> None:
    """Esc in the composer goes there, and letters are commands: the status line has said so always."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        assert isinstance(pilot.app, SettingsApp)
        pilot.app.set_setting("vim", value=True)
        await pilot.press("escape")
        await settled(pilot)
        assert "-- NORMAL --" in screen_text(pilot)
        await pilot.press("z", "q")
        assert screen.pane.composer.text == ""


@pytest.mark.parametrize("key", ["alt+v", "alt+w", "alt+r", "alt+q"])
async def test_alt_and_a_letter_is_no_text(client: FakeClient, open_app: OpenApp, key: str) -> None:
    """Most terminals send Alt as Esc, and Textual keeps the letter: it would be written, and the key lost."""
    async with open_app(client, size=(160, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        pilot.app.post_message(Key(key, key[-1]))
        await settled(pilot)
        assert [pane.composer.text for pane in screen.panes.all] == [""] * (2 if key == "alt+v" else 1)


async def test_text_typed_after_a_key_goes_to_the_room_that_it_opened(
    client: FakeClient, open_app: OpenApp
) -> None:
    """A slow line hands over Alt+2, a text and Enter in one piece: nothing goes to the old room."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        first, second, third = LOBBY, GARDEN, DIRECT
        await screen.pane.navigation.open(first)
        await settled(pilot)
        burst = [*"half", "alt+2", *"two", "enter", "alt+3", *"three", "enter", "alt+1", *"way"]
        for key in burst:
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot, 4)
        sent = [call[1:3] for call in client.calls if call[0] == "send"]
        assert sent == [(second, "two"), (third, "three")]
        assert (screen.pane.current.id, screen.pane.composer.text) == (first, "halfway")


async def test_text_typed_after_alt_w_goes_to_the_room_beside(client: FakeClient, open_app: OpenApp) -> None:
    """Keys that were on their way to the composer that had the focus go on to the other one."""
    async with open_app(client, size=(160, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("alt+v")
        await settled(pilot, 4)
        for key in [*"left", "alt+w", *"right", "alt+w", *" again"]:
            pilot.app.post_message(Key("space" if key == " " else key, key if len(key) == 1 else None))
        await settled(pilot, 4)
        assert [pane.composer.text for pane in screen.panes.all] == ["left again", "right"]
