"""Tab completion: commands after `/`, people after `@`, rooms after `#`, emoji after `:`, and arguments.

It takes names and the text before the cursor and returns the possible completions; it knows no widget. The
composer calls it on every change.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from textual.content import Content

from parlour_client.commands.command import Command, Kind
from parlour_client.commands.front import Front
from parlour_client.commands.table import names, spellings
from parlour_client.core.setting import DEFAULT
from parlour_client.core.settings import BY_KEY
from parlour_client.kit.widgets.safe import join, own, peer_line
from parlour_client.text.emoji_names import named
from parlour_client.ui.input.path_completion import paths

MAX_OFFERED: Final = 8
_PEOPLE: Final = {Kind.PERSON, Kind.PERSON_OR_CODE}
_ROOMS: Final = {Kind.ROOM, Kind.NAMED_ROOM, Kind.PUBLIC_ROOM}


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


def complete(before: str, people: Iterable[str], rooms: Iterable[str]) -> Offers:
    """Return the completions for the text before the cursor (of its line)."""
    start = before.rfind(" ") + 1
    word = before[start:]
    if before.startswith("/") and start == 0:
        return Offers(0, _commands(word[1:].lower()))
    takes = _first_argument(before)
    if takes is Kind.PATH:
        typed = before.partition(" ")[2]
        offered = paths(typed, MAX_OFFERED)
        return Offers(len(before) - len(typed), tuple(Offer(path, peer_line(path)) for path in offered))
    is_first = before.count(" ") == 1
    is_named = takes is not None and is_first
    offers: tuple[Offer, ...] = ()
    if takes is Kind.SETTING:
        offers = _settings(word) if is_first else _setting_values(before)
    elif word.startswith("@") or (is_first and takes in _PEOPLE):
        offers = _names(word.lstrip("@"), people, "" if is_named else "@")
    elif word.startswith("#") or (is_first and takes in _ROOMS):
        offers = _names(word.lstrip("#"), rooms, "" if is_named else "#")
    elif word.startswith(":") or (is_first and takes is Kind.EMOJI):
        offers = emoji_offers(word.lstrip(":"))
    return Offers(start, offers)


def _first_argument(before: str) -> Kind | None:
    """Return the first argument of the command that is being written."""
    if not before.startswith("/"):
        return None
    command = spellings(Front.UI).get(before[1:].split(" ", 1)[0].lower())
    return (
        next((argument.takes.kind for argument in command.takes(Front.UI)), None)
        if command is not None
        else None
    )


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


def _names(typed: str, names: Iterable[str], sign: str) -> tuple[Offer, ...]:
    typed = typed.lower()
    found = sorted(name for name in names if name.startswith(typed))
    return tuple(Offer(f"{sign}{name} ", peer_line(name)) for name in found[:MAX_OFFERED])
