"""What is around a sender, for tests of the order in which requests leave: nothing is encrypted here."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from tests.client.core.core_fake import ALICE, LAPTOP, LOBBY, Desk

from parlour_client.core.checked_text import message_text
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.group.contents import SendContent
from parlour_client.core.outbox.item import DurableRequest, Item
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.outbox.sender import WINDOW, Sender
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.account.profile import Account
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, Ok
from parlour_protocol.frames.opaque import Ciphertext
from parlour_protocol.frames.replies import Stored
from parlour_protocol.frames.requests import Send, SendEncrypted
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import Incarnation, Millis, RequestId, Seq, new_request_id


def message(text: str, room: RoomId = LOBBY) -> Send:
    """Return a message."""
    return Send(id=new_request_id(), room=room, text=message_text(text))


async def alone(desk: Desk) -> Outbox:
    """Return an outbox without a client around it."""
    account = Account(ALICE, LAPTOP, "test:8443")
    return Outbox(account, await desk.archive(), Numbers(), desk.clock, lambda _: None)


async def turns(count: int = 50) -> None:
    """Let everything happen that needs no time."""
    for _ in range(count):
        await asyncio.sleep(0)


@dataclass
class Encryption:
    """An encryption that puts off, as it is told, and notes what it is asked for."""

    rooms: set[RoomId] = field(default_factory=lambda: {LOBBY})
    is_ready: bool = True
    takes: asyncio.Event | None = None
    """What encrypting waits for, if for anything."""
    changes: asyncio.Event = field(default_factory=asyncio.Event)
    looks: int = 0
    encrypted: list[RequestId] = field(default_factory=list)
    forgotten: list[RequestId] = field(default_factory=list)
    moved: list[RoomId] = field(default_factory=list)

    @property
    def outgoing(self) -> "Encryption":
        """This."""
        return self

    def covers(self, room: RoomId) -> bool:
        """Say whether a room is encrypted."""
        return room in self.rooms

    def next_change(self) -> asyncio.Event:
        """Return what is set at the next change."""
        return self.changes

    def change(self) -> None:
        """Say that something has changed."""
        changed, self.changes = self.changes, asyncio.Event()
        changed.set()

    async def encrypt(
        self, room: RoomId, frames: Sequence[DurableRequest | SendContent]
    ) -> list[SendEncrypted]:
        """Return frames with nothing in them."""
        self.looks += 1
        await asyncio.sleep(0)
        if self.takes is not None:
            await self.takes.wait()
        if not self.is_ready:
            raise NotReadyError("The room is not ready.")
        self.encrypted += [frame.id for frame in frames]
        return [
            SendEncrypted(frame.id, room, GroupId("g" * 22), Epoch(1), Ciphertext(b"c")) for frame in frames
        ]

    def stored(self, _frame: DurableRequest | SendContent) -> None:
        """Do nothing."""

    def moved_on(self, room: RoomId) -> None:
        """Note it."""
        self.moved.append(room)

    async def forget(self, request: RequestId) -> None:
        """Note it."""
        self.forgotten.append(request)


@dataclass
class Server:
    """A conversation that refuses what it is told to, once for each code."""

    refusals: dict[RequestId, list[ErrorCode]] = field(default_factory=dict)
    silent: set[RoomId] = field(default_factory=set)
    unanswered: list[Callable[[], None]] = field(default_factory=list)
    """Gives the answers that these rooms wait for."""
    answers: asyncio.Event | None = None
    """What an answer waits for, if for anything."""
    frames: list[DurableRequest | SendEncrypted] = field(default_factory=list)
    stored: list[RequestId] = field(default_factory=list)

    @property
    def tried(self) -> list[RequestId]:
        """What came, in order."""
        return [frame.id for frame in self.frames]

    async def ask(
        self, frame: DurableRequest | SendEncrypted, answered: Callable[[Ok | Error], None]
    ) -> None:
        """Take a request."""
        self.frames.append(frame)
        if self.answers is not None:
            await self.answers.wait()
        if codes := self.refusals.get(frame.id):
            reply: Ok | Error = Error(re=frame.id, code=codes.pop(0), retry_after=1_000)
        else:
            self.stored.append(frame.id)
            at = Stored(
                room=frame.room,
                seq=Seq(len(self.stored)),
                at=Millis(1),
                incarnation=Incarnation("i" * 22),
            )
            reply = Ok(re=frame.id, result=at)
        if frame.room in self.silent:
            self.unanswered.append(partial(answered, reply))
        else:
            asyncio.get_running_loop().call_soon(answered, reply)


@dataclass
class SenderWorld:
    """A sender over a real outbox."""

    desk: Desk
    outbox: Outbox
    encryption: Encryption = field(default_factory=Encryption)
    server: Server = field(default_factory=Server)
    running: "asyncio.Future[None] | None" = None

    def send(self, *, follow: bool = True) -> None:
        """Connect."""
        sender = Sender(
            self.outbox,
            cast("E2ee", self.encryption),
            cast("ChatConversation", self.server),
            self.desk.clock,
            follow=follow,
        )
        self.running = asyncio.ensure_future(sender.run())

    async def stop(self) -> None:
        """Disconnect."""
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)

    async def until(self, stored: int) -> None:
        """Let time pass until so many are stored."""
        async with asyncio.timeout(60):
            while len(self.server.stored) < stored:
                self.desk.clock.advance(0.5)
                await asyncio.sleep(0)
        await turns()

    async def fill(self) -> None:
        """Let as many rooms wait for their answers as may."""
        rooms = [RoomId(f"{number:022}") for number in range(WINDOW)]
        self.server.silent = set(rooms)
        for room in rooms:
            await self.put("slow", room=room)

    async def put(self, *texts: str, room: RoomId = LOBBY) -> Sequence[Item]:
        """Queue messages."""
        return await self.outbox.put([message(text, room) for text in texts])
