"""The parts of one pane: its room, its widgets, and how it speaks with the person.

The controllers of a pane get this one object, and beside it only the controllers that they call.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual.widget import Widget

from parlour_client.core.client import Client
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.current_room import CurrentRoom
from parlour_client.ui.chat.first_steps import FirstSteps
from parlour_client.ui.chat.header import RoomHeader
from parlour_client.ui.chat.hint_line import HintLine
from parlour_client.ui.chat.interaction import Interaction
from parlour_client.ui.chat.member_list import MemberList
from parlour_client.ui.chat.room_list import RoomList
from parlour_client.ui.chat.status_line import StatusLine
from parlour_client.ui.chat.timeline import Timeline
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Around:
    """What a pane asks of the others on the screen; its ``CurrentRoom`` says which pane it is."""

    turn_to: Callable[[RoomId, CurrentRoom], bool]
    """Bring the pane beside this one to the front if it shows the room; says whether it does."""
    come_to_front: Callable[[CurrentRoom], None]
    """Let keys be about this pane."""
    open_thread: Callable[[CurrentRoom, Seq], Awaitable[None]]
    """Show the thread of a message beside this pane, and write there."""
    leave_thread: Callable[[CurrentRoom], None]
    """Close the thread that this pane shows, or that of its room; what was written in it is kept."""
    composer_of: Callable[[RoomId, Seq | None], Composer | None]
    """The composer that has the draft of a room, or of the thread of a message, if one has."""
    writing: asyncio.Lock
    """Held while a draft is read, written, or given back: no other pane takes it in between."""
    save_layout: Callable[[bool], None]
    """Store which rooms are on the screen."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pane:
    """A room or a thread on the screen. The lists and the status line belong to the screen."""

    widget: Widget
    client: Client
    current: CurrentRoom
    interaction: Interaction
    header: RoomHeader
    steps: FirstSteps
    timeline: Timeline
    composer: Composer
    hint: HintLine
    room_list: RoomList
    member_list: MemberList
    status_line: StatusLine
    around: Around
