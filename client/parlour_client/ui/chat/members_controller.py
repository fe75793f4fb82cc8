"""Keeps the list of members in step with the open room: it is reloaded when something about them changed."""

from collections.abc import Sequence

from parlour_client.core.model import SYSTEM_ACCOUNT, MemberView
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import RefusedError, SessionEndedError, UnreachableError
from parlour_client.ui.chat.pane import Pane
from parlour_protocol.ids import RoomId


class MembersController:
    """Fills the list of members, and the names for the composer's completion."""

    def __init__(self, pane: Pane) -> None:
        self._client, self._current, self._interaction = pane.client, pane.current, pane.interaction
        self._list, self._composer = pane.member_list, pane.composer
        self._shown_for: RoomId | None = None
        self._shown: Sequence[MemberView] = ()
        self._asked = self._answered = 0  # how often, and up to which time an answer was shown
        self._is_missing = False  # they could not be loaded, or may have changed meanwhile

    async def load(self) -> None:
        """Show the members of the open room; an answer that a later one overtook is not shown."""
        room = self._current.id
        if room is None:
            return
        self._asked += 1
        asked = self._asked
        try:
            members = await self._client.rooms.members(room)
        except (UnreachableError, SessionEndedError):  # they are loaded when the connection is back
            self._is_missing = True
            if self._shown_for != room:
                self._show(room, ())
            return
        except RefusedError:
            if self._client.rooms.get(room) is None:  # removed meanwhile, which the room list shows
                return
            raise
        if self._current.id == room and asked > self._answered:
            self._answered = asked
            self._show(room, members)

    def _show(self, room: RoomId, members: Sequence[MemberView]) -> None:
        self._shown_for, self._shown = room, members
        if self._current.in_front:
            self._list.fill(members)
        nobody = {self._client.account.user, SYSTEM_ACCOUNT}  # to write to or to mention
        self._composer.people = [member.user for member in members if member.user not in nobody]

    def lost(self) -> None:
        """Show nobody: this account is not in the room any more, and does not know who is."""
        room = self._current.id
        if room is not None and self._shown:
            self._show(room, ())

    def come_to_front(self) -> None:
        """Show what is known of this room in the list, which was about another one, and reload."""
        self._list.fill(self._shown if self._shown_for == self._current.id else ())
        self.reload()

    def reload(self) -> None:
        """Reload, once for however many changes."""
        self._interaction.replace(self._reload, group="members")

    async def _reload(self) -> None:
        self._interaction.run(self.load, group="members-asked")

    def came_online(self) -> None:
        """Reload with the next change of rooms, when the server can be asked."""
        self._is_missing = True

    def load_missing(self) -> None:
        """Load members that could not be loaded before."""
        if self._is_missing and self._client.connection.status.state is LinkState.ONLINE:
            self._is_missing = False
            self.reload()
