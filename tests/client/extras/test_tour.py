"""The tour goes on when someone does what it says, or by F8; F9 leaves it at any step."""

import re
from dataclasses import replace

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import ALICE, BOB, LOBBY, FakeClient

from parlour_client.core.events import EntryChanged
from parlour_client.core.model import ReactionCount
from parlour_client.extras.tour.panel import Action, Step, show
from parlour_client.extras.tour.steps import TOUR
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
            assert ("Tour 1 of 8" in screen_text(pilot)) is demo
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


@pytest.mark.parametrize(("size", "count"), [((100, 30), 8), ((60, 24), 7), ((40, 15), 7)])
async def test_both_layouts_are_tried_side_by_side(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int], count: int
) -> None:
    """In the second step, where both fit: Alt+L changes the chat below, and F8 keeps what is seen."""
    async with open_app(client, size=size) as pilot:
        assert isinstance(pilot.app, ParlourApp)
        show(pilot.app.screen, TOUR)
        await lobby(pilot)
        await pilot.press("f8")
        await pilot.pause()
        assert f"Tour 2 of {count}" in screen_text(pilot)
        before = pilot.app.settings.message_layout
        await pilot.press("alt+l")
        await settled(pilot)
        after = pilot.app.settings.message_layout
        assert (before != after) is (count == 8)
        if before != after:
            assert f"> {after}" in screen_text(pilot)
            assert f"> {before}" not in screen_text(pilot)
        await pilot.press("f8", "alt+l")
        await settled(pilot)
        assert pilot.app.settings.message_layout == after


async def test_the_keys_of_the_tour_are_those_of_today(client: FakeClient, open_app: OpenApp) -> None:
    """Each that a step names does something, in the chat or on a selected message."""
    named = {
        key
        for step in TOUR
        for key in re.findall(r"(?:Ctrl|Alt)\+\w+|\bF\d+|\bEsc|(?<= )[ri+](?= )", step.words)
    }
    assert len(named) > 8
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        bound = list(screen.active_bindings.values())
        await pilot.press("alt+up")
        await settled(pilot)
        bound += screen.active_bindings.values()
        written = {pilot.app.get_key_display(one.binding) for one in bound}
    assert named - written == set()
