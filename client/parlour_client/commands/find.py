"""Finds rooms, invitations and messages that a person names; an error says what to do."""

from typing import TYPE_CHECKING, Final

from parlour_client.commands.front import Front
from parlour_client.core.room_names import find_room as find
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _

if TYPE_CHECKING:
    from parlour_client.commands.command import Call
    from parlour_client.core.client import Client
    from parlour_client.core.model import Entry, Invitation, Room
    from parlour_protocol.kit.ids import Seq

_ROOMS: Final = {
    Front.UI: N_("F2 lists yours; /join joins another."),
    Front.LINE: N_("/joined lists yours, /join joins another."),
}


def find_room(client: "Client", front: Front, wanted: str) -> "Room":
    """Return one of the person's rooms by title, name, `@user` or id. Raises SetupError."""
    found = client.rooms.find(wanted)
    if found is not None:
        return found
    from parlour_protocol.kit.text import safe_text  # noqa: PLC0415 - as in ``core.errors``

    asked = " ".join(safe_text(wanted).lines)
    direct = wanted.startswith("@")
    match front:
        case Front.CLI if direct:
            hint = _("Open it: parlour dm {asked}").format(asked=asked)
        case Front.CLI:
            hint = _("Join it first: parlour room join {asked}").format(asked=asked)
        case _:
            hint = _(_ROOMS[front])
    what = (
        _("You have no direct room with {asked} yet.").format(asked=asked)
        if direct
        else _("You are not in a room called {asked}.").format(asked=asked)
    )
    raise SetupError(what, hint)


def find_invitation(call: "Call", wanted: str) -> "Invitation":
    """Return the named invitation; without a name that of the open room, or the only one."""
    waiting = call.client.invitations.all
    found = find(waiting, wanted) if wanted else None
    if not wanted:
        opened = call.room.id if call.room is not None else None
        here = [invitation for invitation in waiting if invitation.id == opened] or list(waiting)
        found = here[0] if len(here) == 1 else None
    if found is None:
        how = (
            _("See them: parlour invitations") if call.front is Front.CLI else _("/invitations lists yours.")
        )
        raise SetupError(_("There is no such invitation."), how)
    return found


async def find_message(call: "Call", room: "Room", seq: "Seq") -> "Entry":
    """Return a message, fetched if it is not on this device. Raises SetupError."""
    entry = await call.client.history.entry(room.id, seq)
    if entry is None or entry.seq is None:
        raise SetupError(_("That message is not available."), _("Check the number."))
    return entry
