"""The Textual app: puts the client, the screens, the third wall and the crash path together.

It never puts peer text into a title, a notification or a link, and it never opens an address. ``ui.run``
makes it; whoever gives it a client gives it an unstarted one, and the app starts and stops it.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from parlour_client.core.errors import ParlourClientError
from parlour_client.core.interface import ChatClient
from parlour_client.ui.crash import QuietCrash
from parlour_client.ui.doors import Doors
from parlour_client.ui.guard import TerminalGuard
from parlour_client.ui.palette import ChatProvider
from parlour_client.ui.screens.chat import ChatScreen

_NOT_OFFERED = {"Screenshot", "Maximize", "Minimize"}  # a screenshot is a file outside the walls


class ParlourApp(QuietCrash):
    """Parlour in a terminal."""

    TITLE = "Parlour"
    CSS_PATH = ["looks/chat.tcss", "looks/dialogs.tcss"]  # noqa: RUF012 - Textual's declaration
    COMMANDS = {*QuietCrash.COMMANDS, lambda: ChatProvider}  # noqa: RUF012 - Textual's declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", priority=True, id="app.quit"),
    ]

    def __init__(
        self, client: ChatClient | None = None, *, doors: Doors | None = None, tour: Sequence[str] = ()
    ) -> None:
        """Take a client, or the doors through which one comes."""
        super().__init__()
        self._guard = TerminalGuard()
        self._doors, self._tour = doors, tour
        self.client = client
        self.problem: ParlourClientError | None = None
        """Why the client could not be opened."""
        self.animation_level = "none"

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Put the third wall behind everything else."""
        return [*super().get_line_filters(), self._guard]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer what is of use here."""
        yield from (one for one in super().get_system_commands(screen) if one.title not in _NOT_OFFERED)

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Open nothing: a chat has no links."""

    async def on_mount(self) -> None:
        """Show the chat, or the welcome where there is no account yet."""
        if self.client is not None:
            await self._enter(self.client)
        elif self._doors is not None:
            from parlour_client.ui.screens.welcome import WelcomeScreen  # noqa: PLC0415 - seldom needed, costs start-up time

            _ = self.push_screen(WelcomeScreen(self._doors), self._came_in)
        else:
            self.exit()

    async def _came_in(self, client: ChatClient | None) -> None:
        if client is None:
            self.exit()
        else:
            self.client = client
            await self._enter(client)

    async def _enter(self, client: ChatClient) -> None:
        try:
            await client.start()
        except ParlourClientError as error:
            self.problem = error
            self.exit(return_code=1)
            return
        _ = self.push_screen(ChatScreen(client, self._tour))

    async def on_unmount(self) -> None:
        """Stop the client; what is queued stays queued on disk."""
        if self.client is not None:
            await self.client.stop()
