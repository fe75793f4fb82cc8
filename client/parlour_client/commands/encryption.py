"""Commands for the encryption of a room: see it, turn it on, renew it, repair it."""

from typing import Annotated

from parlour_client.commands.command import (
    SHELL,
    AlarmNumber,
    Asks,
    Call,
    Connect,
    Elsewhere,
    Here,
    Kind,
    On,
    Takes,
    command,
)
from parlour_client.commands.front import Front
from parlour_client.commands.results import (
    AlarmsListed,
    EncryptionShown,
    EncryptQuestion,
    RenewQuestion,
    RoomEncrypted,
    RoomRenewed,
)
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.rooms import Role

_IN_CHAT = Elsewhere(N_("It is asked and answered in a chat."))


@command(
    "encryption",
    cli="encryption",
    connect=Connect.SETTLED,
    json=True,
    asks=Asks(chat=False, cli=True),
    examples=("encryption garden", "encryption @ben --json"),
)
async def encryption(
    call: Call,
    room: Here,
    *,
    renewed: Annotated[
        bool,
        Takes(
            Kind.FLAG,
            help=N_("Let the members of an older room decide who is in it."),
            option="renew",
            fronts=SHELL,
        ),
    ] = False,
) -> EncryptionShown | RenewQuestion:
    """Show who can read this room, who admitted them, and what the server sees."""
    if renewed:
        return await renew(call, room)
    return EncryptionShown(room, await call.client.encryption.report(room.id))


@command(
    "encryption renew",
    cli=Elsewhere("parlour encryption ROOM --renew"),
    role=Role.OWNER,
    asks=Asks(for_good=True),
)
async def renew(call: Call, room: Here) -> RenewQuestion:
    """Let the members of an older room decide who is in it."""
    people = await call.client.encryption.adoptable(room.id)
    if not people:
        raise SetupError(
            _("The members of this room already decide who is in it."), _("There is nothing to do.")
        )

    async def do() -> RoomRenewed:
        await call.client.encryption.adopt(room.id, people)
        return RoomRenewed(room)

    return RenewQuestion(
        _("Are these the people in the room, and no one else?"), do, room=room, people=people
    )


@command("encrypt", cli=_IN_CHAT, role=Role.OWNER, asks=Asks(for_good=True))
async def encrypt(call: Call, room: Here) -> EncryptQuestion:
    """Make this room end-to-end encrypted, for good."""
    if room.encrypted:
        raise SetupError(
            _("This room is already encrypted."),
            _("{written} shows the details.").format(written=call.written(encryption)),
        )
    me = call.client.account.user
    people = [one.user for one in await call.client.rooms.members(room.id) if one.user != me]

    async def do() -> RoomEncrypted:
        await call.client.encryption.turn_on(room.id, people)
        return RoomEncrypted(room)

    return EncryptQuestion(
        _("Encrypt {title} end to end?").format(title=room.title), do, room=room, people=people
    )


@command("strict", cli=_IN_CHAT)
async def strict(call: Call, room: Here, *, on: On = None) -> None:
    """Only send here while everyone in the room is verified."""
    if on is None and call.front is Front.UI:
        raise SetupError(_("Write /strict on or /strict off."))
    await call.client.preferences.strict(room.id, on=on is not False)


@command("refound", cli=_IN_CHAT, role=Role.OWNER)
async def refound(call: Call, room: Here) -> None:
    """Recreate the encrypted group of this room when its members have lost track of the keys."""
    await call.client.encryption.refound(room.id)


@command("alarms", cli=Elsewhere(N_("Every command that connects prints them.")))
async def alarms(call: Call) -> AlarmsListed:
    """Show security alarms, such as keys that don't match."""
    return AlarmsListed(call.client.encryption.alarms())


@command(
    ui=Elsewhere(N_("Enter on it in /alarms.")),
    line="alarms read",
    cli=Elsewhere(N_("/alarms in a chat.")),
)
async def dismiss_alarm(call: Call, alarm: AlarmNumber) -> None:
    """Dismiss an alarm by its number in /alarms."""
    await call.client.encryption.dismiss(alarm)
