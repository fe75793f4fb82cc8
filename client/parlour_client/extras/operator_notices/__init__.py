"""Notices of the server's operator to everyone: a bar above the chat until it was read, and `/notices`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parlour_client.commands.command import Call, Connect, command
from parlour_client.commands.results import Listed
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Key, Registry

if TYPE_CHECKING:
    from textual.screen import Screen


@command("notices", cli="notices", connect=Connect.CAUGHT_UP, json=True, examples=("notices",))
async def notices(call: Call) -> Listed:
    """Show what the server's operator tells everyone."""
    from parlour_client.extras.operator_notices.listed import listed  # noqa: PLC0415 - `--help` needs none

    found = listed(call.client.notices.all, call.client.account.server)
    call.client.notices.mark_read()
    return found


def register(registry: Registry) -> None:
    """Add the command and its key, and the bar."""
    registry.command("you", notices, _open)
    registry.keys.append(Key(id="chat.notices", keys="alt+n", about=N_("Notices of the operator"), do=_open))
    registry.notices_changed.append(_tell)


def _open(screen: "Screen[Any]", _given: Mapping[str, Any] | None = None) -> None:
    from parlour_client.extras.operator_notices.bar import open_page  # noqa: PLC0415 - seldom needed

    open_page(screen)


def _tell(screen: "Screen[Any]") -> None:
    from parlour_client.extras.operator_notices.bar import tell  # noqa: PLC0415 - as above

    tell(screen)
