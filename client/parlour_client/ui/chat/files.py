"""File transfers: shows the progress of an upload or download, and cancels it.

One file is transferred at a time. Nothing is asked before saving: the folder is the person's own, no name
leaves it and nothing in it is overwritten (the core's promise); afterwards its path is shown.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from textual.content import Content
from textual.worker import Worker

from parlour_client.commands.results import Result, Transfer
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import join, own, peer_line
from parlour_client.text.file_text import size_words
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.timeline_controller import TimelineController

_NAME: Final = 40


class FileTransfers:
    """Uploads and downloads, one at a time."""

    def __init__(self, pane: Pane, history: TimelineController) -> None:
        self._history, self._hint, self._interaction = history, pane.hint, pane.interaction
        self._running: Worker[None] | None = None

    def start(self, transfer: Transfer, done: Callable[[Result], Awaitable[None]]) -> None:
        """Start a transfer in the background. Raises SetupError while another one runs."""
        if self._running is not None and self._running.is_running:
            raise SetupError(_("Another file is still being transferred."), _("Alt+X cancels it."))
        doing = _("sending") if transfer.file is None else _("saving")
        self._hint.progress(_how_far(doing, transfer.name, ""))
        shown = -1

        def progress(done: int, whole: int) -> None:
            nonlocal shown
            percent = 100 * done // whole if whole else 100
            if percent != shown:
                shown = percent
                far = _("{percent} % of {size}").format(percent=percent, size=size_words(whole))
                self._hint.progress(_how_far(doing, transfer.name, far))

        async def run() -> None:
            try:
                result = await transfer.run(progress)
            finally:
                self._hint.progress(None)
            await done(result)
            if transfer.file is None:
                self._history.follow()

        self._running = self._interaction.run(run, group="file")

    def cancel(self) -> None:
        """Cancel the transfer; nothing of it is kept."""
        if self._running is not None and self._running.is_running:
            self._running.cancel()
            self._interaction.say(_("Transfer cancelled; nothing of the file was kept."))


def _how_far(doing: str, name: str, far: str) -> Content:
    cancel = own(_("Alt+X: cancel"), "dim")
    beside = own(f" {far}" if far else "")
    return join(own(doing, "bold"), own(" "), peer_line(name, limit=_NAME), beside, own("  "), cancel)
