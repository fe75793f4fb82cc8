"""A second factor in the line mode: the next line is the code.

Logging in waits for it in a task of its own, so that the lines of the input go on being read.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from parlour_client.kit.errors import NotFinishedError
from parlour_client.kit.language import _
from parlour_protocol.kit.secret import Secret


class LineDialog:
    """Asks by printing a line; ``take`` gets the answer."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._asked = asyncio.Event()
        self._answer: asyncio.Future[str] | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the next line is an answer."""
        return self._answer is not None

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run this until it ends, or asks for a line. Raises its error."""
        self._running = asyncio.create_task(work)
        await self._go_on()

    async def answer(self, line: str) -> None:
        """Answer, and go on. Raises the error of what runs."""
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            if line.strip():
                answer.set_result(line.strip())
            else:
                answer.set_exception(
                    NotFinishedError(_("You are still logged out. Write /login to try again."))
                )
        await self._go_on()

    async def stop(self) -> None:
        """Stop what waits for an answer."""
        running, self._running, self._answer = self._running, None, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def password(self, words: str) -> Secret:
        """Refuse: the line mode changes no second factor."""
        raise NotFinishedError(_("{words}: run parlour security in a shell.").format(words=words))

    async def code(self, words: str, problem: str) -> str:
        """Ask for a code."""
        return await self._line(
            _("{problem} {words} (an empty line cancels):").format(problem=problem, words=words).strip()
        )

    async def first_code(self, secret: str, uri: str, problem: str) -> str:
        """Show the secret for an app, and ask for its first code."""
        del uri
        if not problem:
            self._say(_("Type this secret into an app for codes (TOTP):"))
            self._say(secret)
        return await self._line(
            _("{problem} Then type the six digits that the app shows:").format(problem=problem).strip()
        )

    async def show_recovery_codes(self, codes: Sequence[str]) -> None:
        """Print the recovery codes."""
        self._say(_("Recovery codes: each works once in place of your app. They are shown only now."))
        for code in codes:
            self._say(code)

    def tell(self, words: str) -> None:
        """Print it."""
        self._say(words)

    async def _line(self, words: str) -> str:
        self._say(words)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._asked.set()
        return await answer

    async def _go_on(self) -> None:
        running = self._running
        if running is None:
            return
        asked = asyncio.create_task(self._asked.wait())
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        self._asked.clear()
        if running.done():
            self._running = self._answer = None
            await running
