"""What is typed is painted at once, and what else waits at its tick; a change draws what it touches.

Not the widgets beside it, and of a widget only the rows that changed.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.client.ui.chat.timeline.test_widget import fill, lobby
from tests.client.ui.conftest import OpenApp, screen_text
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual._compositor import ChopsUpdate, Compositor
from textual.events import Key
from textual.geometry import Region
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.deferred import FRAME
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.status_line import StatusLine
from parlour_client.ui.chat.timeline import Timeline
from parlour_protocol.kit.ids import Seq

TURNS = 200
"""Turns of the loop within which everything that was posted is dealt with."""


async def _everybody_had_a_turn() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Watched:
    """A chat whose ticks come only when the test says so, whose clock stands, and whose frames are noted."""

    def __init__(self, pilot: Pilot[None], screen: ChatScreen, timeline: Timeline) -> None:
        self.app, self.screen, self.timeline = pilot.app, screen, timeline
        self.now = 1e6  # later than any key before
        self.frames: list[set[int]] = []
        """The rows of the screen that each frame paints."""
        self.ticks_wanted = 0
        screen.pane.painter.now = lambda: self.now
        screen.pane.composer.cursor_blink = False  # it would paint the composer, too
        screen._update_timer.stop()
        screen._update_timer.resume = self._want  # type: ignore[method-assign]
        self.app._display = self._displayed  # type: ignore[method-assign, assignment]

    @classmethod
    async def begin(cls, pilot: Pilot[None], screen: ChatScreen, timeline: Timeline) -> "Watched":
        """Watch when what was left from before has been painted."""
        made = cls(pilot, screen, timeline)
        await _everybody_had_a_turn()
        screen._on_timer_update()
        made.frames.clear()
        made.ticks_wanted, made.now = 0, made.now + 1
        return made

    def _want(self) -> None:
        self.ticks_wanted += 1

    def _displayed(self, _screen: Any, frame: Any) -> None:
        if frame is not None:
            assert isinstance(frame, ChopsUpdate)
            self.frames.append({y for y, _, _ in frame.spans})

    async def type(self) -> None:
        """Press a key and let everyone deal with it, without a tick."""
        self.app.post_message(Key("a", "a"))
        await _everybody_had_a_turn()

    async def say(self, client: FakeClient, text: str) -> None:
        """Let a message come in; the timeline is told to draw it, and waits for the tick."""
        client.say(LOBBY, BOB, text)
        self.timeline.add_pending()
        await _everybody_had_a_turn()
        assert self.timeline in self.screen._dirty_widgets

    def tick(self) -> None:
        """Let Textual's clock tick."""
        self.screen._on_timer_update()

    def rows(self, of: Timeline | None = None) -> set[int]:
        """Return the rows of the composer, or of the timeline."""
        return set((of or self.screen.pane.composer).region.line_range)


async def test_a_key_is_painted_before_a_timeline_that_waits(client: FakeClient, open_app: OpenApp) -> None:
    """The key's frame holds the composer alone and needs no tick; the next tick paints the message."""
    fill(client, 60)
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        watched = await Watched.begin(pilot, screen, timeline)
        await watched.say(client, "a message that waits")
        assert not watched.frames
        await watched.type()
        assert screen.pane.composer.text == "a"
        assert watched.frames == [watched.rows()]
        assert timeline in screen._dirty_widgets
        assert watched.ticks_wanted
        watched.tick()
        assert len(watched.frames) == 2
        assert watched.frames[1] >= watched.rows(timeline)


async def test_keys_faster_than_frames_wait_for_the_tick(client: FakeClient, open_app: OpenApp) -> None:
    """A torrent of keys costs a frame per sixtieth of a second, and leaves time for the rest."""
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        watched = await Watched.begin(pilot, screen, timeline)
        for _ in range(5):
            await watched.type()
        assert len(watched.frames) == 1
        assert screen.pane.composer in screen._dirty_widgets
        assert watched.ticks_wanted
        watched.tick()
        assert len(watched.frames) == 2
        watched.now += FRAME
        await watched.type()
        assert len(watched.frames) == 3


