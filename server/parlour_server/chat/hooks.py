"""The places of the running chat where its capabilities act."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from parlour_protocol.kit.frames import Request
    from parlour_protocol.kit.names import UserName
    from parlour_protocol.rooms import Status
    from parlour_server.chat.service.peer_state import ChatPeer
    from parlour_server.core.connections.budgets import AnyBuckets
    from parlour_server.core.program import Pending, Result

ChatHandler: TypeAlias = "Callable[[ChatPeer, Any], Pending[Any] | Coroutine[Any, Any, Result] | Result]"


@dataclass(slots=True)
class ChatHooks:
    """Each capability adds to them when it joins the chat."""

    handlers: "dict[type[Request], ChatHandler]" = field(default_factory=dict)
    """Handle requests; the chat has put its own here, and refuses those of ``OptionalRequest``."""
    limits: "dict[type[Request], AnyBuckets]" = field(default_factory=dict)
    """The limits that requests count for besides those of messages, for each account."""
    greeted: "list[Callable[[ChatPeer], None]]" = field(default_factory=list)
    """Called for each connection whose greeting was sent."""
    leaving: "list[Callable[[ChatPeer], None]]" = field(default_factory=list)
    """Called for each connection that has ended, before it leaves its rooms."""
    content_removed: "list[Callable[[], None]]" = field(default_factory=list)
    """Called when content was removed: it expired, or someone deleted it."""
    status: "Callable[[UserName], Status] | None" = None
    """Says whether someone is here; without it everyone is shown as offline."""
