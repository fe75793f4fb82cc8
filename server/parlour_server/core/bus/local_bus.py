"""The bus of a single process: a notification is delivered before ``publish`` returns, in order.

An error in a handler is logged and affects neither the publisher nor the other handlers. A notification
published from within a handler waits until the current one has reached every handler, so that all of them see
the same order.
"""

import logging
from collections import deque
from typing import Final

from parlour_server.core.bus.bus import Handler, LossHandler

_log: Final = logging.getLogger(__name__)


class LocalBus:
    """A bus whose subscribers are all in this process."""

    is_shared: bool = False

    def __init__(self) -> None:
        self._handlers: tuple[Handler, ...] = ()
        self._waiting: deque[object] = deque()
        self._telling = False

    def publish(self, notice: object) -> None:
        """Call every handler now; from within a handler, once earlier notifications are delivered."""
        self._waiting.append(notice)
        if self._telling:
            return
        self._telling = True
        try:
            while self._waiting:
                self._deliver(self._waiting.popleft())
        finally:
            self._telling = False

    def publish_elsewhere(self, notice: object) -> None:
        """Do nothing: there are no other servers."""

    def subscribe(self, handler: Handler) -> None:
        """Call ``handler`` for every notification from now on."""
        self._handlers = (*self._handlers, handler)

    def listen(self, subject: str) -> None:
        """Do nothing."""

    def unlisten(self, subject: str) -> None:
        """Do nothing."""

    def on_loss(self, handler: LossHandler) -> None:
        """Do nothing: nothing is lost."""

    async def open(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        """Forget the handlers; everything published has been delivered."""
        self._handlers = ()

    def _deliver(self, notice: object) -> None:
        for handler in self._handlers:
            try:
                handler(notice)
            except Exception as error:  # noqa: BLE001 - a subscriber's failure must not be the publisher's
                # the error's text may quote a message (K7), so only its type is logged
                _log.error("a handler of %s failed: %s", type(notice).__name__, type(error).__name__)
