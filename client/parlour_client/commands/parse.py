"""Parses chat input, a slash command and its arguments, into a command and typed values.

There is one parser for each kind of argument. Input that can't be parsed raises a sentence, and nothing is
done.
"""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from parlour_client.commands.command import (
    FOR_GOOD,
    TAKES_THE_REST,
    YES,
    Argument,
    Call,
    Command,
    Kind,
)
from parlour_client.commands.find import find_invitation, find_room
from parlour_client.commands.front import Front
from parlour_client.commands.table import names, spellings, topics
from parlour_client.commands.values import read_duration, read_number, read_person
from parlour_client.core.settings import BY_KEY
from parlour_client.kit.errors import SetupError, WrongUseError
from parlour_client.kit.language import _
from parlour_client.text.file_text import typed_path
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.text import safe_text
from parlour_protocol.room_name import parse_room_name


@dataclass(frozen=True, slots=True)
class Line:
    """Parsed input: a command with its rest, or a message."""

    command: Command[..., Any] | None
    rest: str
    unknown: str = ""
    """The word that was written in place of a command."""


@dataclass(frozen=True, slots=True)
class Given:
    """The values for a handler, and whether the person has already confirmed."""

    values: dict[str, Any]
    sure: bool = False


_NICK: Final = "nick"
_OPTION: Final = re.compile("--[a-z]")
"""The beginning of a word that is meant as an option: a text after other options never begins so."""
_NEAR: Final = 0.7
"""How similar a word must be to a command to be taken for a slip."""


def read_line(text: str, front: Front) -> Line:
    """Tell a command from a message; two slashes begin a message with one."""
    if text.startswith("//"):
        return Line(None, text[1:])
    if not text.startswith("/"):
        return Line(None, text)
    known = spellings(front)
    word, _, rest = text[1:].partition(" ")
    second, _, after = rest.strip().partition(" ")
    longer = known.get(f"{word.strip().lower()} {second.lower()}")
    if longer is not None:
        return Line(longer, after.strip())
    found = known.get(word.strip().lower())
    return Line(found, rest.strip(), unknown="" if found is not None else word)


def unknown_command(word: str, front: Front) -> WrongUseError:
    """Return the error for a word that runs nothing: what is meant, as far as that can be guessed."""
    if word.strip().lower() == _NICK:
        return WrongUseError(_("Your name is your account's and can't be changed."))
    shown = " ".join(safe_text(word).lines)
    near = difflib.get_close_matches(word.strip().lower(), spellings(front), 1, _NEAR)
    return WrongUseError(
        _("There is no command /{word}.").format(word=shown),
        _("Did you mean /{name}? // starts a message with a slash.").format(name=near[0])
        if near
        else _("/help lists the commands; // starts a message with a slash."),
    )


def unknown_help(word: str, front: Front) -> WrongUseError:
    """Return the error for a word that help knows neither as a command nor as a topic."""
    known = {name: name for name in spellings(front)} | {
        name: _(topic) for topic in topics() for name in (topic, _(topic))
    }
    near = difflib.get_close_matches(word.strip().lower(), known, 1, _NEAR)
    return WrongUseError(
        _("There is no command or topic {word}.").format(word=" ".join(safe_text(word).lines)),
        _("Did you mean /help {word}?").format(word=known[near[0]])
        if near
        else _("/help lists the commands and topics."),
    )


def read_arguments(command: Command[..., Any], rest: str, call: Call) -> Given:
    """Parse a command's arguments. Raises SetupError, ParlourProtocolError for invalid ones."""
    rest, sure = _without_yes(command, rest, call.front)
    if _options_of_the_shell(command).intersection(rest.split(" ")):
        raise command.wrong_use(call.front)  # `/create den --private` must not make a public room
    values: dict[str, Any] = {}
    for argument in _in_order(command, call.front):
        value, rest = READERS[argument.takes.kind](_Reading(command, argument, call), rest)
        values[argument.name] = argument.default if value is None else value
    if rest:
        raise _too_much(command, call.front)
    if command.check is not None:
        command.check(call.front, values)
    return Given(values, sure)


def _options_of_the_shell(command: Command[..., Any]) -> set[str]:
    """Return the options that only the shell has: in a chat they are neither a topic nor a reason."""
    flags = {f"--{one.flag}" for one in command.arguments if one.option or one.takes.kind is Kind.FLAG}
    yes = {YES} if command.asks is not None and command.asks.chat else set[str]()
    return (flags | yes) - {one.takes.word for one in command.arguments}


