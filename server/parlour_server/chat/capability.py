"""What can be taken out of the chat: a capability of the server that acts in its rooms, too.

Its ``start`` is that of every ``Capability``; ``join`` comes after the chat was made and before it serves.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from parlour_server.app.capability import Capability

if TYPE_CHECKING:
    import click

    from parlour_server.app.account_data import AccountData
    from parlour_server.app.parts import Parts
    from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
    from parlour_server.chat.service.chat import Chat
    from parlour_server.chat.settings import ChatSettings
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.chat.store.store_part import StorePart
    from parlour_server.core.clock import Clock
    from parlour_server.core.config.server_settings import Settings
    from parlour_server.core.data_folder import UploadFolder
    from parlour_server.core.https.operations import Handler
    from parlour_server.core.https.request_guard import RequestGuard

Endpoints: TypeAlias = "Callable[[ChatSettings, RequestGuard, DeliveryBudgets], Mapping[str, Handler]]"


def _join_nothing(_parts: "Parts[Any, ChatStore]", _chat: "Chat") -> None:
    return None


def _know_nothing() -> "AccountData[ChatStore] | None":
    return None


def _upload_nothing() -> "UploadFolder | None":
    return None


async def _prune_nothing(_store: "ChatStore", _settings: "Settings", _clock: "Clock") -> int:
    return 0


def _store_nothing() -> "tuple[StorePart, ...]":
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCapability(Capability):
    """What a capability of the chat brings. Importing it is cheap, like importing any other."""

    join: "Callable[[Parts[Any, ChatStore], Chat], Endpoints | None]" = _join_nothing
    """Called once by a server, with the chat that it will serve: add to ``Chat.hooks``.

    Returns what returns the handlers of its operations, by name; that is called again after each reload.
    Raises SetupError.
    """
    limits: tuple[str, ...] = ()
    """The settings whose limits it counts refusals of."""
    account_data: "Callable[[], AccountData[ChatStore] | None]" = _know_nothing
    """Returns what deletes and exports what the chat has of an account (``StorePart.accounts``)."""
    uploads: "Callable[[], UploadFolder | None]" = _upload_nothing
    """Returns the folder of files that people uploaded, in the data folder."""
    prune: "Callable[[ChatStore, Settings, Clock], Awaitable[int]]" = _prune_nothing
    """`disk prune`: remove what a running server removes over time; returns from how many rooms."""
    room_commands: "tuple[click.Command, ...]" = ()
    """More commands of `room`."""
    in_store: "Callable[[], tuple[StorePart, ...]]" = _store_nothing
    """Returns what it has in the store of a server or a command."""


def store_parts_of(capabilities: Iterable[ChatCapability]) -> "tuple[StorePart, ...]":
    """Return what they have in the store."""
    return tuple(part for one in capabilities for part in one.in_store())


def uploads_of(capabilities: Iterable[ChatCapability]) -> "UploadFolder | None":
    """Return the folder of uploaded files, if one of them has it."""
    return next((folder for one in capabilities if (folder := one.uploads()) is not None), None)


def account_data_of(capabilities: Iterable[ChatCapability]) -> "AccountData[ChatStore] | None":
    """Return what deletes and exports what the chat has of an account, if one of them does."""
    return next((data for one in capabilities if (data := one.account_data()) is not None), None)
