"""Whether the server's description of a room conflicts with what the room's members agreed on.

A direct room shown under another person's name, or a group room shown as a direct one, would let people
write to someone they do not mean.
"""

from parlour_client.core.e2ee.groups.group_report import GroupReport
from parlour_protocol.frames import RoomSummary
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.names import UserName


def room_conflict(summary: RoomSummary | None, report: GroupReport, me: UserName) -> str:
    """Return what is wrong in words; empty when nothing is."""
    if summary is None or report.kind is None:
        return ""
    direct = report.kind is RoomKind.DIRECT
    if direct is not (summary.kind is RoomKind.DIRECT):
        said = "a direct room" if summary.kind is RoomKind.DIRECT else "a room of many"
        made = "a direct room" if direct else "a room of many"
        return f"The server calls this {said}, and its members made it {made}: nothing is sent."
    others = {member.user for member in report.members} - {me}
    if direct and others and others != {summary.peer}:
        whose = ", ".join(sorted(others))
        named = f"the direct room with {summary.peer}"
        return f"The server calls this {named}, and its keys are {whose}'s: nothing is sent."
    return ""
