"""A process of a server, which serves all of it or as one of several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

    from parlour_server.core.data_folder import DataFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProcess:
    """One process, as `run` starts it."""

    folder: "DataFolder"
    load: Callable[[], Any]
    """Returns the settings, now and on SIGHUP. Raises SetupError."""
    announce: Callable[[str], None]
    """Called with the address as soon as it serves."""
    is_shared: bool
    """Whether several servers can use its database."""
    number: int | None = None
    """Among several, from 1; None for the only one."""
    sockets: "Sequence[socket.socket]" = ()
    """They listen already, and are shared with other processes; without any, it binds the address itself."""
    parent: int | None = None
    """A descriptor that ends when the process does that started this one."""
