"""Jump mode: Ctrl+O shows a letter on everything that can be reached, and the letter goes there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parlour_client.commands.command import SCREEN_ONLY, shown_by
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Key, Registry

if TYPE_CHECKING:
    from textual.screen import Screen


def register(registry: Registry) -> None:
    """Add its key and its command."""
    registry.keys.append(Key(id="chat.jump", keys="ctrl+o", about=N_("Jump"), do=_open))
    sentence = N_("Jump to anything on the screen by its letter")
    registry.command("program", shown_by(None, sentence, "jump", line=SCREEN_ONLY, cli=SCREEN_ONLY), _open)


def _open(screen: "Screen[Any]", _given: Mapping[str, Any] | None = None) -> None:
    from parlour_client.extras.jump.letters import show_letters  # noqa: PLC0415 - seldom needed

    show_letters(screen)
