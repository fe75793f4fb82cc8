"""The one running file transfer of the line mode.

Progress is printed at each quarter of a large one; a failure is a sentence and ends nothing. ``render``
starts one, ``line_mode`` waits for it at the end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from parlour_client.core.attachments import Progress
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_client.kit.language import _
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_client.text.file_text import size_words
from parlour_protocol.kit.errors import ParlourProtocolError

_LARGE: Final = 1_000_000
_QUARTER: Final = 25


class Transfers:
    """At most one transfer."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._task: asyncio.Task[None] | None = None

    def start(self, words: str, what: Callable[[Progress], Awaitable[None]]) -> None:
        """Start one; ``what`` prints its end. Raises SetupError while another one runs."""
        if self._task is not None and not self._task.done():
            raise SetupError(_("Another file is still being transferred."), _("/cancel file cancels it."))
        self._say(_("{words} /cancel file cancels it.").format(words=words))
        self._task = asyncio.ensure_future(self._run(what))

    def cancel(self) -> None:
        """End it; nothing of it is kept."""
        if self._task is not None:
            self._task.cancel()

    async def finished(self) -> None:
        """Wait for its end."""
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._task)

    async def _run(self, what: Callable[[Progress], Awaitable[None]]) -> None:
        reported = 0

        def progress(done: int, whole: int) -> None:
            nonlocal reported
            percent = 100 * done // whole if whole else 100
            if whole >= _LARGE and reported + _QUARTER <= percent < 100:  # noqa: PLR2004 - its end is printed anyway
                reported = percent - percent % _QUARTER
                self._say(
                    _("File: {reported} % of {size_words}.").format(
                        reported=reported, size_words=size_words(whole)
                    )
                )

        try:
            await what(progress)
        except asyncio.CancelledError:
            self._say(_("Transfer cancelled; nothing of the file was kept."))
            raise
        except ParlourClientError as error:
            self._say(_("Not done: {error} {hint}").format(error=error, hint=error.hint).rstrip())
        except (ParlourProtocolError, ValueError) as error:
            self._say(_("Not done: {error}").format(error=protocol_sentence(error)))
