"""A capability of the chat, which can be taken out: one of the server that acts in rooms, too.

Its ``start`` is that of every ``Served``; ``join`` comes after the chat was made and before it serves.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from parlour_server.app.capability import Capability, Served

if TYPE_CHECKING:
    from parlour_server.app.account_data import AccountData
    from parlour_server.app.parts import Parts
    from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
    from parlour_server.chat.service.chat import Chat
    from parlour_server.chat.settings import ChatSettings
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.chat.store.store_part import StorePart
    from parlour_server.core.clock import Clock
    from parlour_server.core.data_folder import UploadFolder
    from parlour_server.core.https.operations import Handler
    from parlour_server.core.https.request_guard import RequestGuard

Endpoints: TypeAlias = "Callable[[RequestGuard, DeliveryBudgets], Mapping[str, Handler]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatServed(Served):
    """The part of a capability that a chat server runs. Commands that ask for the rest load it, too."""

    join: "Callable[[Parts[Any, ChatStore], Chat], Endpoints | None] | None" = None
    """Called once by a server, with the chat that it will serve: add to ``Chat.hooks``.

    Returns what returns the handlers of its operations, by name; that is called again after each reload.
    Raises SetupError.
    """
    limits: tuple[str, ...] = ()
    """The settings whose limits it counts refusals of."""
    account_data: "AccountData[ChatStore] | None" = None
    """Deletes and exports the chat's data about an account (``StorePart.accounts``)."""
    prune: "Callable[[ChatStore, ChatSettings, Clock], Awaitable[int]] | None" = None
    """`disk prune`: remove what a running server removes over time; returns from how many rooms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCapability(Capability):
    """A capability of the chat. Importing it is cheap, as with any other."""

    served: Callable[[], ChatServed] | None = None
    in_store: "Callable[[], StorePart] | None" = None
    """Returns what it has in the store of a server or a command."""
    uploads: "Callable[[], UploadFolder] | None" = None
    """Returns the folder of files that people uploaded, in the data folder."""


def chat_served_by(capabilities: Iterable[Capability]) -> tuple[ChatServed, ...]:
    """Return what a server of the chat has of those that are the chat's."""
    return tuple(one.served() for one in _of_chat(capabilities) if one.served is not None)


def store_parts_of(capabilities: Iterable[Capability]) -> "tuple[StorePart, ...]":
    """Return what they have in the store."""
    return tuple(one.in_store() for one in _of_chat(capabilities) if one.in_store is not None)


def uploads_of(capabilities: Iterable[Capability]) -> "UploadFolder | None":
    """Return the folder of uploaded files, if one of them has it."""
    return next((one.uploads() for one in _of_chat(capabilities) if one.uploads is not None), None)


def _of_chat(capabilities: Iterable[Capability]) -> Iterable[ChatCapability]:
    return (one for one in capabilities if isinstance(one, ChatCapability))
