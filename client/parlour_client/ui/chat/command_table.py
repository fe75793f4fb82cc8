"""The slash commands: one table that parsing, completion and help read.

A command is a word and a rest; what it does stands in ``deeds``. A line that begins with ``//`` is a message
that begins with one slash. The composer's screen calls ``parse``.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Command:
    """One slash command. ``takes`` names what its first word completes to."""

    name: str
    usage: str
    help: str
    takes: str = ""

    @property
    def line(self) -> str:
        """How it is written."""
        return f"/{self.name} {self.usage}".rstrip()


COMMANDS: Final = (
    Command("help", "", "keys and commands"),
    Command("rooms", "", "public rooms of this server, to look and to join"),
    Command("join", "ROOM", "enter a public room", "room"),
    Command("leave", "", "leave this room; you are asked once"),
    Command(
        "create",
        "NAME [private] [encrypted] [post-quantum]",
        "make a room; private rooms are entered by invitation",
    ),
    Command("dm", "PERSON [MESSAGE]", "open a direct room, end-to-end encrypted", "person"),
    Command("invite", "PERSON", "invite somebody into this room; they enter by accepting", "person"),
    Command("uninvite", "PERSON", "take your invitation of somebody back", "person"),
    Command("invitations", "", "who invites you into which room, and who wants to write to you"),
    Command(
        "accept", "[ROOM|@PERSON]", "enter a room that you are invited into, or say yes to a direct room"
    ),
    Command("decline", "[ROOM|@PERSON]", "turn an invitation down, or hide a direct room; nobody is told"),
    Command(
        "block", "[PERSON]", "see no invitation and no direct room of somebody; they are not told", "person"
    ),
    Command("unblock", "PERSON", "see invitations and new direct rooms of somebody again", "person"),
    Command("blocked", "", "whom you block"),
    Command("topic", "[TEXT | --clear]", "show the topic, or set it; --clear takes it away"),
    Command("who", "", "show or hide who is here"),
    Command("kick", "PERSON [REASON]", "put somebody out; they may come back", "person"),
    Command("ban", "PERSON [10m|2h|7d] [REASON]", "put somebody out and keep them out", "person"),
    Command("unban", "PERSON", "lift a ban", "person"),
    Command("mute", "PERSON [10m|2h|7d]", "let somebody read but not write", "person"),
    Command("unmute", "PERSON", "let somebody write again", "person"),
    Command("role", "PERSON owner|moderator|member", "give somebody a role", "person"),
    Command("react", "EMOJI", "react to the selected message, or to the newest", "emoji"),
    Command("file", "PATH [CAPTION]", "send a file; alt+x cancels it", "path"),
    Command("save", "", "save the file of the selected message, or the newest one, into your downloads"),
    Command("search", "[WORDS]", "search what you have: words, from:NAME in:ROOM before: after: has: is:"),
    Command("mentions", "", "messages that name you"),
    Command("unread", "", "everything that you have not read"),
    Command("starred", "", "messages that you put a star to"),
    Command("star", "", "put a star to the selected message, or to the newest; again takes it off"),
    Command(
        "pin",
        "",
        "pin the selected message, or the newest, for everybody: you are asked; again takes it off",
    ),
    Command("pins", "", "what is pinned in this room"),
    Command("thread", "", "all messages that hang together with the selected one by replies"),
    Command("history", "", "the earlier texts of the selected message"),
    Command("outbox", "", "what is on its way: its state, send again, take back"),
    Command("read", "[all]", "mark this room read, or all rooms"),
    Command("peek", "[ROOM]", "look into a room without marking anything read", "room"),
    Command("forget", "[12h|30d]", "forget what was said here, or what is older, on this device alone"),
    Command("favourite", "[ROOM]", "put a room among the favourites, or take it out", "room"),
    Command("silence", "[ROOM]", "mute a room for yourself, or let it be heard again", "room"),
    Command("sort", "name|recent|unread", "the order of the list of rooms"),
    Command("whois", "[PERSON]", "what is known of somebody", "person"),
    Command("ignore", "PERSON", "fold what somebody says, on this device alone", "person"),
    Command("unignore", "PERSON", "show again what somebody says", "person"),
    Command("ignored", "", "whom you ignore"),
    Command("encryption", "[renew]", "who can read this room and who admitted them; renew an older room"),
    Command("encrypt", "", "make this room end-to-end encrypted, for good"),
    Command("verify", "[PERSON]", "compare the keys of somebody: digits, code, or short words", "person"),
    Command("strict", "on|off", "send here only while everybody in the room is verified"),
    Command("words", "", "go on with short words that somebody began"),
    Command("mycode", "", "your own code, for others to scan or copy"),
    Command("devices", "", "your devices with keys: approve one, hand it history, revoke it"),
    Command("approve", "CODE", "approve a new device of yours by the code that it shows"),
    Command("recovery", "", "the 24 words for when all your devices are lost"),
    Command("alarms", "", "keys that do not fit, and what else must not be missed"),
    Command("refound", "", "found the group of a room anew, when its members cannot agree any more"),
    Command("sessions", "", "devices logged in to your account; log one out from here"),
    Command("login", "", "log in again after your session has ended; what is queued is sent then"),
    Command("reconnect", "", "try to connect now, and not only when the status line says"),
    Command("away", "", "tell the others that you are away"),
    Command("back", "", "tell the others that you are here"),
    Command("typing", "on|off", "let others see that you type (off at the start)"),
    Command("receipts", "on|off", "let others see how far you have read (off at the start)"),
    Command("editor", "", "go on writing in your own editor"),
    Command("settings", "", "look at the settings and change them"),
    Command("theme", "", "choose the colours"),
    Command("jump", "", "paint a letter on whatever can be reached, and go there"),
    Command("account", "[NAME]", "switch to another account of yours"),
    Command("lock", "", "close keys and messages until your passphrase is typed"),
    Command("quit", "", "leave Parlour; what is queued stays queued"),
)
CLEAR: Final = "--clear"
"""What takes the topic away: an empty line must not."""
BY_NAME: Final = {command.name: command for command in COMMANDS}
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Line:
    """What was written: a command with its rest, or a message."""

    command: Command | None
    rest: str
    unknown: bool = False


def parse(text: str) -> Line:
    """Tell a command from a message."""
    if text.startswith("//"):
        return Line(None, text[1:])
    if not text.startswith("/"):
        return Line(None, text)
    word, _, rest = text[1:].partition(" ")
    command = BY_NAME.get(word.strip().lower())
    return Line(command, rest.strip(), unknown=command is None)


def first_word(rest: str) -> tuple[str, str]:
    """Split off the first word, without an `@` or `#` before it."""
    word, _, tail = rest.partition(" ")
    return word.lstrip("@#"), tail.strip()


def seconds(word: str) -> int | None:
    """Read `10m`, `2h`, `7d`; None when the word is no length of time."""
    number, unit = word[:-1], _UNITS.get(word[-1:])
    if unit is None or not (number.isascii() and number.isdigit()) or len(number) > 6:  # noqa: PLR2004 - a year in seconds has 8
        return None
    return int(number) * unit
