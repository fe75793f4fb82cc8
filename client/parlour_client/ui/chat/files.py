"""File transfers: shows the progress of an upload or download, and cancels it.

One file is transferred at a time. Nothing is asked before saving: the folder is the person's own, no name
leaves it and nothing in it is overwritten (the core's promise); afterwards its path is shown.
"""

from collections.abc import Awaitable, Callable

from textual.worker import Worker

from parlour_client.commands.results import Result, Transfer
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.text.file_text import size_words
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.status_line import CANCEL
from parlour_client.ui.chat.timeline_controller import TimelineController
from parlour_client.ui.input.keymap import written


class FileTransfers:
    """Uploads and downloads, one at a time."""

    def __init__(self, pane: Pane, history: TimelineController) -> None:
        self._history, self._status, self._interaction = history, pane.status_line, pane.interaction
        self._running: Worker[None] | None = None

    def start(self, transfer: Transfer, done: Callable[[Result], Awaitable[None]]) -> None:
        """Start a transfer in the background. Raises SetupError while another one runs."""
        if self._running is not None and self._running.is_running:
            key = written(self._status, *CANCEL)
            raise SetupError(
                _("Another file is still being transferred."), _("{key} cancels it.").format(key=key)
            )
        doing = _("sending") if transfer.file is None else _("saving")
        self._status.progress(doing)
        shown = -1

        def progress(done: int, whole: int) -> None:
            nonlocal shown
            percent = 100 * done // whole if whole else 100
            if percent != shown:
                shown = percent
                far = _("{percent} % of {size}").format(percent=percent, size=size_words(whole))
                self._status.progress(f"{doing} {far}")

        async def run() -> None:
            try:
                result = await transfer.run(progress)
            finally:
                self._status.progress("")
            await done(result)
            if transfer.file is None:
                self._history.follow()

        self._running = self._interaction.run(run, group="file")

    def cancel(self) -> None:
        """Cancel the transfer; nothing of it is kept."""
        if self._running is not None and self._running.is_running:
            self._running.cancel()
            self._interaction.say(_("Transfer cancelled; nothing of the file was kept."))
