"""Tells who must hear that an account has another key or other devices.

The members of its encrypted rooms look at their groups and at the key log, its own devices at the key log;
what changed is never told here, because the key log says it with proofs. It may tell twice, and it never
tells someone who shares no encrypted room with the account.
"""

from parlour_protocol.frames.replies import KeyLogAppended
from parlour_protocol.names import UserName
from parlour_server.chat.background_tasks import BackgroundTasks
from parlour_server.chat.connected_peers import ConnectedPeers
from parlour_server.chat.hub import Hub
from parlour_server.chat.peer_state import PeerState
from parlour_server.store.interface import Store


class KeyChangeNotifier:
    """News of accounts' keys, for the connections of this process."""

    def __init__(
        self, *, store: Store, hub: Hub, connected: ConnectedPeers, background: BackgroundTasks
    ) -> None:
        """Take the collaborators."""
        self._store = store
        self._hub = hub
        self._connected = connected
        self._background = background
        self._waiting: set[UserName] = set()

    def changed(self, user: UserName) -> None:
        """Tell of it soon; whoever changes much is told of once at a time."""
        if user not in self._waiting:
            self._waiting.add(user)
            self._background.retry_until_done(
                "announcing changed keys", lambda: self._notify(user), lambda: self._fail(user)
            )

    def _fail(self, user: UserName) -> None:
        for state in self._connected.of(user):
            state.fail()

    async def _notify(self, user: UserName) -> None:
        # From here on a change is a new one: what is read below may not hold it yet.
        self._waiting.discard(user)
        rooms = await self._store.groups.rooms_of(user)
        head = await self._store.keylog.head()
        listeners: set[PeerState] = {state for state in self._connected.of(user) if state.ready}
        for room in rooms:
            listeners.update(self._hub.group_changed(room))
        if head is not None:
            for state in listeners:
                state.push(KeyLogAppended(size=head.size))
