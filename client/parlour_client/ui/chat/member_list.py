"""The list of members: who is here, with their roles.

It shows what the client says; choosing someone shows their card.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import OptionList

from parlour_client.core.model import MemberView, display_name
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.kit.terminal.column_anchoring import ColumnAnchors
from parlour_client.kit.widgets.safe import join, option, own, peer_line, title_pane
from parlour_client.ui.chat.timeline.sentences import ROLE_WORDS
from parlour_protocol.rooms import Role, Status

_HEADINGS = {Status.ONLINE: N_("Online"), Status.AWAY: N_("Away"), Status.OFFLINE: N_("Offline")}


def how_many(members: int) -> str:
    """Return a count of members in words."""
    return ngettext("{count} member", "{count} members", members).format(count=members)


class MemberList(OptionList):
    """The members of the open room."""

    HELP: ClassVar[str | None] = N_(
        "The members of this room. Enter shows a profile; F4 hides the list, Esc goes\n"
        "back to writing.\n"
        "/invite invites people; moderators have /kick, /ban, /mute and /role."
    )

    FOCUS_ON_CLICK = False  # a click shows someone; typed letters go to the composer

    def __init__(self) -> None:
        super().__init__(id="members", markup=False, compact=True)
        title_pane(self, join(own(_("People")), own(" ")))
        self._column_anchors = ColumnAnchors()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each row anchored to its columns."""
        return self._column_anchors.anchor(self, super().render_lines(crop), crop)

    def fill(self, members: Sequence[MemberView]) -> None:
        """Show these members."""
        marked = self.highlighted
        entries = []
        for status, heading in _HEADINGS.items():
            group = [member for member in members if member.status is status]
            if group:
                entries.append(option(own(f"{_(heading)} ({len(group)})", "bold dim"), disabled=True))
                entries += [option(_row(member), id=f"user:{member.user}") for member in group]
        if not entries:
            entries.append(option(own(_("No members loaded yet"), "dim"), disabled=True))
        self.set_options(entries)
        if marked is not None and marked < len(entries):
            self.highlighted = marked


def _row(member: MemberView) -> Content:
    words = [] if member.role is Role.MEMBER else [_(ROLE_WORDS[member.role])]
    words += [_("muted")] if member.muted else []
    return join(peer_line(display_name(member.user)), own(("  " + ", ".join(words)) if words else "", "dim"))
