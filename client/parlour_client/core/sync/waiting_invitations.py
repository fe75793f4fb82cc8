"""Invitations into rooms, and direct rooms that others opened: both wait for this account's answer.

The server pushes invitations live, and its greeting counts the waiting ones, which are then fetched page by
page. Waiting direct rooms are rooms already, and come with their summaries. Nothing is stored on disk.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from parlour_client.core.events import Emit, InvitationsChanged
from parlour_client.core.model import Invitation
from parlour_client.core.room_names import marks
from parlour_client.core.sync.state import State
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.language import _
from parlour_protocol.frames import replies
from parlour_protocol.frames.requests import ListInvitations
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.rooms import RoomKind

MAX_PAGES: Final = 40
"""Pages that are read: a server whose list never ends must not block the client."""


class WaitingInvitations:
    """Invitations that are not answered yet."""

    def __init__(
        self, state: State, emit: Emit, check: Callable[[replies.Invitation], Awaitable[bool]]
    ) -> None:
        """``check`` says whether an invitation is what it claims to be; others are not shown."""
        self._state = state
        self._emit = emit
        self._check = check
        self._waiting: dict[RoomId, replies.Invitation] = {}
        self._expected = 0

    @property
    def all(self) -> Sequence[Invitation]:
        """All of them, the newest first."""
        shown = marks([*self._state.summaries, *self._waiting.values()])
        invited = [
            Invitation(
                id=invitation.room,
                kind=invitation.kind,
                inviter=invitation.inviter,
                at=invitation.at,
                name=invitation.name,
                encrypted=invitation.encrypted,
                mark=shown.get(invitation.room, ""),
                statement=invitation.statement,
            )
            for invitation in self._waiting.values()
        ]
        opened = [
            Invitation(
                id=room.id,
                kind=RoomKind.DIRECT,
                inviter=room.peer,
                at=room.activity,
                peer=room.peer,
                encrypted=room.encrypted,
            )
            for room in self._state.rooms
            if room.request and room.peer is not None
        ]
        return sorted([*invited, *opened], key=lambda invitation: (-invitation.at, invitation.id))

    def greet(self, hello: replies.Hello) -> None:
        """Forget those of an earlier connection; ``fetch`` asks for the current ones."""
        self._waiting.clear()
        self._expected = hello.invitations

    async def fetch(self, conversation: ChatConversation) -> None:
        """Fetch the invitations that the greeting counted."""
        if self._expected:
            await self.look(conversation)

    async def look(self, conversation: ChatConversation) -> None:
        """Fetch all invitations."""
        after: RoomId | None = None
        for _page in range(MAX_PAGES):
            page = await conversation.read(ListInvitations(id=new_request_id(), after=after))
            if not isinstance(page, replies.Invitations):
                raise ServerMisbehavedError(_("The server answered with something other than invitations."))
            for invitation in page.invitations:
                await self.received(invitation)
                after = invitation.room
            if not page.more or not page.invitations:
                break
        self._emit(InvitationsChanged())

    async def received(self, invitation: replies.Invitation) -> None:
        """Add one that just arrived."""
        if self._waiting.get(invitation.room) != invitation and await self._check(invitation):
            self._waiting[invitation.room] = invitation
            self._emit(InvitationsChanged())

    def removed(self, room: RoomId) -> None:
        """Forget one that was answered, here or on another device, or withdrawn."""
        if self._waiting.pop(room, None) is not None:
            self._emit(InvitationsChanged())
