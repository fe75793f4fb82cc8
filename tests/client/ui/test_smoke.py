"""The app opens."""

from conftest import OpenApp
from ui_fake import FakeClient


async def test_opens(client: FakeClient, open_app: OpenApp) -> None:
    """The chat opens."""
    async with open_app(client) as pilot:
        print(pilot.app.screen)
        print("\n".join(s.text for s in pilot.app.screen._compositor.render_strips()))
