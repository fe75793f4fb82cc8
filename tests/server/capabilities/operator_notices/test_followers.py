"""Which connections get which of the operator's notices, and when."""

from dataclasses import dataclass, field
from typing import Any

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice
from parlour_server.capabilities.operator_notices.followers import NoticeFollowers
from parlour_server.testing.clock import FakeClock

HOUR = 3_600_000


@dataclass
class Follower:
    """A connection that keeps what it is sent: (id, end) of each notice."""

    id: str
    sent: list[tuple[str, int]] = field(default_factory=list)

    def push(self, notice: ServerNotice) -> None:
        """Take a notice."""
        self.sent.append((notice.notice, notice.expires))


class Operator:
    """The notices that the store has."""

    def __init__(self, clock: FakeClock) -> None:
        self.notices: list[ServerNotice] = []
        self._clock = clock

    def send(self, name: str, hours: int) -> int:
        """Store a notice; returns its end."""
        now = self._clock.now()
        end = Millis(now + hours * HOUR)
        self.notices.append(ServerNotice(NoticeId(name), now, end, NoticeText.parse("hello")))
        return end

    async def read(self, now: Millis) -> list[ServerNotice]:
        """Return those that are current."""
        return [one for one in self.notices if one.expires > now]


async def test_who_follows_gets_what_is_current_then_what_is_new_or_withdrawn() -> None:
    """Nothing that is over, nothing twice, and of what ends by itself no second word."""
    clock = FakeClock()
    operator = Operator(clock)
    followers = NoticeFollowers(operator.read, clock)
    first, second = operator.send("first", 1), operator.send("second", 3)
    await followers.refresh()
    clock.forward(2 * 3600)
    early: Any = Follower("early")
    followers.follow(early)
    assert early.sent == [("second", second)]
    third = operator.send("third", 3)
    await followers.refresh()
    assert early.sent[1:] == [("third", third)]
    assert first < clock.now()
    operator.notices = [one for one in operator.notices if one.notice != "second"]
    clock.forward(60)
    await followers.refresh()
    assert early.sent[2:] == [("second", clock.now())]


async def test_a_notice_that_ended_is_not_withdrawn() -> None:
    """Clients see its end themselves: another frame would show it again, or tell people of it twice."""
    clock = FakeClock()
    operator = Operator(clock)
    followers, peer = NoticeFollowers(operator.read, clock), Follower("one")
    operator.send("first", 1)
    await followers.refresh()
    given: Any = peer
    followers.follow(given)
    peer.sent.clear()
    clock.forward(2 * 3600)
    await followers.refresh()
    assert peer.sent == []


async def test_a_connection_that_ended_gets_nothing_more() -> None:
    """It is forgotten, whatever is sent."""
    clock = FakeClock()
    operator = Operator(clock)
    followers, peer = NoticeFollowers(operator.read, clock), Follower("one")
    given: Any = peer
    followers.follow(given)
    followers.forget(given)
    operator.send("first", 1)
    await followers.refresh()
    assert peer.sent == []
