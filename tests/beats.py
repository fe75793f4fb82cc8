"""Seconds that a busy machine stretches: beats come late on it, as everything else does."""

import threading
from types import TracebackType
from typing import Final, Self

_A_SECOND: Final = 100


class Beats:
    """Counts, from another thread, while a test waits; on an idle machine it is a clock."""

    def __init__(self) -> None:
        self._count = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat)

    @property
    def seconds(self) -> float:
        """How long it has counted, never more than by the clock."""
        return self._count / _A_SECOND

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(1 / _A_SECOND):
            self._count += 1
