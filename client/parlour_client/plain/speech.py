"""What the line mode says: each change as one line of plain words, with the room first.

Strangers' text goes through the rule, and every further line of a message is indented, so that none can look
like a line of its own. Pure functions; ``line_mode`` prints what they return.
"""

from parlour_client.core.model import ConnectionStatus, Entry, LinkState, Room
from parlour_protocol.frames import AnyBody
from parlour_protocol.frames.bodies import (
    Added,
    Banned,
    Created,
    Joined,
    Kicked,
    Left,
    Muted,
    RoleSet,
    TopicSet,
    Unbanned,
    Unmuted,
)
from parlour_protocol.text import BLANK_LABEL, safe_text

_INDENT = "    | "


def shown(untrusted: str) -> str:
    """Return a stranger's text as it may be printed."""
    safe = safe_text(untrusted)
    return BLANK_LABEL if safe.blank else f"\n{_INDENT}".join(safe.lines)


def entry_line(title: str, entry: Entry) -> str:
    """Say one row of a timeline."""
    number = f"#{entry.seq} " if entry.seq is not None else ""
    if entry.deleted:
        return f"{title}, {number}{entry.author}: (deleted)"
    if entry.text is None:
        return f"{title}, {number}{event_words(entry.author, entry.body)}"
    reply = f" (reply to #{entry.reply_to})" if entry.reply_to is not None else ""
    edited = " (edited)" if entry.edited else ""
    reactions = "".join(f" [{shown(r.reaction)} {len(r.users)}]" for r in entry.reactions)
    return f"{title}, {number}{entry.author}{reply}{edited}: {shown(entry.text)}{reactions}"


def event_words(author: str, body: AnyBody) -> str:  # noqa: C901, PLR0911 - one line a kind of event
    """Say what happened."""
    match body:
        case Created():
            return f"{author} made the room"
        case Joined():
            return f"{author} came in"
        case Added(who=who):
            return f"{author} brought {who} in"
        case Left():
            return f"{author} left"
        case Kicked(who=who, reason=reason):
            return f"{author} put {who} out{_because(reason)}"
        case Banned(who=who, reason=reason):
            return f"{author} banned {who}{_because(reason)}"
        case Unbanned(who=who):
            return f"{author} lifted the ban of {who}"
        case Muted(who=who):
            return f"{author} muted {who}"
        case Unmuted(who=who):
            return f"{author} lets {who} write again"
        case TopicSet(topic=topic):
            return f"{author} set the topic: {shown(topic)}" if topic else f"{author} took the topic away"
        case RoleSet(who=who, role=role):
            return f"{author} made {who} {role.value}"
        case _:
            return f"{author}: (something that is not shown here)"


def status_line(status: ConnectionStatus) -> str:
    """Say where the connection stands."""
    if status.state is LinkState.ONLINE:
        return f"Connected to {status.server}: {status.security}."
    problem = f" {status.problem}" if status.problem else ""
    if status.state is LinkState.OFFLINE:
        return f"Not connected.{problem} It is tried again by itself."
    return f"Not connected any more.{problem}"


def room_line(room: Room) -> str:
    """Say one room of the list."""
    unread = f", {room.unread} unread" if room.unread else ""
    mentions = f", {room.mentions} for you" if room.mentions else ""
    topic = f": {shown(room.topic)}" if room.topic else ""
    return f"{room.title}, {room.members} people{unread}{mentions}{topic}"


def _because(reason: str) -> str:
    return f" ({shown(reason)})" if reason else ""
