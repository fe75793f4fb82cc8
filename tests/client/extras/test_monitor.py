"""The monitor: all rooms in one stream, and nothing of it is marked as read."""

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, DIRECT, GARDEN, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.extras.monitor import screen as monitor
from parlour_client.extras.monitor.screen import MonitorScreen
from parlour_client.ui.chat.screen import ChatScreen


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read again without waiting."""
    monkeypatch.setattr(monitor, "EVERY", 0.0)


async def watched(pilot: Pilot[None]) -> ChatScreen:
    """Open the monitor from the lobby."""
    screen = await lobby(pilot)
    await screen.pane.commands.run("/monitor")
    await settled(pilot)
    assert isinstance(pilot.app.screen, MonitorScreen)
    return screen


async def test_messages_of_all_rooms_are_one_stream(client: FakeClient, open_app: OpenApp) -> None:
    """In the order in which they came, new ones as they arrive; a hostile one is made visible."""
    async with open_app(client, size=(100, 30)) as pilot:
        await watched(pilot)
        client.calls.clear()
        client.say(GARDEN, CAROL, "the roses are out")
        client.say(DIRECT, BOB, "psst\x1b[2J")
        client.say(LOBBY, CAROL, "tea is ready")
        await settled(pilot)
        text = screen_text(pilot)
        rows = [
            "good morning",
            "#garden  carol  │ the roses are out",
            "@bob  bob  │ psst",
            "carol  │ tea is ready",
        ]
        places = [text.index(row) for row in rows]
        assert places == sorted(places)
        assert "\x1b" not in text
        assert "• " in text
        assert not [call for call in client.calls if call[0] == "mark_read"]


async def test_what_one_wrote_oneself_is_not_new(client: FakeClient, open_app: OpenApp) -> None:
    """It stands below messages that are."""
    async with open_app(client, size=(100, 30)) as pilot:
        await watched(pilot)
        client.say(GARDEN, CAROL, "the roses are out")
        client.say(GARDEN, ALICE, "coming to look")
        await settled(pilot)
        text = screen_text(pilot)
        row = text[: text.index("the roses are out")].split("\n")[-1]
        own_row = text[: text.index("coming to look")].split("\n")[-1]
        assert ("•" in row, "•" in own_row) == (True, False)


async def test_muted_rooms_and_ignored_people_are_left_out(client: FakeClient, open_app: OpenApp) -> None:
    """Also when that is decided while the monitor is open."""
    await client.silence(GARDEN)
    async with open_app(client, size=(100, 30)) as pilot:
        await watched(pilot)
        client.say(GARDEN, CAROL, "the roses are out")
        client.say(LOBBY, CAROL, "tea is ready")
        client.say(LOBBY, BOB, "coming")
        await settled(pilot)
        assert "the roses are out" not in screen_text(pilot)
        assert "tea is ready" in screen_text(pilot)
        await client.ignore(CAROL)
        await settled(pilot)
        assert "tea is ready" not in screen_text(pilot)
        assert "coming" in screen_text(pilot)


async def test_enter_goes_to_the_message_and_reads_nothing(client: FakeClient, open_app: OpenApp) -> None:
    """The mark stays on its message while others arrive."""
    for number in range(120):
        client.say(GARDEN, CAROL, f"rose {number}")
    async with open_app(client, size=(100, 30)) as pilot:
        screen = await watched(pilot)
        client.calls.clear()
        await pilot.press("up", "up")
        client.say(DIRECT, BOB, "psst")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert screen.pane.timeline.selected is not None
        assert screen.pane.timeline.selected.text == "rose 117"
        assert not [call for call in client.calls if call[0] == "mark_read"]


async def test_closing_it_reads_the_room_that_one_sees_again(client: FakeClient, open_app: OpenApp) -> None:
    """A page that covers the room leaves it unread, and no longer."""
    async with open_app(client, size=(100, 30)) as pilot:
        await watched(pilot)
        client.calls.clear()
        entry = client.say(LOBBY, CAROL, "tea is ready")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "mark_read"]
        await pilot.press("escape")
        await settled(pilot)
        assert [call[1:3] for call in client.calls if call[0] == "mark_read"] == [(LOBBY, entry.seq)]


async def test_a_spoiler_stays_covered(client: FakeClient, open_app: OpenApp) -> None:
    """As in every list."""
    client.say(LOBBY, BOB, "**ben** ||wins||")
    async with open_app(client, size=(100, 30)) as pilot:
        await watched(pilot)
        assert "**ben** ||[spoiler]||" in screen_text(pilot)
