"""The app's start: what is on this device is on the screen before anything of the network is done."""

from pathlib import Path

from tests.client.core.core_fake import Desk, FakeServer, FakeWire
from tests.client.ui.conftest import screen_text

from parlour_client.core.client import Client
from parlour_client.ui.app import ParlourApp


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
