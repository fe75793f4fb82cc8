"""The person's own themes, from files, and `/theme`, which shows each theme before one is kept."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parlour_client.commands.command import SCREEN_ONLY, Argument, Kind, Takes, shown_by
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Closed, FoundThemes, Registry

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen


def register(registry: Registry) -> None:
    """Look for files, add the command, and let the setting be chosen by looking."""
    command = shown_by(
        None,
        N_("Choose the colours"),
        "theme",
        line=SCREEN_ONLY,
        cli=SCREEN_ONLY,
        arguments=(Argument("name", Takes(Kind.WORD, "NAME"), required=False, option=False, default=""),),
        aliases=("colors", "colours"),
    )
    registry.command("program", command, _choose)
    registry.choosers["theme"] = _open
    registry.themes.append(_files)


def _files(home: Path) -> Callable[[], FoundThemes | None]:
    from parlour_client.extras.theme_files.folder import Folder  # noqa: PLC0415 - the screen only

    return Folder(home / "themes").changed


def _choose(screen: "Screen[Any]", given: Mapping[str, Any]) -> None:
    from parlour_client.extras.theme_files.dialog import choose  # noqa: PLC0415 - seldom needed

    choose(screen.app, given["name"] or "")


def _open(app: "App[Any]", closed: "Closed") -> None:
    from parlour_client.extras.theme_files.dialog import choose  # noqa: PLC0415 - seldom needed

    choose(app, closed=closed)
