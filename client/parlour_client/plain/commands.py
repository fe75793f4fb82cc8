"""The slash commands of the line mode: the table of them, help, and which function a line calls.

A wrong use is told in a sentence and changes nothing. ``line_mode`` calls ``obey``.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from parlour_client.core.errors import SetupError
from parlour_client.plain import encryption, files, messages, rooms
from parlour_client.plain.line_text import shown
from parlour_client.plain.password_line import login

if TYPE_CHECKING:
    from parlour_client.plain.line_mode import LineMode

Command = Callable[["LineMode", str], Awaitable[None]]


async def help_(mode: "LineMode", rest: str) -> None:
    """/help [COMMAND]: say what there is, or one of them."""
    one = COMMANDS.get(rest.removeprefix("/"))
    for command in (one,) if one is not None else COMMANDS.values():
        mode.say((command.__doc__ or "").rstrip("."))


async def yes(mode: "LineMode", _: str) -> None:
    """/yes: send what was held back because it looks like a secret."""
    await mode.send_held()


async def no(mode: "LineMode", _: str) -> None:
    """/no: drop what was held back."""
    mode.drop_held()


async def quit_(mode: "LineMode", _: str) -> None:
    """/quit: end; what is not sent yet is sent the next time."""
    mode.over = True


async def lock(mode: "LineMode", _: str) -> None:
    """/lock: end, so that the keys are dropped; the passphrase is asked for at the next start."""
    mode.over = True


COMMANDS: Final[dict[str, Command]] = {
    "help": help_,
    "rooms": rooms.rooms,
    "public": rooms.public,
    "go": rooms.go,
    "unread": messages.unread,
    "last": messages.last,
    "older": messages.older,
    "where": rooms.where,
    "reconnect": rooms.reconnect,
    "login": login,
    "who": rooms.who,
    "reply": messages.reply,
    "edit": messages.edit,
    "delete": messages.delete,
    "react": messages.react,
    "unreact": messages.unreact,
    "show": messages.show,
    "thread": messages.thread,
    "history": messages.history,
    "star": messages.star,
    "pin": messages.pin,
    "pins": messages.pins,
    "file": files.file,
    "save": files.save,
    "search": messages.search,
    "mentions": messages.mentions,
    "starred": messages.starred,
    "peek": messages.peek,
    "read": messages.read,
    "mark": messages.mark,
    "receipts": messages.receipts,
    "forget": messages.forget,
    "unsent": messages.unsent,
    "retry": messages.retry,
    "cancel": messages.cancel,
    "join": rooms.join,
    "create": rooms.create,
    "leave": rooms.leave,
    "dm": rooms.dm,
    "topic": rooms.topic,
    "favourite": rooms.favourite,
    "silence": rooms.silence,
    "whois": rooms.whois,
    "invite": rooms.invite,
    "uninvite": rooms.uninvite,
    "invitations": rooms.invitations,
    "accept": rooms.accept,
    "decline": rooms.decline,
    "block": rooms.block,
    "unblock": rooms.unblock,
    "blocked": rooms.blocked,
    "kick": rooms.kick,
    "ban": rooms.ban,
    "unban": rooms.unban,
    "mute": rooms.mute,
    "unmute": rooms.unmute,
    "role": rooms.role,
    "ignore": rooms.ignore,
    "unignore": rooms.unignore,
    "ignored": rooms.ignored,
    "encryption": encryption.encryption,
    "encrypt": encryption.encrypt,
    "verify": encryption.verify,
    "strict": encryption.strict,
    "words": encryption.words,
    "mycode": encryption.mycode,
    "devices": encryption.devices,
    "approve": encryption.approve,
    "recovery": encryption.recovery,
    "alarms": encryption.alarms,
    "refound": encryption.refound,
    "sessions": rooms.sessions,
    "away": rooms.away,
    "back": rooms.back,
    "yes": yes,
    "no": no,
    "lock": lock,
    "quit": quit_,
}


async def obey(mode: "LineMode", line: str) -> None:
    """Do what a line that begins with / says. Raises ParlourClientError, ParlourProtocolError."""
    name, _, rest = line.removeprefix("/").partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        raise SetupError(
            f"There is no command /{shown(name)}.", "/help says what there is; // begins a message with /."
        )
    await command(mode, rest.strip())
