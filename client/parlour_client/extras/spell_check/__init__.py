"""Spelling: underlines misspelt words while one writes; Alt+S suggests others."""

import os
from typing import TYPE_CHECKING, Any, Final

from parlour_client.core.setting import OFF, Setting
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Key, Registry

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.widget import Widget

    from parlour_client.core.settings import Settings

SPELLING: Final = Setting(
    "spelling",
    "text",
    OFF,
    N_(
        "underline misspelt words with hunspell or aspell, if installed: the code of a language "
        "(en_GB), auto for the one of your system, or off"
    ),
    group=N_("Writing"),
)


def register(registry: Registry) -> None:
    """Add the setting and the key, and look after the composers."""
    registry.setting(SPELLING)
    registry.keys.append(
        Key(id="composer.spelling", keys="alt+s", about=N_("Suggest spellings"), do=_suggest)
    )
    registry.panes.append(_follow)


def _follow(pane: "Widget") -> None:
    def obey(settings: "Settings") -> None:
        wanted = str(settings.value(SPELLING))
        if wanted == OFF and not pane.query("SpellCheck"):
            return
        from parlour_client.extras.spell_check.check import use  # noqa: PLC0415 - only where it is on

        use(pane, "" if wanted == OFF else wanted, os.environ)

    pane.watch(pane.app, "settings", obey)


def _suggest(screen: "Screen[Any]") -> None:
    if screen.query("SpellCheck"):
        from parlour_client.extras.spell_check.check import suggest  # noqa: PLC0415 - as above

        suggest(screen)
