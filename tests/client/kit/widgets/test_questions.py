"""Questions: each has its own yes, and hears no key that may have been typed for something else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.app import ComposeResult
from textual.events import Key
from textual.pilot import Pilot

from parlour_client.kit.answers import Harmless, Letter, TypedName, Yes
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.questions import QUIET, Choices, ConfirmScreen
from parlour_client.kit.widgets.safe import option, own

KICK = Letter("k", "kick")
DELETE = TypedName("garden", "delete it")


class Hands:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


class Asked(SafeApp):
    """An app with one question, and what was answered."""

    def __init__(self) -> None:
        super().__init__()
        self.keys.now = self.hands = Hands()
        self.answers: list[bool | None] = []

    async def ask(self, yes: Yes) -> None:
        """Show a question."""
        await self.push_screen(ConfirmScreen(own("Sure?"), yes), self.answers.append)


@asynccontextmanager
async def asked(yes: Yes) -> AsyncIterator[tuple[Asked, Pilot[None]]]:
    """Show a question in an app of its own."""
    app = Asked()
    async with app.run_test() as pilot:
        await app.ask(yes)
        await pilot.pause()
        yield app, pilot


async def press(app: Asked, pilot: Pilot[None], *keys: str, after: float = 1.0) -> list[bool | None]:
    """Press keys, each so many seconds after the one before; returns the answers by then."""
    for key in keys:
        app.hands.time += after
        app.post_message(Key(key, key if len(key) == 1 else None))
        await pilot.pause()
    return app.answers


@pytest.mark.parametrize(
    ("yes", "keys", "answer"),
    [
        (Harmless(), ["enter"], True),
        (Harmless(), ["y"], True),
        (Harmless(), ["n"], False),
        (Harmless(), ["escape"], None),
        (KICK, ["k"], True),
        (KICK, ["K"], True),
        (KICK, ["enter"], False),
        (KICK, ["y"], False),
        (KICK, ["n"], False),
        (KICK, ["escape"], None),
        (DELETE, [*"garden", "enter"], True),
        (DELETE, ["enter"], False),
        (DELETE, ["escape"], None),
    ],
)
async def test_each_question_has_its_own_yes(yes: Yes, keys: list[str], answer: bool | None) -> None:  # noqa: FBT001
    """Enter and y are a yes only where that harms nothing; any other letter is no answer."""
    async with asked(yes) as (app, pilot):
        if yes is KICK:
            assert await press(app, pilot, "x", "space", "d") == []
        assert await press(app, pilot, *keys) == [answer]


async def test_a_name_is_the_whole_name() -> None:
    """Neither a part of it nor another one."""
    async with asked(DELETE) as (app, pilot):
        assert await press(app, pilot, *"gard", "enter") == []
        assert await press(app, pilot, *"enx", "enter") == []
        assert await press(app, pilot, "backspace", "enter") == [True]


@pytest.mark.parametrize("yes", [Harmless(), KICK], ids=["harmless", "letter"])
@pytest.mark.parametrize("key", ["enter", "y", "n", "k"])
async def test_a_key_within_half_a_second_of_the_last_one_is_no_answer(yes: Yes, key: str) -> None:
    """It was typed for something else: "/ban ben" typed at once neither confirms nor cancels."""
    async with asked(yes) as (app, pilot):
        assert await press(app, pilot, "x", *"/ban ben", key, after=QUIET - 0.01) == []
        assert isinstance(app.screen, ConfirmScreen)
        assert await press(app, pilot, "enter", after=QUIET) == [isinstance(yes, Harmless)]


async def test_esc_leaves_at_once() -> None:
    """It is no text, and nothing is done."""
    async with asked(KICK) as (app, pilot):
        assert await press(app, pilot, "escape", after=0.01) == [None]


async def test_a_key_soon_after_the_question_appeared_is_no_answer() -> None:
    """However long nothing had been typed before: it came under the hands."""
    async with asked(KICK) as (app, pilot):
        assert await press(app, pilot, "k", after=QUIET - 0.01) == []
        assert await press(app, pilot, "k", after=QUIET - 0.01) == []
        assert await press(app, pilot, "k", after=QUIET) == [True]


async def test_what_was_typed_before_the_question_is_no_answer() -> None:
    """A slow line hands over the command and what follows in one piece."""
    app = Asked()
    async with app.run_test() as pilot:
        app.hands.time += 60
        for key in "xyzk":
            app.post_message(Key(key, key))
        await app.ask(KICK)
        await pilot.pause()
        assert app.answers == []


class Listed(SafeApp):
    """A list with a field above it, one that is led by that field, and one by itself."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield Field(compact=True)
        for name, led in (("led", True), ("alone", False)):
            rows = [option(own(words)) for words in ("first", "second\nin two rows", "third")]
            yield Choices(*rows, id=name, led=led)


def selected(listed: Choices) -> dict[str, bool]:
    """Return the rows with `>`, and whether they have the selection's colour."""
    strips = listed.render_lines(listed.size.region)
    plain = strips[0].crop(2, 3)
    return {
        strip.text.rstrip(): next(iter(strip)).style.bgcolor != next(iter(plain)).style.bgcolor  # type: ignore[union-attr]
        for strip in strips
        if strip.text.startswith(">")
    }


async def test_a_list_has_one_mark_and_the_colour_where_keys_go_to_it() -> None:
    """`>` before the first row of the chosen entry; also where the focus is not, but without the colour."""
    app = Listed()
    async with app.run_test() as pilot:
        led, alone = app.query_one("#led", Choices), app.query_one("#alone", Choices)
        led.highlighted = alone.highlighted = 1
        await pilot.pause()
        assert selected(led) == {"> second": True}
        assert selected(alone) == {"> second": False}
        alone.focus()
        await pilot.press("down")
        assert selected(alone) == {"> third": True}
        assert not led.can_focus