def _in_order(command: Command[..., Any], front: Front) -> Sequence[Argument]:
    """Return the order of parsing: words before arguments that take the rest of the line."""
    mine = [argument for argument in command.arguments if front in argument.takes.fronts]
    return sorted(mine, key=lambda argument: argument.takes.kind in TAKES_THE_REST)


def _longer_names(command: Command[..., Any], front: Front) -> list[str]:
    name = command.name(front)
    return [other for other in names(front) if other.startswith(f"{name} ")]


def _too_much(command: Command[..., Any], front: Front) -> WrongUseError:
    """Return the error for words that remain after a command's arguments."""
    if command.takes(front):
        return command.wrong_use(front)
    longer = ", ".join(f"/{name}" for name in _longer_names(command, front))
    return WrongUseError(
        _("{command} takes nothing after it.").format(command=command.written(front)),
        _("There is also {commands}.").format(commands=longer) if longer else "",
    )


def _without_yes(command: Command[..., Any], rest: str, front: Front) -> tuple[str, bool]:
    """Remove a confirmation at the end: only the line mode has one, the screen asks."""
    if command.asks is None or not command.asks.chat or front is not Front.LINE:
        return rest, False
    yes = FOR_GOOD if command.asks.for_good else YES
    if rest == yes or rest.endswith(f" {yes}"):
        return rest.removesuffix(yes).rstrip(), True
    return rest, False


# --- one parser for each kind: from the rest of the line to the value (None: none) and the new rest


@dataclass(frozen=True, slots=True)
class _Reading:
    command: Command[..., Any]
    argument: Argument
    call: Call

    def word(self, rest: str) -> tuple[str, str]:
        """Remove and return the first word. Raises SetupError if it is required and missing."""
        word, _, rest = rest.partition(" ")
        if not word and self.argument.required:
            raise self.command.wrong_use(self.call.front)
        return word, rest.strip()


def _here(reading: _Reading, rest: str) -> tuple[Any, str]:
    return reading.call.here(), rest


def _room(reading: _Reading, rest: str) -> tuple[Any, str]:
    """Parse a room's name; without one, or before the switch that follows, it is the open room."""
    switched = rest in {"", "on", "off"} and any(
        argument.takes.kind is Kind.SWITCH for argument in reading.command.arguments
    )
    return (reading.call.here(), rest) if not rest or switched else _named_room(reading, rest)


