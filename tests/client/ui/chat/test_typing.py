"""What is typed is painted at once; what else waits to be painted is painted at its tick."""

import asyncio
from typing import Any

from tests.client.ui.chat.timeline.test_widget import fill, lobby
from tests.client.ui.conftest import OpenApp
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual._compositor import ChopsUpdate
from textual.events import Key
from textual.pilot import Pilot

from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.throttle import FRAME
from parlour_client.ui.chat.timeline import Timeline

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
        self.timeline.take_in()
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
