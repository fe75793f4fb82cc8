"""Locking: `/lock`, or time without a key, stops the client until the passphrase is typed again."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from parlour_client.commands.command import Elsewhere, View, shown_by
from parlour_client.core.setting import OFF, Setting
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Registry

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

LOOK_EVERY: Final = 5.0
"""Seconds between two checks whether the person is still there."""
MINUTES: Final = {OFF: None, "5m": 5, "15m": 15, "30m": 30, "1h": 60}
LOCK_AFTER: Final = Setting(
    "lock_after",
    "choice",
    "30m",
    N_("lock after this long without a key press, if a passphrase is set; /lock locks at once"),
    tuple(MINUTES),
    group=N_("Privacy"),
)


def register(registry: Registry) -> None:
    """Add the setting and the command, and look after the app."""
    registry.setting(LOCK_AFTER)
    command = shown_by(
        View.QUIT,  # the line mode asks for the passphrase when it starts
        N_("Lock Parlour until you type your passphrase"),
        "lock",
        cli=Elsewhere(N_("It belongs to an open chat.")),
    )
    registry.command("program", command, _lock)
    registry.app_started.append(_start)


def _start(app: "App[Any]") -> None:
    app.set_interval(LOOK_EVERY, partial(lock_if_left, app))


def lock_if_left(app: "App[Any]") -> None:
    """Lock if no key was pressed for as long as the settings say."""
    from parlour_client.kit.clock import since_boot  # noqa: PLC0415 - `--help` needs no clock
    from parlour_client.ui.app import ParlourApp  # noqa: PLC0415 - the screen only

    assert isinstance(app, ParlourApp)  # noqa: S101 - the chat's
    minutes = MINUTES[str(app.settings.value(LOCK_AFTER))]
    if minutes is not None and since_boot() - app.last_input >= minutes * 60:
        from parlour_client.extras.screen_lock.lock import Lock  # noqa: PLC0415 - seldom needed

        Lock(app).lock()


def _lock(screen: "Screen[Any]", _given: Mapping[str, Any]) -> None:
    from parlour_client.extras.screen_lock.lock import lock_now  # noqa: PLC0415 - as above

    lock_now(screen)
