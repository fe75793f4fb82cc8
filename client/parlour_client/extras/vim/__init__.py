"""A layer of vi keys: writing is insert mode, everywhere else is normal mode.

The focus is the mode, so it is never out of step with what a key does. With the setting off nothing of it is
imported.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from parlour_client.core.setting import Setting
from parlour_client.extras.vim.keys import KEYS, OWN_KEYS
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Key, KeyLayer, Registry

if TYPE_CHECKING:
    from textual.events import Key as KeyEvent
    from textual.screen import Screen

VIM: Final = Setting(
    "vim", "switch", False, N_("normal and insert mode with vi keys"), group=N_("Keys and mouse")
)


def register(registry: Registry) -> None:
    """Add the setting, the layer and its keys."""
    registry.setting(VIM)
    registry.layers.append(KeyLayer(setting=VIM, place="vim", keys=KEYS, mode=_mode, read=_read))
    registry.keys += [
        Key(id=f"vim.{name}", keys=keys, about=about, do=_does(name), when=_is_normal, setting=VIM)
        for name, (keys, about) in OWN_KEYS.items()
    ]


def _mode(screen: "Screen[Any]") -> str:
    return "NORMAL" if _is_normal(screen) else "INSERT"


def _is_normal(screen: "Screen[Any]") -> bool:
    return screen.focused is None or screen.focused.id != "composer"


def _read(screen: "Screen[Any]", event: "KeyEvent") -> "KeyEvent | None":
    from parlour_client.extras.vim.vi_keys import VI_KEYS  # noqa: PLC0415 - as above

    return VI_KEYS.read(screen, event)


def _does(name: str) -> "Callable[[Screen[Any]], Awaitable[None] | None]":
    def do(screen: "Screen[Any]") -> Awaitable[None] | None:
        from parlour_client.extras.vim.vi_keys import VI_KEYS  # noqa: PLC0415 - as above

        return VI_KEYS.do(screen, name)

    return do
