"""What waits for this account's answer: invitations into rooms, and direct rooms that others opened.

The server pushes invitations live, and its greeting counts the waiting ones, which are then fetched page by
page. Waiting direct rooms are rooms already, and come with their summaries. Nothing is stored on disk.
"""

from collections.abc import Sequence
from typing import Final

from parlour_client.core.events import InvitationsChanged
from parlour_client.core.model import Invitation
from parlour_client.core.room_names import marks
from parlour_client.core.sync.state import State
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.event_bus import Emit
from parlour_client.kit.transport.conversation import Conversation
from parlour_protocol.frames import replies
from parlour_protocol.frames.requests import ListInvitations
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.rooms import RoomKind

MAX_PAGES: Final = 40
"""Pages that are read: a server whose list never ends must not block the client."""


class WaitingInvitations:
    """Invitations that are not answered yet."""

    def __init__(self, state: State, emit: Emit) -> None:
        self._state = state
        self._emit = emit
        self._told: dict[RoomId, replies.Invitation] = {}
        self._expected = 0

    @property
    def all(self) -> Sequence[Invitation]:
        """All of them, the newest first."""
        shown = marks([*self._state.summaries, *self._told.values()])
        invited = [
            Invitation(
                id=told.room,
                kind=told.kind,
                inviter=told.inviter,
                at=told.at,
                name=told.name,
                encrypted=told.encrypted,
                mark=shown.get(told.room, ""),
            )
            for told in self._told.values()
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
        return sorted([*invited, *opened], key=lambda one: (-one.at, one.id))

    def greet(self, hello: replies.Hello) -> None:
        """Forget those of an earlier connection; ``fetch`` asks for the current ones."""
        self._told.clear()
        self._expected = hello.invitations

    async def fetch(self, conversation: Conversation) -> None:
        """Fetch the invitations that the greeting counted."""
        if not self._expected:
            return
        after: RoomId | None = None
        for _ in range(MAX_PAGES):
            page = await conversation.read(ListInvitations(id=new_request_id(), after=after))
            if not isinstance(page, replies.Invitations):
                raise ServerMisbehavedError("The server answered with something other than invitations.")
            for told in page.invitations:
                self._told[told.room] = told
                after = told.room
            if not page.more or not page.invitations:
                break
        self._emit(InvitationsChanged())

    def received(self, told: replies.Invitation) -> None:
        """Add one that just arrived."""
        if self._told.get(told.room) != told:
            self._told[told.room] = told
            self._emit(InvitationsChanged())

    def removed(self, room: RoomId) -> None:
        """Forget one that was answered, here or on another device, or withdrawn."""
        if self._told.pop(room, None) is not None:
            self._emit(InvitationsChanged())
