"""The keys at the foot of the screen: those that can be pressed now, and nothing is made anew for nothing."""

import gc
import weakref

from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.pilot import Pilot
from textual.widgets._footer import FooterKey

from parlour_client.ui.chat.screen import ChatScreen


def keys(pilot: Pilot[None]) -> list[FooterKey]:
    """Return what is there."""
    return list(pilot.app.screen.query(FooterKey))


async def lobby(pilot: Pilot[None]) -> None:
    """Open a room with a message."""
    assert isinstance(pilot.app.screen, ChatScreen)
    await pilot.app.screen.pane.navigation.open(LOBBY)
    await settled(pilot)


async def test_it_shows_the_keys_of_what_has_the_focus(client: FakeClient, open_app: OpenApp) -> None:
    """Among the messages there are others than while one writes; and back again."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client, size=(160, 24)) as pilot:
        await lobby(pilot)
        written = screen_text(pilot).split("\n")[-1]
        assert "f1 Help" in written
        await pilot.press("alt+up")
        await settled(pilot)
        assert "i Inspect" in screen_text(pilot).split("\n")[-1]
        await pilot.press("escape")
        await settled(pilot)
        assert screen_text(pilot).split("\n")[-1] == written


async def test_no_key_is_cut_off(client: FakeClient, open_app: OpenApp) -> None:
    """Only those that fit are there, and more of them when the terminal becomes wider."""
    async with open_app(client, size=(40, 15)) as pilot:
        for width in (40, 60, 40):
            await pilot.resize_terminal(width, 15)
            await settled(pilot)
            shown = keys(pilot)
            assert len(shown) >= 3
            assert all(one.region.right <= width for one in shown)
            row = screen_text(pilot).split("\n")[-1].rstrip()
            assert row.endswith(shown[-1].description)


async def test_the_same_keys_stay(client: FakeClient, open_app: OpenApp) -> None:
    """What changes without changing them draws them no more."""
    async with open_app(client) as pilot:
        before = keys(pilot)
        pilot.app.screen.refresh_bindings()
        await settled(pilot)
        assert before
        assert keys(pilot) == before


async def test_keys_that_went_leave_nothing_behind(client: FakeClient, open_app: OpenApp) -> None:
    """The screen lives as long as the chat: it holds no key that is no longer there."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client) as pilot:
        await lobby(pilot)
        gone = [weakref.ref(key) for key in keys(pilot)]
        for key in ("alt+up", "escape", "alt+up", "escape"):
            await pilot.press(key)
            await settled(pilot)
        gc.unfreeze()  # the collector's own rest does so
        gc.collect()
        assert [ref() for ref in gone if ref() is not None] == []
