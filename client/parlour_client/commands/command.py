"""A command: its names, its arguments, its help and its handler, and the handler's context.

A handler takes a ``Call`` and typed arguments, does one thing with the client, and returns a ``Result`` (or
nothing, if the room's log shows it) or raises the core's typed error. It prints nothing, knows no widget.
``@command`` makes the entry of the table from the handler's signature and docstring.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Concatenate,
    Final,
    Generic,
    ParamSpec,
    TypeVar,
    get_args,
)

from parlour_client.commands.front import Front
from parlour_client.kit.errors import SetupError, WrongUseError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.ids import DeviceId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role

if TYPE_CHECKING:
    from parlour_client.commands.results import Result
    from parlour_client.core.client import Client
    from parlour_client.core.model import Invitation, Outgoing, Room
    from parlour_client.core.setting import Setting
    from parlour_client.core.settings import Settings

P = ParamSpec("P")
R = TypeVar("R", bound="Result | None")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Instead of a name: what a person does there instead, or why it is not available there."""

    instead: str


SCREEN_ONLY: Final = Elsewhere(N_("It belongs to the full-screen chat."))


class View(Enum):
    """Something that a front end does by itself, without a handler."""

    HELP = auto()
    LOGIN = auto()
    QUIT = auto()
    SEND_HELD = auto()
    DROP_HELD = auto()
    CANCEL_TRANSFER = auto()
    MEMBERS = auto()
    CLOSE_THREAD = auto()
    SETTINGS = auto()
    SETTINGS_FILE = auto()
    EDITOR = auto()
    ACCOUNT = auto()
    SORT = auto()
    SHELL = auto()
    """A command of the shell only, with code of its own in ``cli``."""


class Connect(Enum):
    """How far a connection must be before the command line runs a command."""

    ONLINE = auto()
    CAUGHT_UP = auto()
    """All rooms and keys are up to date."""
    SETTLED = auto()
    """Caught up, and the room's group is up to date."""
    IF_POSSIBLE = auto()
    """Caught up; without a connection, the local data must do."""


class Kind(Enum):
    """The kind of an argument, and so how each front end parses it."""

    HERE = auto()
    """A room of yours: the open one; on the command line it is named."""
    ROOM = auto()
    """A room of yours by its name; in a chat, the open one if none is named."""
    NAMED_ROOM = auto()
    """A room of yours that is always named."""
    NEW_ROOM = auto()
    """The name of a room to create."""
    PUBLIC_ROOM = auto()
    """The name of a public room; on the chat screen also of one of yours."""
    INVITATION = auto()
    """One of your invitations; in a chat, the only one if none is named."""
    PERSON = auto()
    PERSON_OR_CODE = auto()
    """A person, or someone's verification code."""
    MESSAGE = auto()
    """A message by its number; on the chat screen the selected one, or the newest."""
    FILE = auto()
    """A message with a file; on the chat screen the selected one, or the newest with a file."""
    OUTGOING = auto()
    """One of `/outbox`, by its number there."""
    DEVICE = auto()
    """A device with keys: its id; in the line mode its number in the list."""
    SESSION = auto()
    """A session: its id; in the line mode its number in the list."""
    ALARM = auto()
    """An alarm, by its number in the list."""
    TEXT = auto()
    """The rest of the line."""
    QUERY = auto()
    """The words of a search; on the command line at least one."""
    WORD = auto()
    CHOICE = auto()
    """One of a few words."""
    EMOJI = auto()
    """A reaction: the rest of the line; an emoji is completed by its name."""
    COUNT = auto()
    DAYS = auto()
    DURATION = auto()
    """Seconds; written `10m`, `2h`, `7d` in a chat."""
    FLAG = auto()
    """A word that is present or not."""
    SWITCH = auto()
    """`on` or `off`; without either: on, and on the chat screen the other state."""
    PATH = auto()
    SETTING = auto()
    """A setting by its name."""
    SETTING_VALUE = auto()
    """The rest of the line: the value of the setting before it."""


TAKES_THE_REST: Final = frozenset({Kind.TEXT, Kind.QUERY, Kind.EMOJI, Kind.SETTING_VALUE})
"""Read last: nothing of a line remains after them."""


