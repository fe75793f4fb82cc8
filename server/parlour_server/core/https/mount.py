"""An ASGI app of a program's own, and the path that it has beside the HTTPS API."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from parlour_protocol.kit.errors import ProgramError

if TYPE_CHECKING:  # a command that runs no server loads no framework
    from starlette.requests import Request
    from starlette.types import ASGIApp

_PATH: Final = re.compile(r"(/[a-z0-9][a-z0-9-]{0,39}){1,4}")
_TAKEN: Final = re.compile(r"/(v1|healthz|readyz)(/|\Z)")


@dataclass(frozen=True, slots=True)
class Mount:
    """``make`` makes the app when a server starts. Without ``session`` anyone may call it.

    Raises ProgramError for a path that is not one, or that the API has.
    """

    path: str
    make: "Callable[[], ASGIApp]"
    session: bool
    also: "Callable[[Request], Awaitable[None]] | None" = None
    """What must hold for a request with a session besides, before it and after its body; raises to refuse."""

    def __post_init__(self) -> None:
        """Check the path."""
        if not _PATH.fullmatch(self.path) or _TAKEN.match(self.path):
            raise ProgramError(f"{self.path!r} is no path for an app of your own: write one like '/pages'")

    def is_beside(self, path: str) -> bool:
        """Return whether neither of the paths is within the other."""
        mine, other = f"{self.path}/", f"{path}/"
        return not mine.startswith(other) and not other.startswith(mine)
