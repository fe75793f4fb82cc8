"""Encryption in the running client: this device's keys, its encrypted rooms, and what happens to them.

It wires identities, vault, intake, settling and the keeper together and passes on what the server tells. A
server without encryption, or keys that cannot be had now, never keep open rooms from working: encrypted rooms
then wait and say why. The engine owns one; the facade and the outbox ask it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from parlour_client.core.archive import Archive
from parlour_client.core.archive.events import Applied
from parlour_client.core.clock import Clock
from parlour_client.core.conversation import Conversation
from parlour_client.core.e2ee import packages, people
from parlour_client.core.e2ee.batch import Own
from parlour_client.core.e2ee.delivery import Delivery
from parlour_client.core.e2ee.identities import Identities
from parlour_client.core.e2ee.identity_errors import DevicePendingError
from parlour_client.core.e2ee.intake import Intake
from parlour_client.core.e2ee.keeper import Keeper
from parlour_client.core.e2ee.own import OwnIdentity
from parlour_client.core.e2ee.receiving import Taken
from parlour_client.core.e2ee.renewal import Renewal
from parlour_client.core.e2ee.report import GroupReport
from parlour_client.core.e2ee.results import Received
from parlour_client.core.e2ee.sealing import Sealing
from parlour_client.core.e2ee.settle import Settler
from parlour_client.core.e2ee.vault import Vault
from parlour_client.core.errors import (
    EncryptionError,
    ParlourClientError,
    SessionEndedError,
    UnreachableError,
)
from parlour_client.core.model import EncryptionChanged, HistoryChanged, NoteKind
from parlour_client.core.news import Emit
from parlour_client.core.profile import Profile
from parlour_client.core.state import State
from parlour_client.core.sync import Sync
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.frames import Hello, RoomSummary
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.frames.replies import GroupChanged, KeyLogGrew, KeysLow
from parlour_protocol.ids import DeviceId, Millis, RoomId, Seq
from parlour_protocol.names import UserName
from parlour_protocol.sealed import HistoryContent, VerifyContent

_SIGN_IN_SECONDS: Final = 15.0
"""Longer, and the connection is opened without: open rooms do not wait for keys."""
_LOOK_SECONDS: Final = 10.0
"""How long a report waits for a room to catch up."""
_FIRST_RETRY: Final = 10.0
_LONGEST_RETRY: Final = 300.0
_NO_KEYS: Final = "This device has no keys here yet, so encrypted rooms wait."
_PENDING: Final = "This device is not approved yet, so it can neither read nor write in encrypted rooms."


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What encryption needs of the rest of the client."""

    profile: Profile
    archive: Archive
    state: State
    clock: Clock
    chance: Random
    emit: Emit
    told: Callable[[RoomId, Sequence[Applied]], Awaitable[None]]
    """Shows to the views what did not come by ``Ingest``."""
    follow: bool


