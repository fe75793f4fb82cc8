"""The places where capabilities act on the way of a request, and at the end of a connection."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parlour_protocol.kit.frames import Request
from parlour_server.core.connections.peer import Peer
from parlour_server.core.content_filter import ContentFilter
from parlour_server.core.program import Result

if TYPE_CHECKING:
    from parlour_server.core.observer import Observer


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """The extensions of a server; without any, requests go straight to the program."""

    content_filter: ContentFilter | None = None
    """Looks at each request before the program does."""
    observer: "Observer | None" = None
    """Follows requests on their way."""
    answers: Mapping[type[Request], Callable[[Peer[Any], Request], Result]] = field(default_factory=dict)
    """Handle what the server answers for every program."""
    closed: Sequence[Callable[[Peer[Any]], None]] = ()
    """Called for each connection that has ended."""
