"""A screen for controllers that are tested without one: it runs what they ask for and notes what is shown."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from textual.screen import Screen

from parlour_client.ui.chat.interaction import REFUSALS, Interaction
from parlour_client.ui.toasts import Toast
from parlour_protocol.kit.text import SafeText


class FakeInteraction(Interaction):
    """What a person would see and answer."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.refused: list[str] = []
        self.toasts: list[Toast] = []
        self.copied: list[str] = []
        self.dialogs: list[Screen[Any]] = []
        self._answered: Callable[[Any], None] = lambda _: None
        self._running: set[asyncio.Future[None]] = set()

    async def settle(self) -> None:
        """Wait until everything has run that was asked for."""
        while self._running:
            await asyncio.gather(*self._running)

    async def answer(self, answer: object) -> None:
        """Answer the last dialog, and wait for what follows."""
        self._answered(answer)
        await self.settle()

    def run(self, what: Callable[[], Awaitable[Any]], *, group: str = "ask") -> Any:  # noqa: ARG002
        async def shown() -> None:
            try:
                await what()
            except REFUSALS as error:
                self.refused.append(str(error))

        self._keep(shown())

    def opening(self, open_room: Callable[[], Awaitable[Any]]) -> None:
        """Run what opens a room, as the composer's controller does."""
        self.run(open_room)

    def replace(self, what: Callable[[], Coroutine[None, None, None]], *, group: str) -> None:  # noqa: ARG002
        self._keep(what())

    def push(self, screen: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        self.dialogs.append(screen)
        self._answered = answered or (lambda _: None)

    def refuse(self, words: str) -> None:
        self.refused.append(words)

    def say(self, words: str) -> None:
        self.said.append(words)

    def toast(self, what: Toast) -> None:
        self.toasts.append(what)

    def copy(self, text: SafeText, start: int = 0, end: int | None = None) -> None:
        self.copied.append(text.plain[start:end])

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
