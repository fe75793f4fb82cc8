"""What the server tells one client and not another: the place where frames and answers leave it.

Each device has ``Lies`` of its own. A frame of the chat can be changed, held back or made up; an answer of
the HTTPS API changed, or refused before or after the call was made. Without lies everything passes as it is.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from msgspec.structs import replace

from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.errors import ParlourClientError, UnreachableError
from parlour_client.kit.transport.frame_socket import Dial, FrameSocket
from parlour_protocol import delivery as d
from parlour_protocol.frames import (
    AnyRequest,
    Hello,
    LogEvent,
    Ok,
    decode_request,
    decode_server_frame,
    encode,
)
from parlour_protocol.frames.replies import Page, Stored
from parlour_protocol.ids import FileId, RoomId, WelcomeId
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import DeviceId, Incarnation, Millis, Seq, SessionId

T = TypeVar("T")
Told = Sequence[Frame]
FrameLie = Callable[[Frame], Told]
EventLie = Callable[[LogEvent], Sequence[LogEvent]]


@dataclass
class Lies:
    """What one device is told instead of the truth."""

    frames: list[FrameLie] = field(default_factory=list)
    requests: list[Callable[[AnyRequest], AnyRequest | None]] = field(default_factory=list)
    """What is made of what it asks for; None: it never arrives."""
    answers: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """By the name of the call: what its answer is changed to."""
    shown: dict[RoomId, Callable[[int], Seq]] = field(default_factory=dict)
    """Under which number an event of a room is shown, where that is another one."""
    refusals: dict[str, list[ParlourClientError]] = field(default_factory=dict)
    """By the name of the call: what it is refused with, one after another; after that it is done."""
    lost: dict[str, list[ParlourClientError]] = field(default_factory=dict)
    """The same, after the call was done: its answer is lost."""
    held: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """By the name of the call, or of the request ("Kick"): what it waits for before it is made."""
    away: bool = False
    """The server is stopped: nothing is reached, nor a connection kept to where it was."""
    wires: "list[TappedWire]" = field(default_factory=list)
    calls: "TappedDelivery | None" = None
    opened: int = 0
    """How often it connected."""

    def answer(self, call: str, lie: Callable[[Any], Any]) -> None:
        """Change the answers of a call, after what changes them already."""
        before = self.answers.get(call, lambda answer: answer)
        self.answers[call] = lambda answer: lie(before(answer))

    def events(self, lie: EventLie) -> None:
        """Change what is told of the log, live and in pages."""

        def told(frame: Frame) -> Told:
            match frame:
                case LogEvent():
                    return lie(frame)
                case Ok(result=Page() as page):
                    events = tuple(one for event in page.events for one in lie(event))
                    return [replace(frame, result=replace(page, events=events))]
                case _:
                    return [frame]

        self.frames.append(told)

    def pages(self, room: RoomId, lie: Callable[[Sequence[LogEvent]], Sequence[LogEvent]]) -> None:
        """Change pages of a room's history, of which there is more than one event."""

        def told(frame: Frame) -> Told:
            match frame:
                case Ok(result=Page(room=found) as page) if found == room and len(page.events) > 1:
                    return [replace(frame, result=replace(page, events=tuple(lie(page.events))))]
                case _:
                    return [frame]

        self.frames.append(told)

    def incarnation(self, name: Incarnation) -> None:
        """Say that the logs are others than they are, wherever their name is said."""

        def told(frame: Frame) -> Told:
            match frame:
                case Hello():
                    return [replace(frame, incarnation=name)]
                case Ok(result=Page() | Stored() as result):
                    return [replace(frame, result=replace(result, incarnation=name))]
                case _:
                    return [frame]

        self.frames.append(told)
        for call in ("create_group", "commit", "contest", "group", "welcomes"):
            self.answer(call, lambda answer: replace(answer, incarnation=name))

    def time(self, days: int) -> None:
        """Greet with a time that is so many days off."""

        def told(frame: Frame) -> Told:
            match frame:
                case Hello(now=now):
                    return [replace(frame, now=Millis(now + days * 86_400_000))]
                case _:
                    return [frame]

        self.frames.append(told)

    def heads(self, room: RoomId, more: int) -> None:
        """Greet with a head of a room that is so much more than it is."""

        def told(frame: Frame) -> Told:
            match frame:
                case Hello(rooms=rooms):
                    false = tuple(
                        replace(one, head=Seq(one.head + more)) if one.room == room else one for one in rooms
                    )
                    return [replace(frame, rooms=false)]
                case _:
                    return [frame]

        self.frames.append(told)

    def end(self) -> None:
        """Be honest from here on."""
        self.frames.clear()
        self.requests.clear()
        self.answers.clear()
        self.shown.clear()
        self.refusals.clear()
        self.lost.clear()
        self.held.clear()

    def say(self, frame: Frame) -> None:
        """Tell the device something that no one asked for."""
        for wire in self.wires:
            wire.say(frame)

    def drop(self) -> None:
        """Break its connection."""
        for wire in list(self.wires):
            wire.drop()

    def told(self, frame: Frame) -> Told:
        """Return what is told in a frame's place."""
        found: Told = [frame]
        for lie in self.frames:
            found = [one for before in found for one in lie(before)]
        return found