def _named_room(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    return find_room(reading.call.client, reading.call.front, word), rest


def _new_room(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    return parse_room_name(word.lstrip("#@")), rest


def _invitation(reading: _Reading, rest: str) -> tuple[Any, str]:
    return find_invitation(reading.call, rest), ""


def _person(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    return (read_person(word.lstrip("@#")) if word else None), rest


def _person_or_code(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    return (word if ":" in word else word.lstrip("@#")), rest  # a code has a colon, and no name has one


def _message(reading: _Reading, rest: str) -> tuple[Any, str]:
    call = reading.call
    if call.front is Front.UI:
        chosen = call.file if reading.argument.takes.kind is Kind.FILE else call.message
        if chosen is None:
            raise SetupError(_("There is no such message here."), _("Select one with Alt+Up."))
        return chosen, rest
    word, rest = reading.word(rest)
    return Seq(read_number(word)), rest


def _outgoing(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    waiting = reading.call.client.messages.outgoing()
    at = read_number(word, what=_("one of the unsent"))
    if at > len(waiting):
        raise SetupError(_("No unsent message has that number."), _("/outbox lists them."))
    return waiting[at - 1], rest


def _device(reading: _Reading, rest: str) -> tuple[Any, str]:
    """Find the device of that number in the list that was printed, not in the current one."""
    word, rest = reading.word(rest)
    listed = reading.call.devices
    if not listed:
        raise SetupError(_("The devices were not listed yet."), _("/devices lists them with their numbers."))
    at = read_number(word, what=_("a device"))
    if at > len(listed):
        raise SetupError(_("No device has that number."), _("/devices lists them with their numbers."))
    return listed[at - 1], rest


def _alarm(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    raised = reading.call.client.encryption.alarms()
    at = read_number(word, what=_("an alarm"))
    if at > len(raised):
        raise SetupError(_("There is no such alarm."), _("/alarms lists them."))
    return raised[at - 1].id, rest


def _text(reading: _Reading, rest: str) -> tuple[Any, str]:
    if not rest and reading.argument.required:
        raise reading.command.wrong_use(reading.call.front)
    is_option = _OPTION.match(rest) and any(
        one.option or one.takes.kind is Kind.FLAG for one in reading.command.arguments
    )
    if is_option and reading.argument.takes.kind is Kind.TEXT:  # misspelt, or it has none of that name
        raise reading.command.wrong_use(reading.call.front)
    return rest or None, ""


def _word(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    return word or None, rest


def _choice(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    if not word and not reading.argument.required:
        return reading.argument.default, rest
    if word not in reading.argument.takes.choices:
        raise reading.command.wrong_use(reading.call.front)
    return word, rest


def _count(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    return (read_number(word, what="messages") if word else None), rest


def _days(reading: _Reading, rest: str) -> tuple[Any, str]:
    """Parse a number of days; a flag in its place means that there is none."""
    word, after = reading.word(rest)
    if not word or word.startswith("--"):
        return None, rest
    if not word.isascii() or not word.isdigit():
        raise reading.command.wrong_use(reading.call.front)
    return int(word[:17]), after


def _duration(reading: _Reading, rest: str) -> tuple[Any, str]:
    """Parse a length of time; any other word belongs to the text after it, if there is one."""
    word, _space, after = rest.partition(" ")
    seconds = read_duration(word) if word else None
    if seconds is not None:
        return seconds, after.strip()
    last = reading.command.arguments[-1] is reading.argument
    if word and last:
        raise SetupError(_("Write how long as 10m, 2h or 7d."))
    return None, rest


def _flag(reading: _Reading, rest: str) -> tuple[Any, str]:
    """Look for a flag among the next flags, in any order."""
    wanted = reading.argument.takes.word or reading.argument.name
    others = {
        argument.takes.word or argument.name
        for argument in reading.command.arguments
        if argument.takes.kind is Kind.FLAG
    }
    words = rest.split(" ")
    flags = 0
    while flags < len(words) and words[flags] in others and words[flags] not in words[:flags]:
        flags += 1
    if wanted not in words[:flags]:
        return False, rest
    words.remove(wanted)
    return True, " ".join(words).strip()


def _switch(reading: _Reading, rest: str) -> tuple[Any, str]:
    if rest not in {"", "on", "off"} or (not rest and reading.argument.required):
        raise reading.command.wrong_use(reading.call.front)
    return {"on": True, "off": False}.get(rest), ""


def _setting(reading: _Reading, rest: str) -> tuple[Any, str]:
    word, rest = reading.word(rest)
    row = BY_KEY.get(word.lower())
    if word and row is None:
        near = difflib.get_close_matches(word.lower(), BY_KEY, 1)
        raise SetupError(
            _("There is no setting {name}.").format(name=" ".join(safe_text(word).lines)),
            _("Did you mean {name}?").format(name=near[0]) if near else _("/set lists them."),
        )
    return row, rest


def _path(reading: _Reading, rest: str) -> tuple[Any, str]:
    del reading
    return typed_path(rest)


READERS: Final[dict[Kind, Callable[[_Reading, str], tuple[Any, str]]]] = {
    Kind.HERE: _here,
    Kind.ROOM: _room,
    Kind.NAMED_ROOM: _named_room,
    Kind.NEW_ROOM: _new_room,
    Kind.PUBLIC_ROOM: _word,
    Kind.INVITATION: _invitation,
    Kind.PERSON: _person,
    Kind.PERSON_OR_CODE: _person_or_code,
    Kind.MESSAGE: _message,
    Kind.FILE: _message,
    Kind.OUTGOING: _outgoing,
    Kind.DEVICE: _device,
    Kind.SESSION: _word,
    Kind.ALARM: _alarm,
    Kind.TEXT: _text,
    Kind.QUERY: _text,
    Kind.EMOJI: _text,
    Kind.WORD: _word,
    Kind.CHOICE: _choice,
    Kind.COUNT: _count,
    Kind.DAYS: _days,
    Kind.DURATION: _duration,
    Kind.FLAG: _flag,
    Kind.SWITCH: _switch,
    Kind.PATH: _path,
    Kind.SETTING: _setting,
    Kind.SETTING_VALUE: _text,
}
