"""The chat's state of one connection: its rooms, its status, and what it may announce."""

from typing import Final

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.rooms import Status
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.connections.peer import Peer
from parlour_server.core.token_buckets import MINUTE, TokenBucket

_NOTICES_PER_MINUTE: Final = 60
"""Typing and status changes of one connection that are forwarded; a person makes fewer."""
_NOTICE_BURST: Final = 10
STATUSES_PER_MINUTE: Final = 60
"""Presence changes sent to one connection, at once and per minute; for the others it can ask."""


class PeerState:
    """One connection as the chat sees it."""

    __slots__ = ("_notices", "_statuses", "asked", "entered", "expects", "requests", "rooms", "status")

    def __init__(self, now: float) -> None:
        """Begin in no room."""
        self.rooms: dict[RoomId, Seq] = {}
        """Rooms whose events this connection gets, and the head at which each began. Only the hub writes."""
        self.entered: set[RoomId] = set()
        """Rooms that the user entered while this connection was not ready yet."""
        self.requests: set[RoomId] = set()
        """Rooms that the user has not accepted; their members do not see the user's presence."""
        self.asked: set[RoomId] = set()
        """Rooms whose invitation changed while this connection was not ready yet."""
        self.expects: RoomId | None = None
        """A room that the running request enters: its answer contains the summary, so it is not pushed."""
        self.status = Status.ONLINE
        self._notices = TokenBucket(_NOTICES_PER_MINUTE, per=MINUTE, burst=_NOTICE_BURST, now=now)
        self._statuses = TokenBucket(STATUSES_PER_MINUTE, per=MINUTE, burst=STATUSES_PER_MINUTE, now=now)

    @property
    def visible_rooms(self) -> set[RoomId]:
        """The rooms that may know whether the user is here."""
        return self.rooms.keys() - self.requests

    def may_announce(self, now: float) -> bool:
        """Return whether to forward something ephemeral; otherwise it is dropped silently."""
        return not self._notices.take(now)

    def may_send_statuses(self, count: int, now: float) -> int:
        """Return how many statuses, up to ``count``, may be sent to this connection now."""
        may = 0
        while may < count and not self._statuses.take(now):
            may += 1
        return may


ChatPeer = Peer[PeerState]


def by_session(peer: ChatPeer) -> BySession:
    """Return who asks for a change: the session of this connection."""
    return BySession(peer.user, peer.grant.session)
