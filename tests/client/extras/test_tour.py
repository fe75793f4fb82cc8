"""The tour goes on when someone does what it says, or by F8; F9 leaves it at any step."""

from dataclasses import replace

from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import ALICE, BOB, LOBBY, FakeClient

from parlour_client.core.events import EntryChanged
from parlour_client.core.model import ReactionCount
from parlour_client.extras.tour.panel import Action, Step, show
from parlour_client.ui.app import ParlourApp
from parlour_protocol.frames.fields import Reaction


async def test_it_goes_step_by_step(client: FakeClient, open_app: OpenApp) -> None:
    """F8 goes on; after the last step it is gone. F9 leaves it at once."""
    async with open_app(client) as pilot:
        show(pilot.app.screen, (Step("First step."), Step("Second step.")))
        await pilot.pause()
        assert "Tour 1 of 2  First step." in screen_text(pilot)
        await pilot.press("f8")
        await pilot.pause()
        assert "Tour 2 of 2  Second step." in screen_text(pilot)
        await pilot.press("f8")
        await pilot.pause()
        assert "Tour" not in screen_text(pilot)
    async with open_app(client) as pilot:
        show(pilot.app.screen, (Step("First step."), Step("Second step.")))
        await pilot.pause()
        await pilot.press("f9")
        await pilot.pause()
        assert "Tour" not in screen_text(pilot)


async def test_only_a_demo_has_one(client: FakeClient) -> None:
    """It begins by itself, with the first of the steps for newcomers."""
    for demo in (True, False):
        async with ParlourApp(client, demo=demo).run_test() as pilot:
            await settled(pilot)
            assert ("Tour 1 of 7" in screen_text(pilot)) is demo
        client = FakeClient.peopled()


async def test_doing_what_it_says_goes_on(client: FakeClient, open_app: OpenApp) -> None:
    """Each action is seen where it happens; another one does not count."""
    tour = (*(Step(f"please {action.name}.", action) for action in Action), Step("the end."))
    async with open_app(client) as pilot:
        show(pilot.app.screen, tour)
        screen = await lobby(pilot)
        hello = client.say(LOBBY, BOB, "hello")
        await settled(pilot)
        assert "please WRITE." in screen_text(pilot)
        client.say(LOBBY, ALICE, "hi")
        await settled(pilot)
        assert "please REPLY." in screen_text(pilot)
        client.say(LOBBY, ALICE, "hi again")
        await settled(pilot)
        assert "please REPLY." in screen_text(pilot)
        mine = client.say(LOBBY, ALICE, "hello bob", reply_to=hello.seq)
        await settled(pilot)
        assert "please REACT." in screen_text(pilot)
        seen = ReactionCount(str.__new__(Reaction, "+1"), (BOB, ALICE))
        client.tell(EntryChanged(replace(mine, reactions=(seen,))))
        await settled(pilot)
        assert "please SEARCH." in screen_text(pilot)
        await pilot.press("f3", "escape")
        await settled(pilot)
        assert "please OPEN_PAGE." in screen_text(pilot)
        await pilot.press("alt+up", "i", "escape", "escape")
        await settled(pilot)
        assert "please WRITE_DIRECTLY." in screen_text(pilot)
        direct = next(room for room in client.rooms.all if room.peer is not None)
        client.say(direct.id, ALICE, "psst")
        await settled(pilot)
        assert "the end." in screen_text(pilot)
        assert screen is pilot.app.screen
