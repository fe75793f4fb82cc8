"""What people are asked, and what they answer: invitations, direct rooms that others opened, blocks.

Inviting and entering are events of the room's log (``Log.append``). What is here no one else learns of: an
invitation that was declined, dropped or is of someone who is blocked looks to its inviter, and to every limit
that the inviter feels, as one that waits (L14).
"""

from collections.abc import Sequence
from typing import Protocol

from parlour_protocol.frames.replies import Invitation
from parlour_protocol.ids import RoomId
from parlour_protocol.names import UserName


class Consent(Protocol):
    """The answers of people. Its clock is the implementation's."""

    async def invitations(
        self, user: UserName, *, after: RoomId | None, limit: int
    ) -> tuple[Sequence[Invitation], bool]:
        """Return the invitations that the user is shown, one a room, by its id, and whether more follow."""
        ...

    async def invitation(self, room: RoomId, user: UserName) -> Invitation | None:
        """Return the one that waits for the user into this room; None for none that they are shown."""
        ...

    async def accept_direct(self, room: RoomId, user: UserName) -> bool:
        """Accept a direct room; False when it is not one of the user's direct rooms.

        Raises RefusedError(LIMIT_REACHED) when the user is in too many rooms.
        """
        ...

    async def decline(self, room: RoomId, user: UserName) -> bool:
        """Show the user no invitation into the room for a while, or hide the direct room; False: none."""
        ...

    async def block(self, user: UserName, whom: UserName, *, on: bool) -> Sequence[RoomId]:
        """Block someone, or no longer; returns the rooms that look different to the user now.

        Raises RefusedError(NOT_FOUND, FORBIDDEN for oneself, LIMIT_REACHED).
        """
        ...

    async def blocked(
        self, user: UserName, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[UserName], bool]:
        """Return whom the user blocks, in order of name, and whether more follow."""
        ...
