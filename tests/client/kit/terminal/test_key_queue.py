"""Keys that were typed before a dialog was seen are not the dialog's."""

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.kit.terminal.key_queue import QUIET
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.questions import AskScreen, ChooseScreen
from parlour_client.kit.widgets.safe import own


class Hands:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


class Surprised(SafeApp):
    """An app whose dialogs appear by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.keys.now = self.hands = Hands()
        self.answers: list[str | None] = []
        self.before = ""

    def typed_before(self, event: object) -> None:
        """Note a key that was typed before a dialog was seen."""
        assert isinstance(event, Key)
        self.before += event.key


async def press(app: Surprised, pilot: Pilot[None], *keys: str, after: float) -> None:
    """Press keys, each so many seconds after the one before."""
    for key in keys:
        app.hands.time += after
        app.post_message(Key(key, key if len(key) == 1 else None))
        await pilot.pause()


@pytest.mark.parametrize("escapes", [False, True])
async def test_a_list_that_comes_under_the_hands_takes_no_key(escapes: bool) -> None:  # noqa: FBT001
    """Enter that ended a sentence chooses nothing; Esc closes it at once."""
    app = Surprised()
    async with app.run_test() as pilot:
        dialog = ChooseScreen(own("Which?"), [("a", own("a")), ("b", own("b"))], "")
        await app.push_screen(dialog, app.answers.append)
        app.keys.guard(dialog, app.typed_before)
        await press(app, pilot, "x", "down", "enter", after=QUIET / 2)
        assert app.answers == []
        assert app.before == "xdownenter"
        if escapes:
            await press(app, pilot, "escape", after=QUIET / 2)
            assert app.answers == [None]
        else:
            await press(app, pilot, "enter", after=QUIET)
            assert app.answers == ["a"]


async def test_a_field_is_typed_into_as_fast_as_one_likes_once_it_was_seen() -> None:
    """Only the first key has to wait; what was typed before is in no field."""
    app = Surprised()
    async with app.run_test() as pilot:
        dialog = AskScreen(own("Name?"))
        await app.push_screen(dialog, app.answers.append)
        app.keys.guard(dialog)
        await press(app, pilot, "x", "y", after=QUIET / 2)
        assert app.screen.query_one(Input).value == ""
        await press(app, pilot, "b", after=QUIET)
        await press(app, pilot, "e", "n", "enter", after=0.01)
        assert app.answers == ["ben"]
