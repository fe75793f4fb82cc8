"""The monitor: `/monitor` shows the newest messages of all rooms in one stream."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parlour_client.commands.command import Elsewhere, shown_by
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Registry

if TYPE_CHECKING:
    from textual.screen import Screen


def register(registry: Registry) -> None:
    """Add its command, and its line of the menu of views."""
    command = shown_by(
        None,
        N_("Show the newest messages of all rooms in one stream, as they arrive"),
        "monitor",
        line=Elsewhere(N_("The line mode prints the messages of all rooms.")),
        cli=Elsewhere("parlour search after:today"),
    )
    registry.command("reading", command, _open)
    registry.menu.append(("monitor", N_("Monitor: new messages of all rooms in one stream")))


def _open(screen: "Screen[Any]", _given: Mapping[str, Any]) -> None:
    from parlour_client.extras.monitor.screen import open_monitor  # noqa: PLC0415 - seldom needed

    open_monitor(screen)
