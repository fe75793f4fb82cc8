"""Tab completion: commands after `/`, people after `@`, rooms after `#`, emoji after `:`, and arguments.

It takes names and the text before the cursor and returns the possible completions; it knows no widget. The
composer calls it on every change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from textual.content import Content

from parlour_client.commands.command import Argument, Command, Kind
from parlour_client.commands.front import Front
from parlour_client.commands.parse import read_line
from parlour_client.commands.table import names, spellings
from parlour_client.core.setting import DEFAULT
from parlour_client.core.settings import BY_KEY
from parlour_client.kit.widgets.safe import join, own, peer_line
from parlour_client.text.emoji_names import named
from parlour_client.ui.input.argument_help import current_argument
from parlour_client.ui.input.path_completion import paths

MAX_OFFERED: Final = 8
_SIGNS: Final = "@#*"
"""What stands before names in lists."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One completion: the text to insert, and its label in the list."""

    insert: str
    display: Content


@dataclass(frozen=True, slots=True)
class Offers:
    """The completions for the text from ``start`` to the cursor."""

    start: int
    offers: tuple[Offer, ...] = ()


def complete(
    before: str,
    people: Mapping[str, str],
    rooms: Iterable[str],
    *,
    known: Iterable[str] = (),
    invitations: Iterable[str] = (),
) -> Offers:
    """Return the completions for the text before the cursor (of its line).

    ``people`` are the members of the open room, whom a message may mention, with what we have to say of each;
    a command may be about anyone who is ``known``, too. ``rooms`` and ``invitations`` are titles: `lobby`,
    `@ben`.
    """
    start = before.rfind(" ") + 1
    word = before[start:]
    if before.startswith("/") and start == 0:
        return Offers(0, _commands(word[1:].lower()))
    argument = _argument_at(before)
    takes = argument.takes.kind if argument is not None else None
    if takes is Kind.PATH:
        typed = before.partition(" ")[2]
        offered = paths(typed, MAX_OFFERED)
        return Offers(len(before) - len(typed), tuple(Offer(path, peer_line(path)) for path in offered))
    everyone = dict.fromkeys((*sorted(people), *sorted(known)))
    named, colon, value = word.partition(":")
    offers: tuple[Offer, ...]
    match takes:
        case Kind.QUERY if colon and named in {"from", "in"}:
            start += len(named) + 1
            offers = _people(value, everyone, people) if named == "from" else _names(value, sorted(rooms))
        case Kind.SETTING:
            offers = _settings(word)
        case Kind.SETTING_VALUE:
            offers = _setting_values(before)
        case Kind.PERSON | Kind.PERSON_OR_CODE:
            offers = _people(word.lstrip(_SIGNS), everyone, people)
        case Kind.INVITATION:
            offers = _rooms(word, invitations)
        case Kind.EMOJI:
            offers = emoji_offers(word.lstrip(":"))
        case _ if argument is not None and argument.takes.label == "ROOM":
            offers = _rooms(word, rooms)
        case _:
            offers = _by_sign(word, people, rooms)
    return Offers(start, offers)


def _by_sign(word: str, people: Mapping[str, str], rooms: Iterable[str]) -> tuple[Offer, ...]:
    """Offer what a word in a text begins with its sign."""
    match word[:1]:
        case "@":
            return _people(word[1:], sorted(people), people, "@")
        case "#":
            return _names(word[1:], sorted(title for title in rooms if not title.startswith("@")), "#")
        case ":":
            return emoji_offers(word[1:])
        case _:
            return ()


def _argument_at(before: str) -> Argument | None:
    """Return the command's argument that is being written."""
    line = read_line(before, Front.UI)
    if line.command is None or " " not in before:
        return None
    arguments = line.command.takes(Front.UI)
    begun = not before.endswith(" ") or before.endswith("\\ ")  # a path may have blanks
    return current_argument(arguments, line.rest, begun=begun)


def _rooms(word: str, rooms: Iterable[str]) -> tuple[Offer, ...]:
    """Offer rooms by their titles; the mark of a list may be typed before them, or left out."""
    typed = word.lstrip(_SIGNS).lower()
    direct = word.startswith("@")
    found = [
        title
        for title in sorted(rooms)
        if title.removeprefix("@").startswith(typed) and (title.startswith("@") or not direct)
    ]
    return tuple(Offer(f"{title} ", peer_line(title)) for title in found[:MAX_OFFERED])


def emoji_offers(typed: str) -> tuple[Offer, ...]:
    """Return emoji by the beginning of their name."""
    return tuple(
        Offer(f"{emoji} ", join(peer_line(emoji), own("  "), peer_line(f":{name}:", style="dim")))
        for name, emoji in named(typed, MAX_OFFERED)
    )


def _commands(typed: str) -> tuple[Offer, ...]:
    """Offer what is typed in full first, then commands by the beginning of their names, then other words."""
    words = spellings(Front.UI)
    found = {name: command for name, command in words.items() if name == typed}
    found |= {name: command for name, command in names(Front.UI).items() if name.startswith(typed)}
    shown = [id(command) for command in found.values()]
    also = {
        name: command
        for name, command in words.items()
        if name.startswith(typed) and id(command) not in shown
    }
    return tuple(
        _command_offer(name, command) for name, command in [*found.items(), *also.items()][:MAX_OFFERED]
    )


def _command_offer(name: str, command: Command[..., Any]) -> Offer:
    word = own("" if name == command.name(Front.UI) else f"/{name} = ")
    shown = join(word, own(command.usage(Front.UI), "bold"), own(f"  {command.help}", "dim"))
    return Offer(f"/{name} ", shown)


def _settings(typed: str) -> tuple[Offer, ...]:
    found = [row for row in BY_KEY.values() if row.key.startswith(typed.lower())]
    return tuple(
        Offer(f"{row.key} ", join(own(row.key, "bold"), own(f"  {row.help}", "dim")))
        for row in found[:MAX_OFFERED]
    )


def _setting_values(before: str) -> tuple[Offer, ...]:
    """Offer the words for the value of the setting that is named."""
    name, _space, typed = before.partition(" ")[2].partition(" ")
    row = BY_KEY.get(name.lower())
    if row is None or not row.words or " " in typed:
        return ()
    return tuple(Offer(word, own(word)) for word in (*row.words, DEFAULT) if word.startswith(typed.lower()))


def _names(typed: str, names: Iterable[str], sign: str = "") -> tuple[Offer, ...]:
    typed = typed.lower()
    found = [name for name in names if name.startswith(typed)]
    return tuple(Offer(f"{sign}{name} ", peer_line(name)) for name in found[:MAX_OFFERED])


def _people(typed: str, names: Iterable[str], about: Mapping[str, str], sign: str = "") -> tuple[Offer, ...]:
    """Offer people with what there is to say of them, in a column of its own."""
    typed = typed.lower()
    found = [name for name in names if name.startswith(typed)][:MAX_OFFERED]
    shown = [peer_line(f"@{name}") for name in found]
    longest = max((name.cell_length for name in shown), default=0)
    return tuple(
        Offer(f"{sign}{name} ", join(row.pad_right(longest - row.cell_length), own(f"   {words}", "dim")))
        if (words := about.get(name))
        else Offer(f"{sign}{name} ", row)
        for name, row in zip(found, shown, strict=True)
    )
