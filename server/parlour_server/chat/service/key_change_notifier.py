"""Notifies connections that an account's key or devices changed.

Members of its encrypted rooms then check their groups and the key log, its own devices the key log. The
notification contains no keys, because the key log has them with proofs. It may be sent twice, and never goes
to someone who shares no encrypted room with the account.
"""

from parlour_protocol.frames.replies import KeyLogAppended
from parlour_protocol.kit.names import UserName
from parlour_server.app.parts import Parts
from parlour_server.chat.service.hub import Hub
from parlour_server.chat.service.peer_state import ChatPeer
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_store import ChatStore


class KeyChangeNotifier:
    """Notifications about accounts' keys, for the connections of this process."""

    def __init__(self, parts: Parts[ChatSettings, ChatStore], hub: Hub) -> None:
        self._store = parts.store
        self._hub = hub
        self._connected = parts.connected
        self._background = parts.background
        self._waiting: set[UserName] = set()

    def changed(self, user: UserName) -> None:
        """Notify soon; several changes of one account are combined."""
        if user not in self._waiting:
            self._waiting.add(user)
            self._background.retry_until_done(
                "announcing changed keys", lambda: self._notify(user), lambda: self._fail(user)
            )

    def device_waits(self, user: UserName) -> None:
        """Tell the account's own connections that a new device waits for approval."""
        self._background.retry_until_done(
            "announcing a device that waits", lambda: self._tell_of_device(user), lambda: self._fail(user)
        )

    async def _tell_of_device(self, user: UserName) -> None:
        head = await self._store.keylog.head()
        for peer in self._connected.of(user):
            if peer.ready:
                peer.push(KeyLogAppended(size=head.size, waiting=True))

    def _fail(self, user: UserName) -> None:
        for peer in self._connected.of(user):
            peer.fail()

    async def _notify(self, user: UserName) -> None:
        # A change from here on is a new one, because the reads below may miss it.
        self._waiting.discard(user)
        rooms = await self._store.groups.rooms_of(user)
        head = await self._store.keylog.head()
        listeners: set[ChatPeer] = {peer for peer in self._connected.of(user) if peer.ready}
        for room in rooms:
            listeners.update(self._hub.group_changed(room))
        for peer in listeners:
            peer.push(KeyLogAppended(size=head.size))
