"""Hands keys and pastes on one at a time where one of them decides where the next belongs.

A slow line or a busy machine hands over several keys in one piece. Textual passes each to the widget that has
the focus at that moment: what is typed behind the key that opens a dialog, or behind the Enter that closes
one, would be lost, or be written somewhere else. So a key of a dialog is handed over when the dialog is laid
out, and the next one when everything that it caused has been handled. ``SafeApp`` has one queue for all
screens, so no dialog can do without. No handler can keep the keyboard, either: what takes ``LONGEST_WAIT``
is not waited for any longer.

A dialog that appears long after the key that asked for it, or that nobody asked for, comes under the hands of
someone who types something else. ``guard`` keeps keys from it until one comes after ``QUIET`` seconds without
any: by then it has been seen.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from textual.app import App
from textual.events import Key, Paste
from textual.message_pump import MessagePump
from textual.screen import ModalScreen, Screen

LONGEST_WAIT: Final = 5.0
"""Seconds: a handler that takes longer waits for something outside."""
QUIET: Final = 0.5
"""Seconds without a key after which someone has seen what appeared."""
PROMPT: Final = 0.3
"""Seconds within which a dialog is the answer to the key that was pressed."""
_LEAVES: Final = {"quit", "app.quit", "suspend_process", "app.suspend_process"}
"""Actions of keys that wait for nothing: a person can always leave."""


class _Waiting(NamedTuple):
    """A key or a paste, and when it and the one before it came."""

    event: Key | Paste
    number: int
    came: float
    before: float


class KeyQueue:
    """The keys of one app; its methods are called in the app's own message loop."""

    def __init__(
        self,
        app: App[Any],
        hand_over: Callable[[Key | Paste], Awaitable[None]],
        takes_turns: Callable[[Key | Paste], bool],
    ) -> None:
        """``takes_turns`` says of a key that is not a dialog's whether the next one has to wait for it."""
        self._app, self._hand_over, self._takes_turns = app, hand_over, takes_turns
        self._typed_before: Callable[[Key | Paste], None] | None = None
        self._unseen: Screen[Any] | None = None
        self._appeared = -float("inf")
        self._waiting = deque[_Waiting]()
        self._busy = False
        self.now: Callable[[], float] = time.monotonic
        self._arrived = self._turn = 0  # keys, pastes and clicks so far, and the one whose turn it is
        self._newest = self._came = self._before = -float("inf")

    # --- what the person did last

    @property
    def turn(self) -> int:
        """The key whose turn it is, or the click: to ask later whether ``is_last``."""
        return self._turn

    def is_last(self, turn: int) -> bool:
        """Say whether the person has done nothing since, not even a key that still waits."""
        return turn == self._arrived

    def quiet(self, since: float) -> float:
        """Return the seconds without a key before the one whose turn it is, counted from ``since`` on."""
        return self._came - max(self._before, since)

    def clicked(self) -> None:
        """Note that the person did something with the mouse."""
        self._arrived += 1
        self._turn = self._arrived
        self._came = self.now()

    @property
    def is_prompt(self) -> bool:
        """Whether the key or click whose turn it is came a moment ago."""
        return self.now() - self._came < PROMPT

    def guard(self, screen: Screen[Any], typed_before: Callable[[Key | Paste], None] | None = None) -> None:
        """Keep keys from a dialog that has just appeared, until it has been seen.

        ``typed_before`` gets them; without it they are dropped, as what may be a secret.
        """
        self._unseen, self._appeared, self._typed_before = screen, self.now(), typed_before

    def _is_seen(self, screen: Screen[Any], event: Key | Paste) -> bool:
        """Say whether a key is meant for this dialog; Esc does nothing but close it."""
        if screen is not self._unseen or (isinstance(event, Key) and event.key == "escape"):
            return True
        if self.quiet(self._appeared) < QUIET:
            return False
        self._unseen = None
        return True

    # --- keys

    async def put(self, event: Key | Paste) -> None:
        """Hand it over now, or when the ones before it have been handled. A key that leaves never waits."""
        self._arrived += 1
        before, self._newest = self._newest, self.now()
        waiting = _Waiting(event, self._arrived, self._newest, before)
        if (self._busy or isinstance(self._app.screen, ModalScreen)) and self._leaves(event):
            await self._hand_over(event)
        elif self._busy:
            self._waiting.append(waiting)
        else:
            await self._take_turn(waiting)

    async def _take_turn(self, waiting: "_Waiting") -> None:
        self._turn, self._came, self._before = waiting.number, waiting.came, waiting.before
        await self._begin(waiting.event)

    def _leaves(self, event: Key | Paste) -> bool:
        if not isinstance(event, Key):
            return False
        below = self._app.screen_stack[0]  # a dialog's own bindings do not have the app's among them
        active = below.active_bindings.get(event.key)
        return active is not None and active.node is self._app and active.binding.action in _LEAVES

    async def _begin(self, event: Key | Paste, laid_out: Screen[Any] | None = None) -> None:
        screen = self._app.screen
        if not self._is_seen(screen, event):
            if self._typed_before is not None:
                self._typed_before(event)
        elif isinstance(screen, ModalScreen) and screen is not laid_out:
            self._busy = True
            self._pass_through((screen,), lambda: self._begin(event, screen))
        elif isinstance(screen, ModalScreen) or self._takes_turns(event):
            self._busy = True
            way = (self._app.focused or screen).ancestors_with_self
            await self._hand_over(event)
            # The key goes this way to the app, which runs its binding; what the binding posts goes it again.
            self._pass_through((*way, *way[:-1]), lambda: self._end(screen))
        else:
            await self._hand_over(event)

    async def _end(self, screen: Screen[Any]) -> None:
        """Hand over what waits; if a dialog was closed, when the one who asked has got the answer."""
        if self._app.screen is not screen:
            screen = self._app.screen
            self._pass_through(screen.walk_children(with_self=True), lambda: self._end(screen))
            return
        self._busy = False
        while self._waiting and not self._busy:
            await self._take_turn(self._waiting.popleft())

    def _pass_through(self, pumps: Iterable[MessagePump], then: Callable[[], Awaitable[None]]) -> None:
        """Call ``then`` in the app's loop, when each in turn and the app have handled what they were sent."""
        due = True

        async def once() -> None:
            nonlocal due
            if due:
                due = False
                late.cancel()
                await then()

        late = asyncio.get_running_loop().call_later(LONGEST_WAIT, self._app.call_later, once)
        self._step(iter(pumps), once)

    def _step(self, pumps: Iterator[MessagePump], then: Callable[[], Awaitable[None]]) -> None:
        if not any(pump.call_later(self._step, pumps, then) for pump in pumps):  # False: it is closed
            _ends = self._app.call_later(then)
