"""Topics: what is published to one goes to every peer that was added to it.

A frame is encoded once, and busy topics are written in batches (`batching.py`): a member of several gets one
write. A topic exists as long as it has members: a program may name as many as it likes, and keeps none.
"""

from asyncio import AbstractEventLoop
from dataclasses import dataclass
from typing import Any

import msgspec

from parlour_protocol.kit.frames import Push
from parlour_server.core.bus.bus import Bus, subject
from parlour_server.core.connections.batching import BatchingWriter, Deliveries, Pace
from parlour_server.core.connections.connection import text_frame
from parlour_server.core.connections.peer import Peer
from parlour_server.core.connections.pushes import checked_push, stray_push


@dataclass(frozen=True, slots=True)
class TopicPublished:
    """This was published to a topic at another server."""

    topic: str
    payload: msgspec.Raw
    """Of a frame that clients can read: it is encoded once for all servers."""


def topic_subject(name: str) -> str:
    """Return the subject of a topic on the bus."""
    return subject("topic", name)


def list_topic(kind: str) -> str:
    """Return the name of the topic of those who follow the list of logs of a kind."""
    return f"logs:{kind}"


class Topics:
    """The topics of one process that have members."""

    def __init__(
        self, loop: AbstractEventLoop, floor: float, pushes: frozenset[type[Push]], bus: Bus
    ) -> None:
        """``floor``: seconds between two writes of busy topics. ``pushes``: what clients can read."""
        self.bus = bus
        if bus.is_shared:
            bus.subscribe(self._notified)
        self.deliveries = Deliveries()
        """Counts of what was written to topics; a program that writes in its own way may count there, too."""
        self._floor = floor
        self.pace = Pace(loop, floor, self.deliveries)
        self.pushes = pushes
        self.writers: dict[str, BatchingWriter] = {}

    def __len__(self) -> int:
        return len(self.writers)

    def new_pace(self) -> Pace:
        """Return a pace like that of the topics, for one who writes often."""
        return Pace(self.pace.loop, self._floor, self.deliveries)

    def topic(self, name: str) -> "Topic":
        """Return the topic of this name, which may have no members."""
        return Topic(name, self)

    def write(self, name: str, payload: bytes) -> None:
        """Write a frame's payload to the members of a topic, if it has any here."""
        writer = self.writers.get(name)
        if writer is not None:
            writer.put(text_frame(payload))

    def _notified(self, notice: object) -> None:
        if isinstance(notice, TopicPublished):
            self.write(notice.topic, bytes(notice.payload))


class Topic:
    """A topic, by its name: two with one name are the same."""

    __slots__ = ("_topics", "name")

    def __init__(self, name: str, topics: Topics) -> None:
        """Take the name and what keeps the members."""
        self.name = name
        self._topics = topics

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Topic) and other.name == self.name and other._topics is self._topics

    def __hash__(self) -> int:
        return hash(self.name)

    def __len__(self) -> int:
        writer = self._topics.writers.get(self.name)
        return len(writer.members) if writer else 0

    def __bool__(self) -> bool:
        """Be true without members, too."""
        return True

    @property
    def writer(self) -> BatchingWriter | None:
        """Writes to its members; None without any, and another writer for those who come after that."""
        return self._topics.writers.get(self.name)

    def fail(self) -> None:
        """Close the connections of all members, because something could not be delivered to them."""
        for peer in list(self.writer.members) if self.writer else ():
            peer.fail()

    def publish(self, push: Push) -> None:
        """Send this to every member, whichever server of the program they are connected to.

        It is stored nowhere: members at other servers miss what the bus loses. Raises ProgramError for what
        is not one of the program's pushes, or what clients would not read: each of them would disconnect.
        """
        topics = self._topics
        if not topics.bus.is_shared:
            self.publish_here(push)
            return
        payload = checked_push(push, topics.pushes)
        topics.write(self.name, payload)
        topics.bus.publish_elsewhere(TopicPublished(self.name, msgspec.Raw(payload)))

    def publish_here(self, push: Push) -> None:
        """Send this to the members at this server; the others know of it. Raises what ``publish`` does."""
        writer = self._topics.writers.get(self.name)
        if writer is not None:
            writer.put(text_frame(checked_push(push, self._topics.pushes)))
        elif type(push) not in self._topics.pushes:
            raise stray_push(push)

    def add(self, peer: Peer[Any]) -> None:
        """Add a member; ``Peer.add`` calls it, so that a peer that closes leaves all its topics."""
        topics = self._topics
        writer = topics.writers.get(self.name)
        if writer is None:
            writer = topics.writers[self.name] = BatchingWriter(topics.pace)
            topics.bus.listen(topic_subject(self.name))
        writer.add(peer)

    def remove(self, peer: Peer[Any]) -> None:
        """Remove a member; the last one ends the topic. ``Peer.remove`` calls it."""
        writer = self._topics.writers.get(self.name)
        if writer is not None:
            if not peer.closed:
                writer.flush()  # it gets what was published before
            writer.discard(peer)
            if not writer.members:
                writer.close()
                del self._topics.writers[self.name]
                self._topics.bus.unlisten(topic_subject(self.name))
