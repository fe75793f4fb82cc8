"""Help for the argument of a `/` command that is being typed: the usage, which part it is, what it wants.

It takes the text before the cursor, and knows no widget.
"""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from parlour_client.commands.command import TAKES_THE_REST, Argument, Kind
from parlour_client.commands.front import Front
from parlour_client.commands.parse import read_line
from parlour_client.commands.values import read_duration
from parlour_client.core.settings import BY_KEY
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.safe import join, own

_WANTS: Final = {
    Kind.ROOM: N_("one of your rooms; this one if you name none"),
    Kind.NAMED_ROOM: N_("one of your rooms"),
    Kind.NEW_ROOM: N_("the new room's name: letters, digits and - _ ."),
    Kind.PUBLIC_ROOM: N_("a public room, or one of yours"),
    Kind.INVITATION: N_("the room or @person of the invitation; the only one if you name none"),
    Kind.PERSON: N_("someone's name"),
    Kind.PERSON_OR_CODE: N_("someone's name, or the code that their /mycode shows"),
    Kind.OUTGOING: N_("its number in /outbox"),
    Kind.DEVICE: N_("its number in /devices"),
    Kind.SESSION: N_("its number in /sessions"),
    Kind.ALARM: N_("its number in /alarms"),
    Kind.TEXT: N_("the rest of the line"),
    Kind.QUERY: N_("words, from:NAME in:ROOM before:DATE after:DATE has:link is:unread"),
    Kind.EMOJI: N_("an emoji, or the beginning of its name"),
    Kind.FLAG: N_("write it, or leave it out"),
    Kind.COUNT: N_("a number"),
    Kind.DAYS: N_("a number of days"),
    Kind.DURATION: N_("how long: 10m, 2h or 7d"),
    Kind.SETTING: N_("the name of a setting; all of them if you name none"),
    Kind.PATH: N_("a file; Tab completes the path"),
}


def argument_help(before: str, takes: str = "") -> Content | None:
    """Return the help for the text before the cursor; None if no command's arguments are being typed.

    ``takes`` is the key that takes what is offered.
    """
    line = read_line(before, Front.UI)
    command = line.command
    if command is None or " " not in before or "\n" in before:
        return None
    arguments = command.takes(Front.UI)
    if not arguments:
        return join(own(command.written(Front.UI), "bold"), own(f"  {command.help}", "dim"))
    current = current_argument(arguments, line.rest, begun=not before.endswith(" "))
    parts = [
        own(argument.written(Front.UI), "bold reverse" if argument is current else "dim")
        for argument in arguments
    ]
    usage = own(" ").join([own(command.written(Front.UI)), *parts])
    if current is None:
        return usage
    taken = f" · {_('{key} takes it').format(key=takes)}" if takes else ""
    return join(usage, own(f"  {_sentence(current, line.rest)}{taken}"))


def _sentence(argument: Argument, rest: str) -> str:
    """Say what an argument wants; the brackets of the usage say whether it may be left out."""
    takes = argument.takes
    match takes.kind:
        case Kind.CHOICE:
            wants = _("one of {choices}").format(choices=", ".join(takes.choices))
        case Kind.SWITCH:
            wants = _("on or off; the other state if you write neither")
        case Kind.SETTING_VALUE:
            wants = _value_wanted(rest.partition(" ")[0])
        case _:
            wants = _(takes.help).rstrip(".") or _(_WANTS.get(takes.kind, ""))
    return f"{argument.label(Front.UI)}: {wants}" if wants else ""


def _value_wanted(name: str) -> str:
    row = BY_KEY.get(name.lower())
    if row is None:
        return _("no setting has this name")
    if not row.words:
        return row.help
    return _("{help}: one of {choices}").format(help=row.help, choices=", ".join(row.words))


def current_argument(arguments: Sequence[Argument], rest: str, *, begun: bool) -> Argument | None:
    """Return the argument of the last word, or of the next one if none is begun; None after the last."""
    words = rest.split()
    done, word = (words[:-1], words[-1]) if begun and words else (words, "")
    left = list(arguments)
    for typed in done:
        while left and not _fits(left[0], typed):
            left.pop(0)
        if left and left[0].takes.kind not in TAKES_THE_REST:
            left.pop(0)
    while len(left) > 1 and word and not _fits(left[0], word, whole=False):
        left.pop(0)
    if not word:  # what need not be written does not hide what must be
        return next(
            (argument for argument in left if argument.is_required(Front.UI)), left[0] if left else None
        )
    return left[0] if left else None


def _fits(argument: Argument, word: str, *, whole: bool = True) -> bool:
    """Say whether a word can be this argument, or, unless it is ``whole``, its beginning."""
    match argument.takes.kind:
        case Kind.FLAG:
            flag = argument.takes.word or argument.name
            return word == flag if whole else flag.startswith(word)
        case Kind.SWITCH:
            return word in {"on", "off"} if whole else "on".startswith(word) or "off".startswith(word)
        case Kind.DURATION:
            return read_duration(word) is not None if whole else word[0].isdigit()
        case _:
            return True
