"""Files: send one, save one, see how far it is, cancel it.

One file is on its way at a time. Nothing is asked before saving: the folder is the person's own, no name
leaves it and nothing in it is overwritten (the core's promise); afterwards it is said where the file lies.
The chat screen inherits it.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.worker import Worker

from parlour_client.core.e2ee.messages.attachments import Progress
from parlour_client.core.errors import ParlourClientError, SetupError
from parlour_client.core.model import Entry
from parlour_client.text.file_text import downloads_folder, size_words, typed_path
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.chat.base import words_of
from parlour_client.ui.chat.looking_part import LookingPart
from parlour_client.ui.safe import join, own, peer_line
from parlour_protocol.errors import ParlourProtocolError
from parlour_protocol.frames.bodies import Message

_NAME: Final = 40


class FilesPart(LookingPart):
    """Files up and down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+x", "cancel_file", "Cancel the file", show=False, priority=True, id="chat.cancel_file"),
    ]
    _transfer: Worker[None] | None = None

    def _begin(self, name: str, verb: str, what: Callable[[Progress], Awaitable[None]]) -> None:
        """Run a transfer beside everything else. Raises SetupError while another one runs."""
        if self._transfer is not None and self._transfer.is_running:
            raise SetupError("A file is on its way already.", "alt+x cancels it.")
        self.hint.progress(self._how_far(verb, name, ""))
        shown = -1

        def progress(done: int, whole: int) -> None:
            nonlocal shown
            percent = 100 * done // whole if whole else 100
            if percent != shown:
                shown = percent
                far = f" {percent} % of {size_words(whole)}"
                self.hint.progress(self._how_far(verb, name, far))

        async def transferred() -> None:
            try:
                await what(progress)
            except (ParlourClientError, ParlourProtocolError, ValueError) as error:
                self.hint.refuse(words_of(error))
            finally:
                self.hint.progress(None)

        self._transfer = self.run_worker(transferred(), group="file")

    def _how_far(self, verb: str, name: str, far: str) -> Content:
        return join(
            own(f"{verb} ", "bold"), peer_line(name, limit=_NAME), own(far), own("  alt+x cancels", "dim")
        )

    def action_cancel_file(self) -> None:
        """End the transfer; nothing of it is kept."""
        if self._transfer is not None and self._transfer.is_running:
            self._transfer.cancel()
            self.say("The file was cancelled; nothing of it is kept.")

    async def _do_file(self, rest: str) -> None:
        room = self.current
        if room is None:
            raise SetupError("No room is open.", "/rooms shows which there are.")
        path, caption = typed_path(rest)

        async def send(progress: Progress) -> None:
            await self.client.send_file(room, path, caption, progress=progress)
            self.timeline.follow()

        self._begin(path.name, "sending", send)

    async def _do_save(self, _rest: str) -> None:
        entry = self.timeline.selected or next(
            (one for one in reversed(self.timeline.entries) if _has_file(one)), None
        )
        if entry is None:
            raise SetupError("There is no file in this room.")
        await self.save(entry)

    async def save(self, entry: Entry) -> None:
        """Save the file of a message into the downloads folder. Raises SetupError when it has none."""
        body = entry.body
        if not isinstance(body, Message) or body.file is None or entry.deleted:
            raise SetupError("There is no file with this message.")
        folder = downloads_folder(settings_of(self))

        async def fetch(progress: Progress) -> None:
            path = await self.client.save_file(entry, folder, progress=progress)
            self.hint.refuse(join(own("Saved: "), peer_line(str(path), limit=400)), sign="· ")

        self._begin(body.file.name, "saving", fetch)


def _has_file(entry: Entry) -> bool:
    return isinstance(entry.body, Message) and entry.body.file is not None and not entry.deleted
