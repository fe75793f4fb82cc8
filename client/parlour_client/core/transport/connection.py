"""The connection to the chat's server: the kit's ``Link``, and waiting for rooms to catch up."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Final

from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.model import MemberView
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.account.profile import CurrentProfile, Profile
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.clock import Clock
from parlour_client.kit.connection_status import ConnectionStatus
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.language import _
from parlour_client.kit.link import Link
from parlour_client.kit.transport.frame_socket import Dial
from parlour_client.kit.transport.reconnector import UNDER_WAY_SECONDS
from parlour_protocol.frames import AnyRequest, AnyResult, Hello
from parlour_protocol.frames.replies import AnyPush, Members
from parlour_protocol.frames.requests import ListMembers
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id

MAX_PAGES: Final = 40
"""Pages of a list that are read: a server whose list never ends must not block the client."""


class Connection(Link[Hello, AnyRequest, AnyResult, AnyPush]):
    """The connection of one client. ``engine`` says what is done while it lasts."""

    conversation: ChatConversation | None  # pyright: ignore[reportIncompatibleVariableOverride] - only its own are put in

    def __init__(
        self,
        sign_in: SignIn,
        profile: Profile,
        caught_up: asyncio.Event,
        catch_up_history: Callable[[], Awaitable[object]],
        *,
        on_status: Callable[[ConnectionStatus], None],
        clock: Clock,
        chance: Random,
        dial: Callable[[CurrentProfile], Dial],
    ) -> None:
        """``ready`` waits for ``caught_up``, and for ``catch_up_history``: that of our other devices."""
        super().__init__(
            sign_in,
            profile,
            WIRE,
            on_status=on_status,
            refused=ChatRefusedError,
            clock=clock,
            chance=chance,
            dial=dial,
        )
        self._caught_up = caught_up
        self._catch_up_history = catch_up_history

    async def ready(self, patience: float | None = None) -> None:
        """Wait until the connection is up and every room has caught up, with history from our other devices.

        Raises why it cannot connect; with ``patience`` (seconds) also the last problem after that time, but
        not while the first try is still under way, which may take long on a slow machine or line.
        """
        await self.connected(patience)
        await self.reconnector.reach(self._caught_up, patience)
        with suppress(TimeoutError):  # it continues in the background
            async with asyncio.timeout(None if patience is None else max(patience, UNDER_WAY_SECONDS)):
                await self.reconnector.unless_stopped(self._catch_up_history())

    async def members(self, room: RoomId) -> Sequence[MemberView]:
        """Ask who is in a room."""
        members: list[MemberView] = []
        for _page in range(MAX_PAGES):
            after = members[-1].user if members else None
            page = await self.ask(ListMembers(id=new_request_id(), room=room, after=after))
            if not isinstance(page, Members):
                raise ServerMisbehavedError(_("The server answered with something other than members."))
            members += [MemberView(m.user, m.role, m.status, m.muted) for m in page.members]
            if not page.more or not page.members:
                break
        return members
