"""Previews of pictures in messages: only if the setting allows them, and only when v asks for one."""

from typing import TYPE_CHECKING, Any, Final

from parlour_client.core.setting import Setting
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Key, Registry

if TYPE_CHECKING:
    from textual.screen import Screen

PICTURES: Final = Setting(
    "pictures",
    "choice",
    "off",
    N_(
        "let v preview the picture of a message, which a limited process decodes: "
        "as the terminal can, or always as blocks"
    ),
    ("off", "on", "blocks"),
    group=N_("Appearance"),
)


def register(registry: Registry) -> None:
    """Add the setting and the key."""
    registry.setting(PICTURES)
    about = N_("Preview the picture")
    registry.keys.append(Key(id="timeline.picture", keys="v", about=about, do=_show, when=_selects))


def _selects(screen: "Screen[Any]") -> bool:
    return screen.focused is not None and screen.focused.id == "timeline"


def _show(screen: "Screen[Any]") -> None:
    from parlour_client.extras.picture_previews.show import show_picture  # noqa: PLC0415 - seldom needed

    show_picture(screen, PICTURES)
