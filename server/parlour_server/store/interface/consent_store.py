"""The interface for consent: invitations, direct rooms that others opened, and blocks.

Inviting and joining are events of the room's log (``Log.append``). The answers here are private: to its
inviter, and for every limit on the inviter, a declined, dropped or blocked invitation looks like a pending
one (L14).
"""

from collections.abc import Sequence
from typing import Protocol

from parlour_protocol.frames.replies import Invitation, RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName
from parlour_server.kit.store.accounts.authority import BySession


class Consent(Protocol):
    """People's answers. It uses the implementation's clock."""

    async def invitations(
        self, user: UserName, *, after: RoomId | None, limit: int
    ) -> tuple[Sequence[Invitation], bool]:
        """Return the user's visible invitations, one per room, by room id, and whether more follow."""
        ...

    async def invitation(self, room: RoomId, user: UserName) -> Invitation | None:
        """Return the user's visible invitation to this room, or None."""
        ...

    async def accept_direct(self, by: BySession, room: RoomId) -> RoomSummary | None:
        """Accept a direct room, and return its summary; None when it is not one of the user's direct rooms.

        Raises RefusedError(LIMIT_REACHED) when the user is in too many rooms.
        """
        ...

    async def decline(self, by: BySession, room: RoomId) -> bool:
        """Hide invitations to the room for a while, or the direct room; False if there is none."""
        ...

    async def block(self, by: BySession, whom: UserName, *, on: bool) -> Sequence[RoomId]:
        """Block or unblock someone; returns the rooms that changed for the user.

        Raises RefusedError(NOT_FOUND, FORBIDDEN for oneself, LIMIT_REACHED).
        """
        ...

    async def blocked(
        self, user: UserName, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[UserName], bool]:
        """Return the people the user blocks, in order of name, and whether more follow."""
        ...
