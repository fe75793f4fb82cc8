"""Pacing: an idle room at once, a busy one joined, each member written to once a flush."""

import itertools
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from contextvars import Context
from typing import Any, cast

from tests.server.chat.service.fakes import LAPTOP, FakePeer

from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import parse_user_name
from parlour_server.core.connections.batching import BatchingWriter, Deliveries, Pace
from parlour_server.core.connections.peer import Peer


class Timer:
    """A handle that can be cancelled."""

    def __init__(self, when: float, callback: Callable[..., object]) -> None:
        self.when = when
        self.callback: Callable[..., object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeLoop(AbstractEventLoop):
    """A loop whose clock a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        del args, context
        return self._add(self.now, callback)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        del args, context
        return self._add(when, callback)

    def _add(self, when: float, callback: Callable[..., object]) -> TimerHandle:
        self.timers.append(Timer(when, callback))
        return cast("TimerHandle", self.timers[-1])

    def run(self, until: float) -> None:
        """Move the clock, calling what is due on the way."""
        while due := sorted((t for t in self.timers if t.callback and t.when <= until), key=lambda t: t.when):
            self.now = max(self.now, due[0].when)
            callback, due[0].callback = due[0].callback, None
            if callback:
                callback()
        self.now = until


class Sink(FakePeer):
    """A peer that only keeps bytes; writing to it takes ``cost`` seconds of the loop's clock."""

    def __init__(self, loop: FakeLoop, cost: float = 0.0) -> None:
        super().__init__(parse_user_name("ada"), SessionId("s" * 22), LAPTOP, Millis(1))
        self.loop = loop
        self.cost = cost
        self.data: list[tuple[float, bytes]] = []
        self.on_write: Callable[[], None] = lambda: None

    def write(self, wire: bytes) -> None:
        self.data.append((self.loop.now, wire))
        self.loop.now += self.cost
        self.on_write()


def member(sink: Sink) -> Peer[None]:
    """Return the peer of a connection, greeted."""
    peer = Peer[None](sink, frozenset(), lambda *_: None)
    peer.greeted()
    return peer


def a_room(cost: float = 0.0) -> tuple[FakeLoop, BatchingWriter, Sink]:
    """Return a room with a floor of 10 ms and one member."""
    loop = FakeLoop()
    sink = Sink(loop, cost)
    out = BatchingWriter(Pace(loop, 0.010, Deliveries()))
    out.add(member(sink))
    return loop, out, sink


def test_an_idle_rooms_event_goes_out_in_this_turn_of_the_loop():
    """The first event does not wait for the floor; events of the same turn are sent with it."""
    loop, out, sink = a_room()
    out.put(b"a")
    out.put(b"b")
    assert sink.data == []
    loop.run(100.0)
    assert sink.data == [(100.0, b"ab")]


def test_a_busy_rooms_events_wait_for_the_floor_and_are_joined():
    """At most one write to a member in each floor, in order."""
    loop, out, sink = a_room()
    for step in range(20):
        out.put(bytes((97 + step,)))
        loop.run(100.0 + (step + 1) * 0.002)
    loop.run(101.0)
    assert b"".join(data for _, data in sink.data) == bytes(range(97, 117))
    times = [when for when, _ in sink.data]
    assert len(times) == 5
    assert all(b - a >= 0.00999 for a, b in itertools.pairwise(times))


def test_a_costly_room_leaves_time_for_the_others():
    """The next flush waits twice as long as the last one took, if that is more than the floor."""
    loop, out, sink = a_room(cost=0.050)
    out.put(b"a")
    loop.run(100.0)
    loop.now = 100.05
    out.put(b"b")
    loop.run(101.0)
    assert [round(when, 3) for when, _ in sink.data] == [100.0, 100.1]


def test_who_enters_later_does_not_get_what_was_collected_before():
    """A newcomer's summary has it already."""
    loop, out, sink = a_room()
    late = Sink(loop)
    out.put(b"a")
    out.add(member(late))
    out.put(b"b")
    loop.run(101.0)
    assert [data for _, data in sink.data] == [b"a", b"b"]
    assert [data for _, data in late.data] == [b"b"]


def test_a_member_that_leaves_during_a_flush_does_not_stop_it():
    """R2: a slow reader that is cut off by a write costs the others nothing."""
    loop = FakeLoop()
    out = BatchingWriter(Pace(loop, 0.010, Deliveries()))
    sinks = [Sink(loop) for _ in range(3)]
    states = [member(sink) for sink in sinks]
    for state in states:
        out.add(state)
    sinks[0].on_write = lambda: out.discard(states[0])
    out.put(b"a")
    loop.run(100.0)
    out.put(b"b")
    loop.run(101.0)
    assert [[data for _, data in sink.data] for sink in sinks] == [[b"a"], [b"a", b"b"], [b"a", b"b"]]


def test_a_closed_room_writes_nothing_more():
    """What was collected for no one is dropped, its timer with it."""
    loop, out, sink = a_room()
    out.put(b"a")
    out.close()
    loop.run(101.0)
    assert sink.data == []


def two_topics() -> tuple[FakeLoop, list[BatchingWriter], list[Sink]]:
    """Return two topics of one pace: the first sink is in both, each of the others in one."""
    loop = FakeLoop()
    pace = Pace(loop, 0.010, Deliveries())
    topics, sinks = [BatchingWriter(pace), BatchingWriter(pace)], [Sink(loop) for _ in range(3)]
    peers = [member(sink) for sink in sinks]
    for topic, peer in zip(topics, peers[1:], strict=True):
        topic.add(peers[0])
        topic.add(peer)
    return loop, topics, sinks


def written(sinks: list[Sink]) -> list[list[bytes]]:
    """Return the writes to each."""
    return [[data for _, data in sink.data] for sink in sinks]


def test_a_member_of_several_topics_gets_one_write():
    """However many topics were published to at once; each topic's frames are in order."""
    loop, topics, sinks = two_topics()
    for frame in (b"a1", b"a2"):
        topics[0].put(frame)
    topics[1].put(b"b1")
    loop.run(100.0)
    assert written(sinks) == [[b"a1a2b1"], [b"a1a2"], [b"b1"]]
    topics[1].put(b"b2")
    loop.run(100.005)
    topics[0].put(b"a3")  # waits with b2 for the floor that the two share
    loop.run(101.0)
    assert written(sinks) == [[b"a1a2b1", b"b2a3"], [b"a1a2", b"a3"], [b"b1", b"b2"]]


def test_a_failed_write_of_several_topics_is_its_peers_own():
    """The others get their frames, and what is published next."""
    loop, topics, sinks = two_topics()
    [bad] = [peer for peer in topics[0].members if peer in topics[1].members]

    def fail() -> None:
        raise OSError

    sinks[0].on_write = fail
    for topic in topics:
        topic.put(b"x")
    loop.run(100.0)
    assert written(sinks) == [[b"xx"], [b"x"], [b"x"]]
    for topic in topics:
        topic.discard(bad)
        topic.put(b"y")
    loop.run(101.0)
    assert written(sinks) == [[b"xx"], [b"x", b"y"], [b"x", b"y"]]


def test_a_topic_that_ends_leaves_the_others_their_turn():
    """What it had collected is dropped, and nothing else."""
    loop, topics, sinks = two_topics()
    for topic in topics:
        topic.put(b"x")
    topics[0].close()
    loop.run(100.0)
    assert written(sinks) == [[b"x"], [], [b"x"]]
