"""The terminal's title, if the person wants it, says how many rooms have something unread."""

from typing import TYPE_CHECKING, Any, Final

from parlour_client.core.setting import Setting
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Registry

if TYPE_CHECKING:
    from textual.screen import Screen

    from parlour_client.core.settings import Settings

UNREAD_IN_TITLE: Final = Setting(
    "unread_in_title",
    "switch",
    default=False,
    sentence=N_("show in the terminal's title how many rooms have something unread, without names"),
    group=N_("Notifications"),
)


def register(registry: Registry) -> None:
    """Add the setting, and follow it on the chat screen."""
    registry.setting(UNREAD_IN_TITLE)
    registry.chat_opened.append(_follow)


def _follow(screen: "Screen[Any]") -> None:
    def changed(settings: "Settings") -> None:
        shown = screen.query("UnreadTitle")
        if settings.value(UNREAD_IN_TITLE) is not True:
            _done = shown.remove()
        elif not shown:
            from parlour_client.extras.unread_title.title import UnreadTitle  # noqa: PLC0415 - off by default

            _shown = screen.mount(UnreadTitle())

    screen.watch(screen.app, "settings", changed)