@dataclass(frozen=True, slots=True)
class Takes:
    """How a handler's parameter is written; used in its annotation."""

    kind: Kind
    label: str = ""
    """Its name in usage and help; empty: the parameter's name."""
    help: str = ""
    """The text of an option in the command line's `--help`."""
    choices: tuple[str, ...] = ()
    word: str = ""
    """How a flag is written in a chat; empty: its name."""
    option: str = ""
    """The option of the command line, without its dashes; empty: the parameter's name."""
    fronts: frozenset[Front] = frozenset(Front)
    """Where it can be written."""


_SHELL_LABELS: Final = {
    Kind.PERSON: "USER",
    Kind.PERSON_OR_CODE: "USER|CODE",
    Kind.MESSAGE: "SEQ",
    Kind.FILE: "SEQ",
    Kind.DEVICE: "DEVICE",
    Kind.SESSION: "ID",
}
"""The shell's equivalent of a number that a chat has printed, in its users' terms."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command."""

    name: str
    takes: Takes
    required: bool
    option: bool
    """The handler takes it by name only: the command line has an option for it."""
    default: object = None

    def label(self, front: Front) -> str:
        """Return its label in usage."""
        label = _SHELL_LABELS.get(self.takes.kind) if front is Front.CLI else None
        return label or self.takes.label or self.name.upper()

    def is_required(self, front: Front) -> bool:
        """Say whether it must be written: in a chat the open room, or the only invitation, need not be."""
        if front is Front.CLI:
            return self.required or self.takes.kind is Kind.QUERY  # a chat asks what to search for
        return self.required and self.takes.kind not in {Kind.ROOM, Kind.INVITATION, Kind.FLAG}

    def written(self, front: Front) -> str:
        """Return how it is written in usage: `PERSON`, `[10m|2h|7d]`."""
        if front is Front.CLI and self.option:
            value = "" if self.takes.kind in {Kind.FLAG, Kind.SWITCH} else f" {self.label(front)}"
            return f"[--{self.flag}{value}]"
        label = {
            Kind.FLAG: self.takes.word or self.name,
            Kind.SWITCH: "on|off",
            Kind.DURATION: "10m|2h|7d",
            Kind.CHOICE: "|".join(self.takes.choices),
            Kind.INVITATION: "ROOM|@PERSON",
        }.get(self.takes.kind, self.label(front))
        return label if self.is_required(front) else f"[{label}]"

    @property
    def flag(self) -> str:
        """The option of the command line, without its dashes."""
        if self.takes.kind is Kind.SWITCH:
            return "off"
        return self.takes.option or self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Asks:
    """The command asks once before it acts."""

    chat: bool = True
    for_good: bool = False
    """It can't be undone, so the line mode wants the words `for good` instead of a y."""
    cli: bool = False
    """The command line asks too, unless `--yes` is given; else the complete command is enough."""


