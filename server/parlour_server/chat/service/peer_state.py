"""The chat's state of one connection: its rooms, and what it may announce."""

from typing import Final

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.token_buckets import MINUTE, TokenBucket
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.connections.peer import Peer

_NOTICES_PER_MINUTE: Final = 60
"""Typing and receipts of one connection that are forwarded; a person makes fewer."""
_NOTICE_BURST: Final = 10


class PeerState:
    """One connection as the chat sees it."""

    __slots__ = ("_notices", "asked", "entered", "expects", "requests", "rooms")

    def __init__(self, now: float) -> None:
        """Begin in no room."""
        self.rooms: dict[RoomId, Seq] = {}
        """Rooms whose events this connection gets, and the head at which each began. Only the hub writes."""
        self.entered: set[RoomId] = set()
        """Rooms that the user entered while this connection was not ready yet."""
        self.requests: set[RoomId] = set()
        """Rooms that the user has not accepted; their members learn nothing of the user."""
        self.asked: set[RoomId] = set()
        """Rooms whose invitation changed while this connection was not ready yet."""
        self.expects: RoomId | None = None
        """A room that the running request enters: its answer contains the summary, so it is not pushed."""
        self._notices = TokenBucket(_NOTICES_PER_MINUTE, per=MINUTE, burst=_NOTICE_BURST, now=now)

    def may_announce(self, now: float) -> bool:
        """Return whether to forward something ephemeral; otherwise it is dropped silently."""
        return not self._notices.take(now)


ChatPeer = Peer[PeerState]


def by_session(peer: ChatPeer) -> BySession:
    """Return who asks for a change: the session of this connection."""
    return BySession(peer.user, peer.grant.session)
