"""Commands for the encryption of a room: see it, turn it on, repair it."""

from parlour_client.commands.command import (
    AlarmNumber,
    Asks,
    Call,
    Connect,
    Elsewhere,
    Here,
    On,
    command,
)
from parlour_client.commands.front import Front
from parlour_client.commands.results import (
    AlarmsListed,
    EncryptionShown,
    EncryptQuestion,
    Question,
    RoomEncrypted,
)
from parlour_client.kit.answers import Letter
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.rooms import Role

_IN_CHAT = Elsewhere(N_("It is asked and answered in a chat."))


@command(
    "encryption",
    cli="encryption",
    connect=Connect.SETTLED,
    json=True,
    examples=("encryption garden", "encryption @ben --json"),
)
async def encryption(call: Call, room: Here) -> EncryptionShown:
    """Show who can read this room, who let them in, and what the server sees."""
    return EncryptionShown(room, await call.client.encryption.report(room.id))


@command("encrypt", cli=_IN_CHAT, role=Role.OWNER, asks=Asks(for_good=True))
async def encrypt(call: Call, room: Here) -> EncryptQuestion:
    """Make this room end-to-end encrypted, for good."""
    if room.encrypted:
        raise SetupError(
            _("This room is already encrypted."),
            _("{written} shows the details.").format(written=call.written(encryption)),
        )
    me = call.client.account.user
    people = [member.user for member in await call.client.rooms.members(room.id) if member.user != me]

    async def do() -> RoomEncrypted:
        await call.client.encryption.turn_on(room.id, people)
        return RoomEncrypted(room)

    return EncryptQuestion(
        _("Encrypt {title} end to end?").format(title=room.title),
        Letter("e", _("encrypt it for good")),
        do,
        room=room,
        people=people,
    )


@command("strict", cli=_IN_CHAT)
async def strict(call: Call, room: Here, *, on: On = None) -> None:
    """Only send here while everyone in the room is verified."""
    if on is None and call.front is Front.UI:
        raise SetupError(_("Write /strict on or /strict off."))
    await call.client.preferences.strict(room.id, on=on is not False)


@command("recreate", cli=_IN_CHAT, role=Role.OWNER, asks=Asks())
async def recreate(call: Call, room: Here) -> Question:
    """Recreate the encrypted group of this room when its members have lost track of the keys."""

    async def do() -> None:
        await call.client.encryption.recreate(room.id)

    return Question(
        _("Recreate the encrypted group of {title}?").format(title=room.title),
        Letter("r", _("recreate it")),
        do,
        details=(_("Do it only if its members can no longer read what is written here."),),
    )


@command("alarms", cli=Elsewhere(N_("Every command that connects prints them.")))
async def alarms(call: Call) -> AlarmsListed:
    """Show security alarms, such as keys that don't match."""
    listed = call.client.encryption.alarms()
    call.client.encryption.shown(listed)
    return AlarmsListed(listed)


@command(
    ui=Elsewhere(N_("Enter on it in /alarms.")),
    line="alarms read",
    cli=Elsewhere(N_("/alarms in a chat.")),
)
async def dismiss_alarm(call: Call, alarm: AlarmNumber) -> None:
    """Dismiss an alarm by its number in /alarms."""
    await call.client.encryption.dismiss(alarm)
