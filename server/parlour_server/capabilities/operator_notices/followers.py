"""Sends the operator's notices to the connections that follow them: the current ones, then each as it comes.

A program takes part by having ``FollowNotices`` and ``ServerNotice`` in its unions. No client can cause a
notice, and a client that does not know them never gets one.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec.structs import replace

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.server_notices import NoticeId, ServerNotice
from parlour_server.core.clock import Clock
from parlour_server.core.connections.peer import Peer


class NoticeFollowers:
    """The connections of this process that follow the notices."""

    def __init__(self, read: Callable[[Millis], Awaitable[Sequence[ServerNotice]]], clock: Clock) -> None:
        """``read`` returns the notices that are current at a time."""
        self._read = read
        self._clock = clock
        self._current: dict[NoticeId, ServerNotice] = {}
        self._peers: dict[str, Peer[Any]] = {}

    async def refresh(self) -> None:
        """Read the notices again, and send what is new or withdrawn. Raises UnavailableError."""
        now = self._clock.now()
        found = {notice.notice: notice for notice in await self._read(now)}
        gone = [
            replace(notice, expires=now)
            for notice in self._current.values()
            if notice.notice not in found and notice.expires > now
        ]
        new = [notice for notice in found.values() if notice.notice not in self._current]
        self._current = found
        for peer in tuple(self._peers.values()):
            for notice in (*gone, *new):
                peer.push(notice)

    def follow(self, peer: Peer[Any]) -> None:
        """Send a connection the current notices now, and later ones as they come."""
        self._peers[peer.id] = peer
        now = self._clock.now()
        for notice in self._current.values():
            if notice.expires > now:
                peer.push(notice)

    def forget(self, peer: Peer[Any]) -> None:
        """Send nothing more to a connection."""
        self._peers.pop(peer.id, None)
