"""Jump mode: a letter on whatever can be reached."""

from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient

from parlour_client.extras.jump.letters import LETTERS, JumpScreen, targets_on


def letter_in(text: str, row_with: str) -> str:
    """Return the letter that is painted over the first column of a row's pane."""
    row = next(row for row in text.split("\n") if row_with in row)
    return row[0] if row[0] != " " else next(char for char in row if char in LETTERS)


async def test_a_letter_opens_a_room(client: FakeClient, open_app: OpenApp) -> None:
    """One key, one letter."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("ctrl+o")
        await pilot.pause()
        assert isinstance(pilot.app.screen, JumpScreen)
        await pilot.press(letter_in(screen_text(pilot), "#garden"))
        await settled(pilot)
        assert screen.pane.current.id == GARDEN


async def test_a_letter_selects_a_message(client: FakeClient, open_app: OpenApp) -> None:
    """The newest message has the first letter after the lists."""
    for number in range(5):
        client.say(LOBBY, BOB, f"message {number}")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        targets = list(targets_on(screen))
        region = screen.pane.timeline.content_region
        at = next(i for i, target in enumerate(targets) if region.contains_point(target.at))
        await pilot.press("ctrl+o", LETTERS[at])
        await settled(pilot)
        assert screen.pane.timeline.has_focus
        assert screen.pane.timeline.selected is not None
        assert screen.pane.timeline.selected.text == "message 4"


async def test_any_other_key_leaves(client: FakeClient, open_app: OpenApp) -> None:
    """Nothing is done, nothing is written, and the focus is where it was."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        for key in ("escape", "0", "f5"):
            await pilot.press("ctrl+o", key)
            await settled(pilot)
            assert pilot.app.screen is screen
            assert screen.pane.composer.has_focus
            assert screen.pane.composer.text == ""


async def test_it_fits_a_small_terminal(client: FakeClient, open_app: OpenApp) -> None:
    """What is not shown has no letter."""
    async with open_app(client, size=(40, 15)) as pilot:
        screen = await lobby(pilot)
        targets = list(targets_on(screen))
        assert targets
        assert all(screen.region.contains_point(target.at) for target in targets)
        await pilot.press("ctrl+o")
        await pilot.pause()
        assert isinstance(pilot.app.screen, JumpScreen)