async def test_every_key_of_someone_quick_is_painted_and_so_is_every_tick(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Someone types with every frame while messages come: neither keeps the other from the screen."""
    fill(client, 60)
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        watched = await Watched.begin(pilot, screen, timeline)
        for round_ in range(1, 11):
            await watched.say(client, f"message {round_}")
            await watched.type()
            assert len(screen.pane.composer.text) == round_
            assert len(watched.frames) == 2 * round_ - 1
            watched.tick()
            assert watched.frames[-1] >= watched.rows(timeline)
            watched.now += FRAME


def noted(widget: Widget, drawn: dict[type[Widget], int]) -> Callable[[Region], list[Strip]]:
    """Return the widget's own drawing, which notes the rows."""
    draw = widget.render_lines

    def render_lines(crop: Region) -> list[Strip]:
        drawn[type(widget)] = drawn.get(type(widget), 0) + crop.height
        return draw(crop)

    return render_lines


def drawing(screen: ChatScreen, monkeypatch: pytest.MonkeyPatch) -> dict[type[Widget], int]:
    """Return how many rows of each kind of widget are drawn from now on."""
    drawn: dict[type[Widget], int] = {}
    for widget in (screen, *screen.walk_children(Widget)):
        monkeypatch.setattr(widget, "render_lines", noted(widget, drawn))
    return drawn


async def test_a_key_draws_the_composer_alone(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the timeline nor a list, nor what is behind the composer."""
    fill(client, 60)
    async with open_app(client, size=(132, 40)) as pilot:
        screen, timeline = await lobby(pilot)
        watched = await Watched.begin(pilot, screen, timeline)
        drawn = drawing(screen, monkeypatch)
        await watched.type()
        assert drawn == {Composer: 1}


async def test_two_changes_draw_nothing_between_them(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heading and the line at the bottom leave the timeline as it is."""
    fill(client, 60)
    async with open_app(client, size=(132, 40)) as pilot:
        screen, timeline = await lobby(pilot)
        watched = await Watched.begin(pilot, screen, timeline)
        drawn = drawing(screen, monkeypatch)
        screen.pane.header.refresh()
        screen.status_line.refresh()
        await _everybody_had_a_turn()
        watched.tick()
        (rows,) = watched.frames
        header, line = screen.pane.header.region, screen.status_line.region
        assert rows == {*header.line_range, *line.line_range}
        assert drawn[StatusLine] == line.height
        assert Timeline not in drawn
        assert Composer not in drawn


async def test_a_change_of_one_message_draws_its_rows(client: FakeClient, open_app: OpenApp) -> None:
    """The others stay as they are, also when all rows are made anew; without a change nothing is drawn."""
    fill(client, 60)
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        await client.edit(LOBBY, Seq(58), "changed")
        timeline.add_pending()
        watched = await Watched.begin(pilot, screen, timeline)
        await client.edit(LOBBY, Seq(58), "again")
        timeline.add_pending()
        await _everybody_had_a_turn()
        watched.tick()
        assert "again" in screen_text(pilot)
        (rows,) = watched.frames
        assert len(rows & watched.rows(timeline)) == 1
        timeline.trust_changed()  # every row is made again, and looks as it did
        await _everybody_had_a_turn()
        watched.tick()
        assert len(watched.frames) == 1


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_the_screen_is_what_textual_would_draw(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cell by cell, with the same widgets in the same places."""
    fill(client, 60)
    client.say(LOBBY, BOB, "अनुच्छेद 👩‍👩‍👧 of others")
    async with open_app(client, size=size) as pilot:
        screen, _timeline = await lobby(pilot)

        def cells() -> list[list[Any]]:
            return [list(strip.simplify()) for strip in screen._compositor.render_strips()]

        ours = cells()
        monkeypatch.setattr(type(screen._compositor), "_get_renders", Compositor._get_renders)
        assert ours == cells()