FOR_GOOD: Final = "for good"
"""The words typed in the line mode to do something that can't be undone."""
YES: Final = "--yes"
"""The option for scripts instead of an answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """Where and how a command was given."""

    client: "Client"
    front: Front
    settings: "Settings"
    room: "Room | None" = None
    """The open room."""
    message: Seq | None = None
    """The selected message, or the newest; on the chat screen."""
    file: Seq | None = None
    """The same, among messages with a file."""
    thread: Seq | None = None
    """The first message of the thread in which it was written; on the chat screen."""
    devices: tuple[DeviceId, ...] = ()
    """The devices as the line mode last listed them."""
    oldest: Seq | None = None
    """The oldest message of the room that the line mode has printed."""

    def here(self) -> "Room":
        """Return the open room's current state. Raises SetupError."""
        room = self.client.rooms.get(self.room.id) if self.room is not None else None
        if room is None:
            how = {
                Front.UI: _("/rooms lists them."),
                Front.LINE: _("/go ROOM opens one; /joined lists yours."),
                Front.CLI: _("Name it."),
            }[self.front]
            raise SetupError(_("No room is open."), how)
        return room

    def switch(self, on: bool | None, now: bool) -> bool:  # noqa: FBT001 - two states of one switch
        """Return the new state of a switch: as written; else the other state on the screen, on elsewhere."""
        if on is not None:
            return on
        return not now if self.front is Front.UI else True

    def with_emoji(self, text: str) -> str:
        """Return what a person wrote, with emoji for their names if the settings say so."""
        if not self.settings.shortcodes or text.count(":") < 2:  # noqa: PLR2004 - a name is between two
            return text
        from parlour_client.text.emoji_names import with_emoji  # noqa: PLC0415 - `--help` needs no text rule

        return with_emoji(text)

    def written(self, command: "Command[..., Any]") -> str:
        """Return how a command is written here, for a hint."""
        return command.written(self.front)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Command(Generic[P, R]):
    """One command."""

    names: dict[Front, str | Elsewhere]
    sentence: str
    """Its help, in English, without its full stop; ``help`` translates it."""
    further: str = ""
    """Further English text of `parlour NAME --help`; ``about`` translates it."""
    arguments: tuple[Argument, ...] = ()
    handler: Callable[Concatenate[Call, P], Awaitable[R]] | None = None
    view: View | None = None
    """A front end with this view shows it; others run the handler."""
    role: Role = Role.MEMBER
    """The lowest role that may use it."""
    asks: Asks | None = None
    connect: Connect = Connect.ONLINE
    json: bool = False
    """The command line prints its result as JSON, too."""
    examples: tuple[str, ...] = ()
    """Command lines, without `parlour`."""
    aliases: tuple[str, ...] = ()
    """Other words for it in a chat, which people know from other programs."""
    undoes: str = ""
    """The name, in a chat, of the command that it undoes; `/help` names each at the other."""
    check: Callable[[Front, Mapping[str, Any]], None] | None = None
    """Raises errors about values that do not fit together, before anything is connected."""

    def __call__(self, call: Call, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Run the handler."""
        assert self.handler is not None, self.names  # noqa: S101 - a front end shows views itself
        return self.handler(call, *args, **kwargs)

    @property
    def help(self) -> str:
        """One sentence, without its full stop."""
        return _(self.sentence)

    @property
    def about(self) -> str:
        """Further text of `parlour NAME --help`."""
        return _(self.further)

    @property
    def who(self) -> str:
        """A sentence about who may use it, if not everyone."""
        return _(_WHO[self.role])

    def name(self, front: Front) -> str | None:
        """Return its name in a front end; None if it has none."""
        name = self.names[front]
        return name if isinstance(name, str) else None

    def reason(self, front: Front) -> str:
        """Return what to do instead in a front end without it."""
        name = self.names[front]
        return _(name.instead) if isinstance(name, Elsewhere) else ""

    def written(self, front: Front) -> str:
        """Return how it is written in a front end, without arguments, or what to do instead."""
        name = self.name(front)
        if name is None:
            return self.reason(front)
        return f"parlour {name}" if front is Front.CLI else f"/{name}"

    def takes(self, front: Front) -> tuple[Argument, ...]:
        """Return its arguments in a front end."""
        written = [argument for argument in self.arguments if _is_written(argument, front)]
        if front is Front.CLI:
            return tuple(written)
        return tuple(sorted(written, key=lambda argument: argument.takes.kind in TAKES_THE_REST))

    def usage(self, front: Front) -> str:
        """Return how it is written, with its arguments: `/kick PERSON [REASON]`."""
        words = [self.written(front), *(argument.written(front) for argument in self.takes(front))]
        if front is Front.CLI:
            words += ["[--json]"] * self.json
            words += [f"[{YES}]"] * (self.asks is not None and self.asks.cli)
        if self.asks is not None and self.asks.chat and front is Front.LINE:
            words.append(f"[{FOR_GOOD}]" if self.asks.for_good else f"[{YES}]")
        return " ".join(words)

    def known_as(self) -> str:
        """Return its other words, for help: `/part`; empty if it has none."""
        return ", ".join(f"/{alias}" for alias in self.aliases)

    def wrong_use(self, front: Front) -> WrongUseError:
        """Return the error for input that can't be parsed."""
        return WrongUseError(_("Write {usage}.").format(usage=self.usage(front)))


_WHO: Final = {
    Role.MEMBER: "",
    Role.MODERATOR: N_("For moderators and owners."),
    Role.OWNER: N_("For owners."),
}


def _is_written(argument: Argument, front: Front) -> bool:
    hidden = {
        Front.UI: {Kind.HERE, Kind.MESSAGE, Kind.FILE},
        Front.LINE: {Kind.HERE},
        Front.CLI: set[Kind](),
    }
    return front in argument.takes.fronts and argument.takes.kind not in hidden[front]


def command(
    name: str = "",
    *,
    ui: str | Elsewhere | None = None,
    line: str | Elsewhere | None = None,
    cli: str | Elsewhere,
    view: View | None = None,
    role: Role = Role.MEMBER,
    asks: Asks | None = None,
    connect: Connect = Connect.ONLINE,
    json: bool = False,
    examples: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    undoes: str = "",
    check: Callable[[Front, Mapping[str, Any]], None] | None = None,
) -> Callable[[Callable[Concatenate[Call, P], Awaitable[R]]], Command[P, R]]:
    """Make an entry of the table from a handler; ``name`` is that of both chats, unless one has its own."""

    def made(handler: Callable[Concatenate[Call, P], Awaitable[R]]) -> Command[P, R]:
        first, _, about = inspect.cleandoc(handler.__doc__ or "").partition("\n")
        written = [
            parameter
            for parameter in inspect.signature(handler).parameters.values()
            if parameter.name != "call"
        ]
        return Command(
            names={Front.UI: ui or name, Front.LINE: line or name, Front.CLI: cli},
            sentence=first.rstrip("."),
            further=about.strip(),
            arguments=tuple(_argument(parameter) for parameter in written),
            handler=handler,
            view=view,
            role=role,
            asks=asks,
            connect=connect,
            json=json,
            examples=examples,
            aliases=aliases,
            undoes=undoes,
            check=check,
        )

    return made


def shown_by(
    view: View | None,
    sentence: str,
    name: str = "",
    *,
    ui: str | Elsewhere | None = None,
    line: str | Elsewhere | None = None,
    cli: str | Elsewhere,
    arguments: tuple[Argument, ...] = (),
    aliases: tuple[str, ...] = (),
) -> Command[..., Any]:
    """Make an entry of the table for something that a front end does by itself; without a view, an extra."""
    names = {Front.UI: ui or name, Front.LINE: line or name, Front.CLI: cli}
    return Command(names=names, sentence=sentence, view=view, arguments=arguments, aliases=aliases)


def _argument(parameter: inspect.Parameter) -> Argument:
    takes = next(arg for arg in get_args(parameter.annotation) if isinstance(arg, Takes))
    required = parameter.default is inspect.Parameter.empty
    return Argument(
        name=parameter.name,
        takes=takes,
        required=required,
        option=parameter.kind is inspect.Parameter.KEYWORD_ONLY,
        default=None if required else parameter.default,
    )


# --- annotations for handlers' signatures

SHELL: Final = frozenset({Front.CLI})
CHAT: Final = frozenset({Front.UI, Front.LINE})

Here = Annotated["Room", Takes(Kind.HERE, "ROOM")]
OwnRoom = Annotated["Room", Takes(Kind.ROOM, "ROOM")]
NamedRoom = Annotated["Room", Takes(Kind.NAMED_ROOM, "ROOM")]
NewRoom = Annotated[RoomName, Takes(Kind.NEW_ROOM, "NAME")]
PublicRoom = Annotated[str, Takes(Kind.PUBLIC_ROOM, "ROOM")]
Invited = Annotated["Invitation", Takes(Kind.INVITATION, "ROOM")]
Person = Annotated[UserName, Takes(Kind.PERSON, "PERSON")]
Message = Annotated[Seq, Takes(Kind.MESSAGE, "NUMBER")]
FileMessage = Annotated[Seq, Takes(Kind.FILE, "NUMBER")]
Unsent = Annotated["Outgoing", Takes(Kind.OUTGOING, "NUMBER")]
Device = Annotated[DeviceId, Takes(Kind.DEVICE, "NUMBER")]
Session = Annotated[str, Takes(Kind.SESSION, "NUMBER")]
AlarmNumber = Annotated[int, Takes(Kind.ALARM, "NUMBER")]
Text = Annotated[str, Takes(Kind.TEXT, "TEXT")]
Words = Annotated[str, Takes(Kind.TEXT, "WORDS")]
Reason = Annotated[str, Takes(Kind.TEXT, "REASON", N_("The reason; everyone in the room sees it."))]
Emoji = Annotated[str, Takes(Kind.EMOJI, "EMOJI")]
Count = Annotated[int, Takes(Kind.COUNT, "NUMBER")]
For = Annotated[
    int | None, Takes(Kind.DURATION, "SECONDS", N_("For how long; default: for good."), option="for")
]
On = Annotated[bool | None, Takes(Kind.SWITCH, help=N_("Undo it."))]
File = Annotated[Path, Takes(Kind.PATH, "PATH")]
OneSetting = Annotated["Setting | None", Takes(Kind.SETTING, "NAME")]
SettingValue = Annotated[str, Takes(Kind.SETTING_VALUE, "VALUE")]
