"""The screen at 40x15, 80x24 and 160x50: all of it is there, nothing is cut off."""

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.widget import Widget
from textual.widgets import Input

from parlour_client.kit.widgets.questions import Choices
from parlour_client.ui.chat.screen import ChatScreen

SIZES = [(40, 15), (80, 24), (160, 50)]


@pytest.mark.parametrize("size", SIZES)
async def test_everything_fits(size: tuple[int, int], client: FakeClient, open_app: OpenApp) -> None:
    """Timeline, composer, status and keys are inside the terminal."""
    async with open_app(client, size=size) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        rows = screen_text(pilot).split("\n")
        assert len(rows) == size[1]
        assert "F1 help" in rows[-1]
        assert "good morning" in "\n".join(rows)
        assert screen.pane.timeline.size.height >= 5
        assert screen.pane.composer.region.bottom <= size[1] - 1
        assert screen.pane.timeline.size.width >= 30
        assert screen.member_list.display is (size[0] >= 110)


async def test_narrow_terminals_show_one_pane_at_a_time(client: FakeClient, open_app: OpenApp) -> None:
    """F2 shows the rooms over the whole width and choosing one comes back; F4 likewise."""
    async with open_app(client, size=(40, 15)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert not screen.room_list.display
        await pilot.press("f2")
        await pilot.pause()
        assert screen.room_list.region.width == 40
        await pilot.press("escape")
        await pilot.pause()
        assert not screen.room_list.display
        assert screen.pane.composer.has_focus
        await pilot.press("f4")
        await pilot.pause()
        assert screen.member_list.region.width == 40
        await pilot.press("escape")
        await pilot.pause()
        assert not screen.member_list.display
        assert screen.pane.composer.has_focus
        await pilot.press("f2", "f4")  # from one list to the other, and back
        await pilot.pause()
        assert screen.member_list.region.width == 40
        await pilot.press("f2")
        await pilot.pause()
        assert screen.room_list.region.width == 40
        assert screen.room_list.has_focus


async def test_dialogs_fit(client: FakeClient, open_app: OpenApp) -> None:
    """Help, inspector, search and confirmation open and close in a small terminal, and say how."""
    async with open_app(client, size=(40, 15)) as pilot:
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        await chat.pane.navigation.open(LOBBY)
        await settled(pilot)
        for keys in (["f1"], ["f3"], ["alt+up", "i"], ["alt+up", "d"]):
            await pilot.press(*keys)
            await pilot.pause()
            assert pilot.app.screen is not chat
            assert "esc" in screen_text(pilot).lower()
            await pilot.press("escape")
            await pilot.pause()
            assert pilot.app.screen is chat


async def test_without_colour_the_screen_says_the_same(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR takes colours away and no words; anchors and walls hold."""
    monkeypatch.setenv("NO_COLOR", "1")
    client.say(LOBBY, client.account.user, "தமிழ் \x1b[c")
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        assert "தமிழ் ⟦ESC⟧[c" in screen_text(pilot)


async def test_without_colour_one_sees_what_is_marked(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message that a key would act on, and the entry of a list that Enter would take."""
    monkeypatch.setenv("NO_COLOR", "1")
    for number in range(3):
        client.say(LOBBY, BOB, f"number {number}")
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await pilot.press("alt+up", "up")
        await settled(pilot)
        assert marked(screen.pane.timeline)[1:] == ["bob", "number 1"]  # after its time
        await pilot.press("escape", "f2", "down")
        await settled(pilot)
        assert marked(screen.room_list) == ["2", "#", "garden"]
        await pilot.press("escape", "f6")
        await settled(pilot)
        assert marked(pilot.app.screen.query_one(Choices)) == ["Mentions: messages that mention you"]


def marked(widget: Widget) -> list[str]:
    """Return the words that are reversed or underlined, apart from the gutter."""
    strips = widget.render_lines(widget.size.region)
    found = [
        segment.text.strip(" ├│>")
        for strip in strips
        for segment in strip
        if segment.style is not None and (segment.style.reverse or segment.style.underline)
    ]
    return [text for text in found if text]


async def test_a_long_card_shows_its_keys_and_is_scrolled(client: FakeClient, open_app: OpenApp) -> None:
    """The rooms one shares are at its end."""
    client.say(LOBBY, BOB, "a long last message " * 8)
    async with open_app(client, size=(40, 15)) as pilot:
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        await chat.pane.commands.run("/whois bob")
        await settled(pilot)
        assert "Esc: close" in screen_text(pilot)
        assert "lobby" not in screen_text(pilot)
        await pilot.press(*["down"] * 20)
        await settled(pilot)
        assert "lobby" in screen_text(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_a_long_dialog_is_centred_and_its_line_is_in_sight(
    size: tuple[int, int], client: FakeClient, open_app: OpenApp
) -> None:
    """Verifying has much to say: where one types is seen all the same."""
    async with open_app(client, size=size) as pilot:
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        await chat.pane.commands.run("/verify bob")
        await settled(pilot)
        box = pilot.app.screen.query_one(".box").region
        assert abs(box.x - (size[0] - box.right)) <= 1
        assert abs(box.y - (size[1] - box.bottom)) <= 1
        line = pilot.app.screen.query_one(Input)
        assert line.has_focus
        assert box.contains_region(line.region)
