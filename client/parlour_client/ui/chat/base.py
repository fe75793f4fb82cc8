"""What every part of the chat screen shares: the client, the parts of the screen, and asking politely.

``ask`` is the one place where a refusal of the server, a bad name or a text over a limit becomes words for
the person; nothing else catches those errors. The parts of the chat screen inherit it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from textual.content import Content
from textual.screen import Screen

from parlour_client.core.errors import ParlourClientError
from parlour_client.core.interface import ChatClient
from parlour_client.core.model import Room
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.drafts import Drafts
from parlour_client.ui.chat.hint_line import HintLine
from parlour_client.ui.chat.member_list import MemberList
from parlour_client.ui.chat.room_list import RoomList
from parlour_client.ui.chat.status_line import StatusLine
from parlour_client.ui.chat.timeline import Timeline
from parlour_client.ui.chat.typing_part import TypingPart
from parlour_client.ui.dialogs.questions import ConfirmScreen
from parlour_client.ui.safe import join, own, peer_line
from parlour_client.ui.terminal.throttle import Pace
from parlour_protocol.errors import ParlourProtocolError
from parlour_protocol.ids import RoomId

Answer = TypeVar("Answer")
REFUSALS: Final = (ParlourClientError, ParlourProtocolError, ValueError)
"""What a deed of a person can raise that is told in words."""


def words_of(error: Exception) -> Content:
    """Return an error as words: its sentence and its hint, both through the rule."""
    words = str(error) or "That did not work."
    hint = getattr(error, "hint", "")
    parts = [peer_line(words)]
    if isinstance(hint, str) and hint:
        parts.append(peer_line(hint, style="dim"))
    return own(" ").join(parts)


class ChatParts(TypingPart):
    """The client and the widgets that the parts of the chat screen work with."""

    def __init__(self, client: ChatClient) -> None:
        super().__init__()
        self.client = client
        self.current: RoomId | None = None
        """The room that is open."""
        self.room_list = RoomList()
        self.timeline = Timeline(id="timeline")
        self.member_list = MemberList()
        self.hint = HintLine()
        self.status_line = StatusLine()
        self.composer: Composer
        self.drafts = Drafts(client.save_draft, client.draft)
        self._pace = Pace()

    @property
    def room(self) -> Room | None:
        """The room that is open."""
        return self.client.room(self.current) if self.current is not None else None

    def ask(self, what: Callable[[], Awaitable[Any]], *, group: str = "ask") -> None:
        """Do something with the client; tell the person when it was refused."""

        async def asked() -> None:
            try:
                await what()
            except REFUSALS as error:
                self.hint.refuse(words_of(error))

        self.run_worker(asked(), group=group)

    def push(self, screen: Screen[Answer], answered: Callable[[Answer | None], None] | None = None) -> None:
        """Put a dialog or a page over this screen; ``answered`` gets its result."""
        _ = self.app.push_screen(screen, answered)

    def ask_first(self, question: Content, do: Callable[[], Awaitable[Any]]) -> None:
        """Do what everybody sees, or what can't be undone, if the person says yes."""

        def answer(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it
            if yes:
                self.ask(do)

        self.push(ConfirmScreen(question), answer)

    def refuse(self, words: str) -> None:
        """Say in words of ours that something was not done."""
        self.hint.refuse(own(words))

    def say(self, words: str) -> None:
        """Say in words of ours what was done."""
        self.hint.refuse(own(words), sign="· ")

    def heading(self, words: str, name: str) -> Content:
        """Return own words followed by a name."""
        return join(own(words, "bold"), peer_line(name, style="bold"))

    async def open_room(self, room: RoomId, *, peek: bool = False) -> None:
        """Show another room; with ``peek`` nothing is marked as read by it."""
        raise NotImplementedError

    def show_lock(self) -> None:
        """Bring the label about the room's encryption up to date."""
        raise NotImplementedError

    def enter_mode(self, mode: None) -> None:
        """Send plain messages from now on."""
        raise NotImplementedError

    def come_back(self) -> None:
        """Do what waited while another program had the terminal."""
        raise NotImplementedError

    def write(self) -> None:
        """Go back to writing."""
        self.set_focus(self.composer)  # at once: ``focus()`` waits, and the next key would go elsewhere
