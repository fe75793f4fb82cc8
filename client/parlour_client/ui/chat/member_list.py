"""The members of the open room, with their roles: the list, and what keeps it in step with the room.

They are loaded again when something about them changed. Choosing someone shows their card.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets.option_list import Option

from parlour_client.core.e2ee.values import Trust
from parlour_client.core.model import SYSTEM_ACCOUNT, MemberView, display_name
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import RefusedError, SessionEndedError, UnreachableError
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.kit.widgets.safe import join, option, own, peer_line
from parlour_client.ui.chat.side_list import IN_COLUMN, SideList, heading
from parlour_client.ui.chat.timeline.rows import DOUBT
from parlour_client.ui.chat.timeline.sentences import ROLE_WORDS, STATUS_WORDS
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role, Status

if TYPE_CHECKING:
    from parlour_client.ui.chat.pane import Pane

_HEADINGS = {Status.ONLINE: N_("Online"), Status.AWAY: N_("Away"), Status.OFFLINE: N_("Offline")}


def how_many(members: int) -> str:
    """Return a count of people in words."""
    return ngettext("{count} person", "{count} people", members).format(count=members)


class MemberList(SideList):
    """The members of the open room."""

    HELP: ClassVar[str | None] = N_(
        "The members of this room. Enter shows a profile; F4 hides the list, Esc goes\n"
        "back to writing. ? is after the names of people whom you have not verified.\n"
        "/invite invites people; moderators have /kick, /ban, /mute and /role."
    )

    def __init__(self) -> None:
        super().__init__(N_("People"), ("chat.people", "f4"), id="members")

    def fill(
        self,
        members: Sequence[MemberView],
        doubtful: Callable[[UserName], bool] = lambda _user: False,
        *,
        lost: bool = False,
    ) -> None:
        """Show these members; ``doubtful`` says who has to be verified yet, ``lost`` why there are none."""

        def sections(width: int) -> list[list[Option]]:
            shown = []
            for status, words in _HEADINGS.items():
                group = [member for member in members if member.status is status]
                rows = [
                    option(_row(member, width, doubtful(member.user)), id=f"user:{member.user}")
                    for member in group
                ]
                if rows:
                    shown.append([heading(f"{_(words)} {len(group)}"), *rows])
            return shown or [[heading(_("Members only") if lost else _("Not loaded yet"))]]

        self.show(sections, self.chosen)


def _row(member: MemberView, width: int, doubtful: bool) -> Content:  # noqa: FBT001 - one of three facts
    """Return a row: the name, and at the end what the person may do here, or may not."""
    role = "" if member.role is Role.MEMBER else _(ROLE_WORDS[member.role])
    words = own(f"{_('muted') if member.muted else role} ", "$dim").stylize(IN_COLUMN)
    name, mark = peer_line(display_name(member.user)), own(DOUBT if doubtful else "", "$warning")
    room = width - words.cell_length - mark.cell_length - 1
    row = join(name.truncate(room, ellipsis=True), mark)
    return join(row, own(" " * (width - words.cell_length - row.cell_length)), words)


class MembersController:
    """Fills the list of members, and the names for the composer's completion."""

    def __init__(self, pane: "Pane") -> None:
        self._client, self._current, self._interaction = pane.client, pane.current, pane.interaction
        self._list, self._composer = pane.member_list, pane.composer
        self._shown_for: RoomId | None = None
        self._shown: Sequence[MemberView] = ()
        self._asked = self._answered = 0  # how often, and up to which time an answer was shown
        self.is_missing = False
        """They could not be loaded, or may have changed meanwhile: the next change of rooms loads them."""

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
            self.is_missing = True
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
        self.show_trust()
        self._composer.known = {*self._composer.known, *self._composer.people}

    def show_trust(self) -> None:
        """Show the members in the list, if it is about this room, with whom the person has not verified."""
        nobody = {self._client.account.user, SYSTEM_ACCOUNT}  # to write to or to mention
        self._composer.people = {one.user: self._about(one) for one in self._shown if one.user not in nobody}
        if self._current.in_front:
            members = self._shown if self._shown_for == self._current.id else ()
            self._list.fill(members, self._is_doubtful, lost=self._current.lost is not None)

    def _about(self, member: MemberView) -> str:
        words = _(STATUS_WORDS[member.status])
        return f"{words}, {_('not verified')}" if self._is_doubtful(member.user) else words

    def _is_doubtful(self, user: UserName) -> bool:
        room, client = self._current.room, self._client
        if room is None or not room.encrypted or user in {client.account.user, SYSTEM_ACCOUNT}:
            return False
        return client.encryption.trust(user) is not Trust.VERIFIED

    def lost(self) -> None:
        """Show nobody: this account is not in the room any more, and does not know who is."""
        room = self._current.id
        if room is not None:
            self._show(room, ())

    def come_to_front(self) -> None:
        """Show what is known of this room in the list, which was about another one, and reload."""
        self.show_trust()
        self.reload()

    def reload(self) -> None:
        """Reload, once for however many changes."""
        self._interaction.replace(self._reload, group="members")

    async def _reload(self) -> None:
        self._interaction.run(self.load, group="members-asked")

    def load_missing(self) -> None:
        """Load members that could not be loaded before."""
        if self.is_missing and self._client.connection.status.state is LinkState.ONLINE:
            self.is_missing = False
            self.reload()
