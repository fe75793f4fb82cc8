"""A program's client for its tests: without a terminal, and with an account made by an invitation."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from textual.geometry import Region
from textual.pilot import Pilot

from parlour_client.kit.account.home import Home
from parlour_client.kit.account.profile_file import ProfileFile
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.app import LinkApp, LinkScreen
from parlour_client.kit.link import Link
from parlour_protocol.kit.invite_link import InviteLink
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.wire import Wire

_S = TypeVar("_S", bound=LinkScreen[Any, Any, Any, Any])

PASSWORD: Final = Secret("tigress-violin-marble")
"""Of people who exist in tests only."""
PATIENCE: Final = 60.0
"""Seconds that anything may take, on a machine that has much else to do."""


class Client(Generic[_S]):
    """A client that is open on the program's screen."""

    def __init__(self, pilot: Pilot[None], screen: _S) -> None:
        """Take Textual's ``pilot``, which presses keys."""
        self.pilot = pilot
        self.screen = screen

    @property
    def text(self) -> str:
        """The text that the widgets of the screen draw, one after the other."""
        return "\n".join(
            strip.text.rstrip()
            for widget in self.screen.query("*")
            if widget.size
            for strip in widget.render_lines(Region(0, 0, *widget.size))
        )

    async def shows(self, *words: str) -> None:
        """Wait until all these are on the screen at once. Raises TimeoutError with what is there instead."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(each in self.text for each in words):
                    await self.pilot.pause(0.01)  # what comes over the network has no event to wait for
        except TimeoutError as error:
            raise TimeoutError(f"not all of {words} are on the screen:\n{self.text}") from error


@asynccontextmanager
async def joined(
    wire: Wire[Any, Any],
    screen: Callable[[Link[Any, Any, Any, Any]], _S],
    home: Path,
    link: InviteLink,
    *,
    name: str = "anna",
    size: tuple[int, int] = (100, 30),
) -> AsyncIterator[Client[_S]]:
    """Make an account with an invite link, open the client on it, and wait for its first greeting.

    ``size`` is the terminal's, in columns and rows. To questions each key comes a second after the last one.
    """
    account = SignIn(ProfileFile(Home(home)))
    await account.join(link, parse_user_name(name), PASSWORD, parse_device_name("laptop"))
    opened: asyncio.Future[_S] = asyncio.get_running_loop().create_future()

    def make(connection: Link[Any, Any, Any, Any]) -> _S:
        opened.set_result(made := screen(connection))
        return made

    app = LinkApp[Any, Any, Any, Any](link.scheme, Home(home), wire, make)
    app.crash_log = home / "crash.log"
    app.keys.now = count(0.0, 1.0).__next__
    async with app.run_test(size=size) as pilot:
        async with asyncio.timeout(PATIENCE):
            made = await opened
            await made.laid_out.wait()
        yield Client(pilot, made)