class TappedWire:
    """A wire on which the device's lies are told."""

    def __init__(self, inner: FrameSocket, lies: Lies) -> None:
        self._inner = inner
        self._lies = lies
        self._told: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._pump = asyncio.ensure_future(self._run())
        self.security = inner.security
        lies.wires.append(self)
        lies.opened += 1

    async def receive(self) -> bytes:
        told = await self._told.get()
        if isinstance(told, Exception):
            raise told
        return told

    async def send(self, data: bytes) -> None:
        if self._lies.held:
            await _held(self._lies, type(decode_request(data)).__name__)
        if self._lies.requests:
            frame: AnyRequest | None = decode_request(data)
            for lie in self._lies.requests:
                frame = lie(frame) if frame is not None else None
            if frame is None:
                return
            data = encode(frame)
        await self._inner.send(data)

    async def close(self) -> None:
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        if self in self._lies.wires:
            self._lies.wires.remove(self)
        await self._inner.close()

    def say(self, frame: Frame) -> None:
        self._told.put_nowait(encode(frame))

    def drop(self) -> None:
        from parlour_client.kit.transport.frame_socket import SocketClosedError  # noqa: PLC0415 - one use

        self._pump.cancel()
        self._told.put_nowait(SocketClosedError(None))

    async def _run(self) -> None:
        try:
            while True:
                data = await self._inner.receive()
                if not self._lies.frames:
                    self._told.put_nowait(data)
                    continue
                for frame in self._lies.told(decode_server_frame(data)):
                    self.say(frame)
        except ParlourClientError as error:
            self._told.put_nowait(error)


def tapped_dial(dial: Dial, lies: Lies) -> Dial:
    """Return what opens tapped wires."""

    async def opened() -> FrameSocket:
        await _refused(lies, "dial")
        return TappedWire(await dial(), lies)

    return opened


async def _held(lies: Lies, call: str) -> None:
    wait = lies.held.get(call)
    if wait is not None:
        await wait()


async def _refused(lies: Lies, call: str) -> None:
    if lies.away:
        raise UnreachableError("Nothing listens there.")
    waiting = lies.refusals.get(call, [])
    if waiting:
        raise waiting.pop(0)


class TappedDelivery(DeliveryClient):
    """The delivery service, whose answers the device's lies change."""

    def __init__(self, make: Callable[[], DeliveryClient], lies: Lies) -> None:
        """Take what makes the real one, which a server that starts again needs a new one of."""
        self._make = make
        self._made: DeliveryClient | None = None
        self._lies = lies
        lies.calls = self

    @property
    def _inner(self) -> DeliveryClient:
        if self._lies.away:  # one made now would look for the server where it was before
            raise UnreachableError("Nothing listens there.")
        if self._made is None:
            self._made = self._make()
        return self._made

    async def close(self) -> None:
        """Close the connection that was kept; the server may come back at another address."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    async def _through(self, call: str, ask: Callable[[], Awaitable[T]]) -> T:
        await _refused(self._lies, call)
        await _held(self._lies, call)
        found = await ask()
        lost = self._lies.lost.get(call, [])
        if lost:
            raise lost.pop(0)
        changed: T = self._lies.answers.get(call, lambda answer: answer)(found)
        return changed

    async def session_id(self) -> SessionId:
        return await self._through("session_id", lambda: self._inner.session_id())  # noqa: PLW0108 - not while it is refused

    async def publish_account_key(self, body: d.AccountKey) -> None:
        await self._through("publish_account_key", lambda: self._inner.publish_account_key(body))

    async def register_device(self, body: d.RegisterDevice) -> d.DeviceInfo:
        return await self._through("register_device", lambda: self._inner.register_device(body))

    async def devices(self) -> d.DeviceList:
        return await self._through("devices", lambda: self._inner.devices())  # noqa: PLW0108 - as above

    async def certify(self, device: DeviceId, body: d.CertifyDevice) -> None:
        await self._through("certify", lambda: self._inner.certify(device, body))

    async def revoke(self, device: DeviceId, body: d.RevokeDevice) -> None:
        await self._through("revoke", lambda: self._inner.revoke(device, body))

    async def put_packages(self, device: DeviceId, body: d.KeyPackages) -> None:
        await self._through("put_packages", lambda: self._inner.put_packages(device, body))

    async def key_log(self, after: int) -> d.KeyLogPage:
        return await self._through("key_log", lambda: self._inner.key_log(after))

    async def claim(self, body: d.ClaimKeyPackages) -> d.ClaimedKeyPackages:
        return await self._through("claim", lambda: self._inner.claim(body))

    async def group(self, room: RoomId) -> d.GroupState:
        state = await self._through("group", lambda: self._inner.group(room))
        shown = self._lies.shown.get(room)
        return state if shown is None else replace(state, head=shown(state.head))

    async def create_group(self, room: RoomId, body: d.CreateGroup) -> d.EventStored:
        return await self._through("create_group", lambda: self._inner.create_group(room, body))

    async def commit(self, room: RoomId, body: d.Commit) -> d.EventStored:
        return await self._through("commit", lambda: self._inner.commit(room, body))

    async def contest(self, room: RoomId, body: d.Contest) -> d.EventStored:
        return await self._through("contest", lambda: self._inner.contest(room, body))

    async def welcomes(self, device: DeviceId) -> d.Welcomes:
        return await self._through("welcomes", lambda: self._inner.welcomes(device))

    async def drop_welcome(self, welcome: WelcomeId) -> None:
        await self._through("drop_welcome", lambda: self._inner.drop_welcome(welcome))

    async def upload(self, room: RoomId, chunks: AsyncIterator[bytes], size: int) -> d.FileStored:
        return await self._through("upload", lambda: self._inner.upload(room, chunks, size))

    def download(self, file: FileId) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._inner.download(file)
