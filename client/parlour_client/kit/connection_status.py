"""The state of the one connection to the server, as a program shows it."""

from dataclasses import dataclass
from enum import Enum, auto


class LinkState(Enum):
    """The state of the one connection to the server."""

    OFFLINE = auto()
    """Not connected; it reconnects by itself."""
    CONNECTING = auto()
    ONLINE = auto()
    STOPPED = auto()
    """Not connected, and retrying can't help before the person does something (``problem`` says what)."""


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The connection's status. ``security`` is a short text of ours, never of the server's."""

    state: LinkState
    server: str
    security: str
    """For example `TLS 1.3, key pinned` or `not connected`. Never the word "secure"."""
    problem: str = ""
    retry_in: float | None = None
    """Seconds until the next try."""
    session_ended: bool = False
    """Stopped because the session has ended: it continues after another login."""
