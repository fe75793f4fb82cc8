"""The places of a server where its capabilities act. A place that none uses costs nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


def _refuse_nobody() -> None:
    return


@dataclass(slots=True)
class Hooks:
    """Each capability adds to them when it starts."""

    refused: list[Callable[[str], bool]] = field(default_factory=list)
    """Asked for each accepted socket, before TLS: whether its plain address may not connect now."""
    close_refused: Callable[[], None] = _refuse_nobody
    """Closes the connections of addresses that are refused now: to be called after that has changed."""
    read_again: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """What to read at the start, and whenever the journal says that this has changed (``note_changed``)."""
