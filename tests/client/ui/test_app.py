"""The app's start: what is on this device is on the screen before anything of the network is done."""

import asyncio
from pathlib import Path

from tests.client.core.core_fake import Desk, FakeServer, FakeWire
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual.events import Paste

from parlour_client.core.client import Client
from parlour_client.kit.language import language
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.room_name import parse_room_name


async def test_messages_are_drawn_before_the_client_connects(tmp_path: Path) -> None:
    """The first connection finds the room's messages on the screen."""
    server = FakeServer()
    desk = Desk(tmp_path / "home", server)
    await desk.sign_in()
    await (await desk.open()).stop()
    seen: list[bool] = []

    async def dial() -> FakeWire:
        seen.append("bobby created this room" in screen_text(pilot))
        return await server.dial()

    again = Client(desk.home, dial=lambda _: dial)
    app = ParlourApp(again)
    async with app.run_test(size=(80, 24)) as pilot:
        while not seen:
            await pilot.pause()
        await again.connection.ready()
    assert seen == [True]


class SlowClient(FakeClient):
    """Takes its time to start."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()

    async def start(self, connect_after: asyncio.Event | None = None) -> None:
        """Wait until the test says so."""
        await self.opened.wait()
        await super().start(connect_after)


async def test_what_is_typed_before_the_first_screen_is_kept_and_not_sent() -> None:
    """It waits in the composer: the room in which Enter would send it was not on the screen yet."""
    client = SlowClient()
    client.add_room(LOBBY, parse_room_name("lobby"))
    client.drafts[LOBBY] = "dear "
    app = ParlourApp(client)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"hellp", "backspace", "o", "enter", *"you", "enter")
        app.post_message(Paste(" all"))
        await pilot.pause()
        client.opened.set()
        await settled(pilot)
        assert isinstance(app.screen, ChatScreen)
        assert app.screen.pane.composer.text == "dear hello\nyou\n all"
        assert not [call for call in client.calls if call[0] == "send"]
        await pilot.press("!", "enter")
        await settled(pilot)
        assert ("send", LOBBY, "dear hello\nyou\n all!", None) in client.calls


async def test_a_slow_start_keeps_no_one_from_leaving() -> None:
    """Keys that are no text act as ever."""
    client = SlowClient()
    app = ParlourApp(client)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("h", "ctrl+q")
        await pilot.pause()
        assert not app.is_running


async def test_ctrl_c_says_how_to_quit_in_the_language_in_use(client: FakeClient, open_app: OpenApp) -> None:
    """It is pressed by habit; the key may have been changed."""
    language.use(["de"])
    try:
        async with open_app(client) as pilot:
            await pilot.press("ctrl+c")
            await settled(pilot)
            rows = [row.rpartition("▌")[2].strip() for row in screen_text(pilot).split("\n") if "▌" in row]
            assert "Strg+C beendet das Programm nicht. Strg+Q beendet es." in " ".join(" ".join(rows).split())
            assert pilot.app.is_running
    finally:
        language.use([])
