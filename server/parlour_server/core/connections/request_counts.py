"""Counts requests and their answers: numbers of one process, which metrics show."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.frames import Request
from parlour_server.core.histogram import Histogram

_BOUNDS: Final = (0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class RequestCounts:
    """The requests of all connections since the start."""

    __slots__ = ("by_kind", "errors", "seconds")

    def __init__(self, kinds: Iterable[type[Request]]) -> None:
        """``kinds`` are those of the program's wire."""
        self.by_kind: dict[type[Request], int] = dict.fromkeys(kinds, 0)
        """Requests that were in order, those over a limit too."""
        self.errors: Counter[str] = Counter({code.value: 0 for code in ErrorCode})
        """Answers that say no, by code."""
        self.seconds = Histogram(_BOUNDS)
        """From the arrival of a request to an answer that says yes."""
