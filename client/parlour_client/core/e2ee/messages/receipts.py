"""Read receipts in encrypted rooms, encrypted like any message: the server cannot forge one.

A receipt names the newest message of someone else that was read; it is never sent twice, nor in answer to
another receipt. Receipts are delayed for a while: the newest replaces the others. One that cannot be sent
waits for the next connection, or is dropped if the room accepts nothing: that loses nothing.
"""

from typing import Final

import apsw

from parlour_client.core.e2ee.world import World
from parlour_client.kit.errors import ParlourClientError, SessionEndedError, UnreachableError
from parlour_protocol.encrypted import ReadContent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.names import UserName

GATHER_SECONDS: Final = 3.0
"""Seconds from the first message read to the receipt: in a busy room not each message gets one."""


class ReadReceipts:
    """The receipts that this account still has to send."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wanted: dict[RoomId, Seq] = {}
        self._last_sent: dict[RoomId, RequestId] = {}

    def tell(self, room: RoomId, seq: Seq) -> None:
        """Send the others in a room a receipt for everything up to ``seq``, soon."""
        if room not in self._wanted:
            self._plan(room)
        self._wanted[room] = max(seq, self._wanted.get(room, Seq(0)))

    def resume(self) -> None:
        """Send receipts that could not be sent, when there is a connection."""
        for room in self._wanted:
            self._plan(room)

    def forget(self, room: RoomId) -> None:
        """Send no more receipts to a room that the account is not in any more."""
        self._wanted.pop(room, None)

    def _plan(self, room: RoomId) -> None:
        self._world.clock.call_later(GATHER_SECONDS, lambda: self._begin(room))

    def _begin(self, room: RoomId) -> None:
        if room in self._wanted:
            self._world.tasks.run(self._send(room))

    async def _send(self, room: RoomId) -> None:
        seq = self._wanted.pop(room)
        target = await self._world.archive.read(_newest_of_others, room, seq, self._world.me)
        if target is None or target == self._last_sent.get(room):
            return
        try:
            await self._world.say(room, ReadContent(target=target))
        except ParlourClientError as error:
            if isinstance(error, UnreachableError | SessionEndedError):
                self._wanted.setdefault(room, seq)
        else:
            self._last_sent[room] = target


def _newest_of_others(connection: apsw.Connection, room: RoomId, seq: Seq, me: UserName) -> RequestId | None:
    query = """
        SELECT id FROM mls_messages WHERE room = ? AND seq <= ? AND author <> ? AND is_text
        ORDER BY seq DESC LIMIT 1"""
    for (found,) in connection.execute(query, (room, seq, str(me))):
        return RequestId(str(found))
    return None
