"""Notices of the server's operator to everyone: the current ones, and which of them were read here.

Only the server's own frame makes one, so no message of a person can look like it. Nothing is stored: after a
restart they are shown again until they expire.
"""

from collections.abc import Sequence
from contextlib import suppress

from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.events import Emit, NoticesChanged
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.clock import Clock
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.server_notices import FollowNotices, NoticeId, ServerNotice

_KEPT = 20
"""The newest are kept: a server can't fill the memory with them."""


class ServerNotices:
    """The notices of one server."""

    def __init__(self, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self._known: dict[NoticeId, ServerNotice] = {}
        self._read: set[NoticeId] = set()

    @property
    def all(self) -> Sequence[ServerNotice]:
        """The notices that have not expired, oldest first."""
        now = self._clock.now()
        return [notice for notice in self._known.values() if notice.expires > now]

    @property
    def unread(self) -> Sequence[ServerNotice]:
        """The current notices that were not read on this device."""
        return [notice for notice in self.all if notice.notice not in self._read]

    def mark_read(self) -> None:
        """Mark all as read."""
        self._read = set(self._known)
        self._emit(NoticesChanged())

    async def follow(self, conversation: ChatConversation) -> None:
        """Ask for the notices; a server may offer none.

        The server sends those that it has. What was known before may have been withdrawn meanwhile.
        """
        before, self._known = self._known, {}
        with suppress(ChatRefusedError):
            await conversation.read(FollowNotices(id=new_request_id()))
        if before:
            self._emit(NoticesChanged())

    def received(self, notice: ServerNotice) -> None:
        """Take a notice; a known one may have been withdrawn."""
        if self._known.get(notice.notice) == notice:
            return
        self._known.pop(notice.notice, None)
        self._known[notice.notice] = notice
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        self._emit(NoticesChanged())
