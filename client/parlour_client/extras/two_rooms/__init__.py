"""Two rooms side by side, where the terminal is wide enough: `/split`, and a key for it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parlour_client.commands.command import SCREEN_ONLY, Argument, Kind, Takes, shown_by
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Key, Registry

if TYPE_CHECKING:
    from textual.screen import Screen


def register(registry: Registry) -> None:
    """Add the command and the key, and bring back what was side by side."""
    command = shown_by(
        None,
        N_("Show a room beside this one, in a wide terminal; again: only one"),
        "split",
        line=SCREEN_ONLY,
        cli=SCREEN_ONLY,
        arguments=(Argument("room", Takes(Kind.WORD, "ROOM"), required=False, option=False, default=""),),
    )
    registry.command("joining", command, _split)
    registry.keys.append(
        Key(id="chat.split", keys="alt+v", about=N_("Two rooms side by side, or one"), do=_toggle)
    )
    registry.chat_opened.append(_watch)


def _watch(screen: "Screen[Any]") -> None:
    from parlour_client.ui.chat.screen import ChatScreen  # noqa: PLC0415 - the screen only

    if isinstance(screen, ChatScreen) and screen.panes.layout.beside is not None:
        from parlour_client.extras.two_rooms.split import Split  # noqa: PLC0415 - seldom needed

        Split(screen).watch()


def _split(screen: "Screen[Any]", given: Mapping[str, Any]) -> None:
    from parlour_client.extras.two_rooms.split import Split  # noqa: PLC0415 - as above

    Split(screen).split(given["room"] or "")


def _toggle(screen: "Screen[Any]") -> None:
    from parlour_client.extras.two_rooms.split import Split  # noqa: PLC0415 - as above

    Split(screen).toggle()