class SealedRooms:
    """All encrypted rooms of one account on this device."""

    def __init__(self, around: Surroundings, delivery: Delivery) -> None:
        """Wire the parts; ``attach`` and ``load`` come next."""
        self._around = around
        self.archive, self.state, self.delivery = around.archive, around.state, delivery
        self.identities = Identities(
            around.archive,
            around.profile.user,
            around.profile.device,
            delivery,
            around.clock,
            self,
            self._keys_changed,
        )
        self.intake = Intake(
            around.archive,
            around.state.names_me,
            around.clock,
            delivery,
            self._taken,
            around.told,
            self._kind,
        )
        self.settler = Settler(around.archive, delivery, self)
        self.keeper = Keeper(self.settler, around.clock, around.chance, self._tell)
        self.sealing = Sealing(around.archive, self)
        self.renewal = Renewal(around.archive, self, self.keeper, around.clock, around.chance)
        self.me = around.profile.user
        self.reports: dict[RoomId, GroupReport] = {}
        """How each room stood when something last changed, for what is asked at once."""
        self.trouble: ParlourClientError | None = EncryptionError(_NO_KEYS)
        """Why there are no keys to work with."""
        self._vault: Vault | None = None
        self._own: Own | None = None
        self._used: OwnIdentity | None = None
        self._signed_in = False
        self._ahead = 0
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._tracked: set[RoomId] = set()
        self._late: asyncio.Future[None] | None = None
        self.take_history: Callable[[Received, HistoryContent], Awaitable[set[RoomId]]] | None = None
        """Takes history of another device of ours in."""
        self.conversation: Conversation | None = None

    # life
    def attach(self, sync: Sync) -> None:
        """Say who fetches events."""
        self.intake.attach(sync)

    async def load(self) -> None:
        """Take what the archive knows."""
        await self.intake.load()
        await self.identities.open()
        await self._use_keys()
        if self._vault is not None:
            self.trouble = None
        for room in self.intake.rooms:
            await self._read(room)

    async def sign_in(self) -> None:
        """Let the session speak for this device, once; before the WebSocket. What fails is told later."""
        if self._signed_in:
            return
        try:
            async with asyncio.timeout(_SIGN_IN_SECONDS):
                await self.identities.sign_in()
            self._signed_in = True
            self.trouble = None
        except SessionEndedError:
            raise
        except ParlourClientError as error:
            self.trouble = error
        except TimeoutError:
            self.trouble = UnreachableError("The server does not answer about keys.")
        await self._use_keys()

    async def greet(self, hello: Hello) -> None:
        """Take the greeting: encrypted rooms go on where they were left."""
        self._ahead = hello.now - self._around.clock.now()
        try:
            await self.identities.server_is(hello.server)
        except ParlourClientError as error:
            self.trouble, self._vault = error, None
            self.intake.use(None, DeviceId(""))
        await self.entered([self.intake.pinned(summary) for summary in hello.rooms])

    async def entered(self, summaries: Sequence[RoomSummary]) -> None:
        """Let encrypted rooms go on where they were left; in a program that only sends, those it uses."""
        self.intake.note(summaries)
        mine = [s for s in summaries if self._around.follow or s.room in self._tracked]
        await self.intake.greet(mine)

    def begin(self, conversation: Conversation) -> None:
        """Begin the background work of a connection."""
        self.conversation = conversation
        rooms = [room for room in self.intake.rooms if self._around.follow or room in self._tracked]
        self.keeper.begin([room for room in rooms if self.state.summary(room) is not None])
        self.renewal.begin()
        if not self._signed_in:
            self._late = asyncio.ensure_future(self._sign_in_late(conversation))
        self._stir()

    async def end(self) -> None:
        """End it with the connection."""
        self.conversation = None
        if self._late is not None:
            self._late.cancel()
        self.renewal.end()
        await self.keeper.end()
        self._stir()

    async def stop(self) -> None:
        """End everything."""
        await self.end()
        await self.intake.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.delivery.close()

    async def track(self, room: RoomId) -> None:
        """Follow a room also in a program that follows no others: it is about to be used."""
        summary = self.state.summary(room)
        if self._around.follow or summary is None or room in self._tracked:
            return
        self._tracked.add(room)
        await self.archive.save_rooms([summary])
        await self.intake.greet([summary])
        self.keeper.unsure.add(room)
        self.intake.sync.track(room)

    def sent(self, room: RoomId) -> None:
        """Hear that the server has a message of ours."""
        self.renewal.sent(room, self._around.profile.user)

    async def left(self, room: RoomId) -> None:
        """Forget the keys of a room that the account is no member of any more."""
        self.keeper.unsure.discard(room)
        if self._vault is not None and self.covers(room):
            await self.archive.run(self._vault.leave, room)
        self._stir()

    def hear(self, push: GroupChanged | KeysLow | KeyLogGrew) -> None:
        """Take what the server tells."""
        match push:
            case GroupChanged(room=room):
                if self._around.follow or room in self._tracked:
                    self.keeper.changed(room)
            case KeysLow(left=left, last_resort_used=used):
                self._spawn(self.identities.keys_low(left, last_resort_used=used))
                if used:
                    for room in self.intake.rooms:
                        self.renewal.now(room)
            case KeyLogGrew():
                self._spawn(self.identities.catch_up())

    # what others ask
    def covers(self, room: RoomId) -> bool:
        """Say whether a room is encrypted."""
        return self.intake.covers(room)

    @property
    def identity(self) -> OwnIdentity | None:
        """Return this device's identity as it was last read."""
        return self.identities.identity

    @property
    def vault(self) -> Vault:
        """The vault. Raises EncryptionError while there are no keys."""
        if self._vault is None:
            raise self._why()
        return self._vault

    @property
    def own(self) -> Own:
        """This device. Raises EncryptionError while it is not approved."""
        identity = self.identities.identity
        if self._own is None or identity is None:
            raise self._why()
        if identity.status is not DeviceStatus.ACTIVE:
            raise DevicePendingError(
                _PENDING, f"On another device of yours: parlour device approve {identity.code}"
            )
        return self._own

    def summary(self, room: RoomId) -> RoomSummary | None:
        """Return what the server told of a room."""
        return self.state.summary(room)

    def now(self) -> Millis:
        """Return the server's time, as far as it is known."""
        return Millis(self._around.clock.now() + self._ahead)

    async def reached(self, room: RoomId, seq: Seq | None = None) -> None:
        """Wait until everything up to the head, and to ``seq`` at least, was taken in."""
        if self._vault is None:
            raise self._why()
        await self.intake.sync.reached(room, seq or Seq(0))

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._around.clock.sleep(seconds)

    async def keys_up_to_date(self) -> None:
        """Read what is new in the key log; what fails is tried again later."""
        await _quietly(self.identities.catch_up())

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it is so; it is asked whenever something was taken in."""
        while True:
            moved = self._moved
            if await condition():
                return
            await moved.wait()

    def moved(self) -> asyncio.Event:
        """Return what is set when anything about encryption moves next."""
        return self._moved

    # the way to other people, for identities
    async def direct_room(self, user: UserName) -> RoomId:
        """Return the encrypted direct room with a person."""
        for room in self.state.rooms:
            if room.kind is RoomKind.DIRECT and room.peer == user and self.covers(room.id):
                return room.id
        raise EncryptionError(
            f"There is no encrypted direct room with {user}.", f"Open one first: parlour dm {user}"
        )

    async def say(self, room: RoomId, content: VerifyContent) -> None:
        """Send a step of a verification."""
        if self.conversation is None:
            raise UnreachableError("There is no connection to the server now.", "Try again when it is back.")
        await self.track(room)
        await self.sealing.say(self.conversation, room, content)

    async def device_replaced(self) -> None:
        """Forget all groups: this device has a new key, which is in none of them."""
        if self._vault is not None:
            await self.archive.run(self._vault.forget_device)
        await self._use_keys()
        if self.conversation is not None:  # this connection speaks for the old device
            await self.conversation.wire.close()

    async def _sign_in_late(self, conversation: Conversation) -> None:
        """Try again what failed before this connection; a new one then speaks for this device."""
        wait = _FIRST_RETRY
        while not self._signed_in:
            await self._around.clock.sleep(wait)
            wait = min(2 * wait, _LONGEST_RETRY)
            try:
                await self.sign_in()
            except ParlourClientError:
                break  # the session has ended: the connection says so by itself
        await conversation.wire.close()

    # what happened
    def _taken(self, room: RoomId, taken: Taken) -> None:
        receipt = taken.receipt
        for item in receipt.items:
            if item.note is not None and item.note.kind is NoteKind.HISTORY_STARTS:
                self._spawn(self.identities.packages_used())
            if isinstance(item.content, VerifyContent):
                self._verify(room, item, item.content)
            elif isinstance(item.content, HistoryContent) and self.take_history is not None:
                self._spawn(self._history(item, item.content))
        if taken.behind or receipt.concerns:
            self._spawn(self.identities.catch_up())
        if taken.differs:
            self._spawn(self.identities.refresh())
        if receipt.contest is not None:
            self.keeper.contest(room)
        if receipt.lost or receipt.removed:
            self.keeper.changed(room)
        self.renewal.taken(room, taken)
        if receipt.moved or receipt.removed or receipt.concerns:
            self._tell(room)
        self._stir()

    def _verify(self, room: RoomId, item: Received, content: VerifyContent) -> None:
        event, device = item.event, item.device
        if device is not None:
            self._spawn(self.identities.receive_verify(room, event.author, device, content, event.at))

    async def _history(self, item: Received, content: HistoryContent) -> None:
        if self.take_history is not None:
            for room in await self.take_history(item, content):
                self._around.emit(HistoryChanged(room))

    def _keys_changed(self) -> None:
        self._spawn(self._use_keys())
        self._around.emit(EncryptionChanged())
        self._stir()

    async def _use_keys(self) -> None:
        """Work with this device's keys as they are now."""
        identity = self.identities.identity
        if identity is None or identity == self._used:
            return
        self._used = identity
        device = identity.device
        self._own = Own(
            identity.user,
            identity.server,
            device.id,
            device.signer,
            device.credential,
            identity.leaf_extensions if identity.certificate is not None else (),
        )
        self._vault = Vault(self._own, people, packages)
        self.intake.use(self._vault, device.id)
        summaries = [s for room in self.intake.rooms if (s := self.state.summary(room)) is not None]
        if self.conversation is not None:
            await self.entered(summaries)
            for summary in summaries:
                self.keeper.changed(summary.room)
        self._stir()

    def _why(self) -> ParlourClientError:
        return self.trouble or EncryptionError(_NO_KEYS)

    def _kind(self, room: RoomId) -> RoomKind:
        summary = self.state.summary(room)
        if summary is None:
            raise EncryptionError("You are not in this room any more.")
        return summary.kind

    async def look_at(self, room: RoomId) -> None:
        """Read anew how a room stands, after all that waits for it was taken in."""
        async with asyncio.timeout(_LOOK_SECONDS):
            await self.reached(room)
        await self._read(room)

    async def _read(self, room: RoomId) -> None:
        if self._vault is not None:
            self.reports[room] = await self.archive.look(self._vault.status, room)

    async def _read_and_tell(self, room: RoomId) -> None:
        await self._read(room)
        self._around.emit(EncryptionChanged(room))

    def _tell(self, room: RoomId) -> None:
        self._spawn(self._read_and_tell(room))
        self._stir()

    def _stir(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.ensure_future(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _quietly(work: Coroutine[Any, Any, object]) -> None:
    """Do what is tried again by itself; the next greeting does."""
    try:
        await work
    except ParlourClientError:
        return
