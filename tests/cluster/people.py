"""People who use a cluster through the public protocol, and record everything that they do and get for it.

Each has a session and two connections. What has no answer they send again with the same id. What they do is
drawn from a seed: a pack of acts that is shuffled, so that each act comes up before any comes up too often.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final

from tests.cluster.records import (
    Call,
    Download,
    Outcome,
    Read,
    SessionEnd,
    StoredFile,
    View,
)
from tests.cluster.server_operator import Operator
from tests.cluster.world import CONNECT_SECONDS, PASSWORD, PAUSE, Habits, Line, Place, World, now

from parlour_client.kit.errors import (
    ApiRefusedError,
    ParlourClientError,
    RefusedError,
    UnreachableError,
)
from parlour_client.kit.transport.session import Session
from parlour_protocol.delivery import FileStored
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames import replies as frames
from parlour_protocol.frames import requests as ask
from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    Deleted,
    Edited,
    FileRef,
    Invited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Reacted,
    RoleSet,
    Unbanned,
    Uninvited,
    Unmuted,
)
from parlour_protocol.frames.fields import FileName, MessageText, Reaction
from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.api import Login, NewAccount, SessionCreated
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind

_CALL_SECONDS: Final = 30.0
"""A request that no node has answered by then has an unknown outcome."""
_PAGE: Final = 60
_AWAY: Final = 2.0
"""How long someone who was removed only knocks before they come back."""
_AFTERWARDS: Final = 3.0
"""How long someone whose session has ended goes on trying."""
_HELD_SECONDS: Final = 1
"""How long a ban or a mute lasts that is not for good."""
_HELD_MILLIS: Final = Millis(_HELD_SECONDS * 1000)
_NOT_NOW: Final = frozenset({"unavailable", "rate_limited", "too_many_in_flight"})
_RECENT: Final = 200
_FILE_BYTES: Final = 20_000
_REACTIONS: Final = ("👍", "🎉", "❤️")


_ACTS: Final = {
    "send": 14,
    "send twice": 2,
    "burst": 1,
    "read": 6,
    "edit": 3,
    "delete": 2,
    "react": 2,
    "ticket": 1,
    "session": 1,
    "direct": 1,
    "file": 1,
    "download": 2,
    "overreach": 1,
    "invite": 1,
}
_OF_MODERATORS: Final = {"kick": 2, "ban": 1, "mute": 1}
_OF_OWNERS: Final = {"role": 1}
"""The owner moderates as well. One other person is a moderator all the time."""


class Person:
    """Someone with an account, a session and two connections."""

    def __init__(
        self, world: World, name: str, token: Secret, habits: Habits, acts: Mapping[str, int]
    ) -> None:
        """Be logged in with ``token``; ``acts`` are what they may do beyond what everyone does."""
        self.world = world
        self.name = name
        self.token = token
        self.others: list[Person] = []
        """The people to invite, and to write to."""
        self.operator: Operator | None = None
        """Whom they can ask to end a session."""
        self._habits = habits
        self.chance = world.chance(name)
        self.lines = [
            Line(world, name, which, f"{name}-laptop", token, world.chance(f"{name} {which}"))
            for which in ("one", "two")
        ]
        self.own: list[tuple[RoomId, int]] = []
        """Their messages."""
        self.edited: list[tuple[RoomId, int]] = []
        """Those that have an edit."""
        self._out: dict[RoomId, float] = {}
        """Public rooms that they are not in, and when they noticed."""
        self._acts = {**_ACTS, **acts}
        for act in self._acts.keys() & habits.more.keys():
            self._acts[act] += habits.more[act]
        self._pack: list[str] = []
        self._texts = 0
        self._rooms = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Act until told to stop."""
        while not stop.is_set():
            await self.act()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._habits.pace * 2 * self.chance.random()):
                    await stop.wait()

    async def act(self) -> None:  # noqa: C901, PLR0912 - one case for each act
        """Do the next thing in the pack."""
        if not self._pack:
            self._pack = [act for act, times in self._acts.items() for _ in range(times)]
            self.chance.shuffle(self._pack)
        room = self.chance.choice(self.world.public)
        act = self._pack.pop()
        if self._is_out(room) and act in {"send", "send twice", "read", "burst"}:
            await self._knock(room)
            return
        match act:
            case "send twice":
                await self.send(room, twice=True)
            case "burst":
                await self._burst()
            case "read":
                await self.read(room)
            case "edit" if self.own:
                await self._edit(*self.chance.choice(self.own))
            case "delete" if self.own:
                await self._delete(*self._forget_a_message())
            case "react" if self.world.messages:
                await self._react(*self.chance.choice(self.world.messages))
            case "ticket":
                await self._redeem_twice()
            case "session":
                await self._begin_and_end_a_session()
            case "direct":
                await self._write_directly()
            case "file":
                await self._send_a_file(room)
            case "download" if self.world.files:
                await self._download(self.chance.choice(self.world.files))
            case "overreach":
                await self._overreach(room)
            case "invite":
                await self._invite()
            case "kick":
                await self._kick(room)
            case "ban":
                await self._ban(room)
            case "mute":
                await self._mute(room)
            case "role":
                await self._promote(room)
            case _:
                await self.send(room)

    # What everyone does.

    async def send(self, room: RoomId, *, twice: bool = False, patient: bool = False) -> Call:
        """Send a message that no one else sends.

        ``twice``: over both connections at once. ``patient``: try again whenever it is not possible now.
        """
        text = MessageText(self._text())
        frame = ask.Send(new_request_id(), room, text)
        call = await self._change(frame, room, Message(text), twice=twice, patient=patient)
        self._remember(call)
        return call

    async def read(self, room: RoomId) -> int:
        """Read the newest page at one node; return the newest number, 0 if that was not possible."""
        line = self.chance.choice(self.lines)
        node, began = line.place.node, now()
        events: tuple[LogEvent, ...] = ()
        try:
            events = (await line.request(ask.History(new_request_id(), room, limit=_PAGE))).events
        except RefusedError as error:
            if error.code in _NOT_NOW:
                return 0
        except UnreachableError:
            await asyncio.sleep(PAUSE)
            return 0
        self.world.history.reads.append(Read(self.name, line.session, node, room, began, now(), events))
        return events[-1].seq if events else 0

    async def join(self, room: RoomId, *, accept: bool = False, patient: bool = False) -> Call:
        """Join a public room, or one that they were invited to."""
        request = new_request_id()
        frame = ask.Accept(request, room) if accept else ask.Join(request, room)
        return await self._change(frame, room, Joined(), patient=patient)

    async def leave(self, room: RoomId) -> Call:
        """Leave a room."""
        return await self._change(ask.Leave(new_request_id(), room), room, Left())

    async def whole_log(self, room: RoomId) -> list[LogEvent]:
        """Read a room's log from the beginning to the end."""
        events: list[LogEvent] = []
        while True:
            after = Seq(events[-1].seq) if events else Seq(0)
            frame = ask.History(new_request_id(), room, after=after, limit=100)
            page = await self.asked(frame)
            events += page.events
            if not page.more:
                return events

    async def asked(self, frame: Any) -> Any:
        """Ask until there is an answer, at any node."""
        while True:
            for line in self.lines:
                with suppress(UnreachableError, RefusedError):
                    return await line.request(frame)
            await asyncio.sleep(PAUSE)

    def views(self) -> list[View]:
        """Return what each connection has to have seen by now."""
        return [
            View(self.name, line.place.node, line.socket.number, room, first)
            for line in self.lines
            if line.socket is not None and line.up.is_set()
            for room, first in line.socket.rooms.items()
            if room in self.world.whose
        ]

    async def appoint(self, room: RoomId, other: "Person", role: Role) -> Call:
        """Give someone a role."""
        name = parse_user_name(other.name)
        return await self._change(ask.SetRole(new_request_id(), room, name, role), room, RoleSet(name, role))

    async def kick(self, room: RoomId, other: "Person") -> Call:
        """Remove someone."""
        name = parse_user_name(other.name)
        return await self._change(ask.Kick(new_request_id(), room, name), room, Kicked(name))

    async def restore(self, room: RoomId, others: "list[Person]") -> None:
        """Lift every ban and mute of a room, and let everyone come back.

        Each is made one for good before: a node whose clock is fast refuses to lift one that has ended for
        it, and one whose clock is slow keeps it up.
        """
        for other in others:
            name = parse_user_name(other.name)
            await self._change(ask.Ban(new_request_id(), room, name), room, Banned(name), patient=True)
            await self._change(ask.Unban(new_request_id(), room, name), room, Unbanned(name), patient=True)
            await other.join(room, patient=True)
            await self._change(ask.Mute(new_request_id(), room, name), room, Muted(name), patient=True)
            await self._change(ask.Unmute(new_request_id(), room, name), room, Unmuted(name), patient=True)

    def _is_out(self, room: RoomId) -> bool:
        if all(not line.up.is_set() or line.inside(room) for line in self.lines):
            self._out.pop(room, None)
            return False
        if all(line.up.is_set() and not line.inside(room) for line in self.lines):
            self._out.setdefault(room, now())
        return room in self._out

    async def _knock(self, room: RoomId) -> None:
        """Try what someone who is not in may not do; come back after a while."""
        match self.chance.randrange(4):
            case 0:
                await self.read(room)
            case 1:
                await self.send(room)
            case _ if now() - self._out[room] > _AWAY:
                if (await self.join(room)).outcome is Outcome.OK:
                    self._out.pop(room, None)
            case _:
                theirs = [file for file in self.world.files if self.world.history.files[file].room == room]
                if theirs:
                    await self._download(self.chance.choice(theirs))

    async def _burst(self) -> None:
        """Send to every room at once, so that a node commits events of several rooms together."""
        rooms = [room for room in self.world.public if not self._is_out(room)]
        self.chance.shuffle(rooms)
        await asyncio.gather(*(self.send(room) for room in rooms))

    async def _edit(self, room: RoomId, target: int) -> None:
        text = MessageText(self._text())
        frame = ask.Edit(new_request_id(), room, Seq(target), text)
        await self._change(frame, room, Edited(Seq(target), text))
        self.edited.append((room, target))

    async def _delete(self, room: RoomId, target: int) -> None:
        await self._change(ask.Delete(new_request_id(), room, Seq(target)), room, Deleted(Seq(target)))

    async def _react(self, room: RoomId, target: int) -> None:
        reaction = Reaction(self.chance.choice(_REACTIONS))
        frame = ask.React(new_request_id(), room, Seq(target), reaction)
        await self._change(frame, room, Reacted(Seq(target), reaction, on=True))

    async def _write_directly(self) -> None:
        """Open the direct room with someone, perhaps while they do the same, and write in it."""
        other = self.chance.choice(self.others)
        name = parse_user_name(other.name)
        opened = [self._open_direct(name)]
        if self.chance.random() < 0.5:
            opened.append(other._open_direct(parse_user_name(self.name)))
        for room in await asyncio.gather(*opened):
            if room is not None:
                await self.send(room)
                await other.send(room)
                stranger = self.chance.choice([one for one in self.others if one is not other] or [other])
                await stranger.read(room)

    async def _open_direct(self, name: Any) -> RoomId | None:
        line = self.chance.choice(self.lines)
        with suppress(RefusedError, UnreachableError):
            entered = await line.request(ask.OpenDirect(new_request_id(), name))
            return RoomId(entered.room.room)
        return None

    async def _send_a_file(self, room: RoomId) -> FileId | None:
        """Upload a file, and send a message that names it; return it if it is stored."""
        data = self.chance.randbytes(self.chance.randrange(1, _FILE_BYTES))
        stored = await self._upload(room, data)
        if stored is None:
            return None
        digest = hashlib.sha256(data).hexdigest()
        self.world.history.files[stored.file] = StoredFile(room, self.name, digest)
        self.world.files.append(stored.file)
        named = FileRef(
            stored.file, FileName("notes.bin"), "application/octet-stream", stored.size, stored.sha256
        )
        text = MessageText(self._text())
        frame = ask.Send(new_request_id(), room, text, file=named)
        call = await self._change(frame, room, Message(text, file=named))
        self._remember(call)
        if call.outcome is Outcome.OK:
            await self.chance.choice(self.others)._download(stored.file)
        return stored.file

    async def _upload(self, room: RoomId, data: bytes) -> FileStored | None:
        async def chunks() -> AsyncIterator[bytes]:
            yield data

        api = self.world.api(self.chance.choice(self.world.places))
        with suppress(ParlourClientError, TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                path = f"/v1/rooms/{room}/files"
                return await api.call(
                    "POST", path, FileStored, bearer=self.token, body=chunks(), size=len(data)
                )
        return None

    async def _download(self, file: FileId) -> None:
        place = self.chance.choice(self.world.places)
        began, digest = now(), hashlib.sha256()
        try:
            async with (
                asyncio.timeout(CONNECT_SECONDS),
                self.world.api(place).download(f"/v1/files/{file}", self.token) as chunks,
            ):
                async for chunk in chunks:
                    digest.update(chunk)
            found = digest.hexdigest()
        except ApiRefusedError as error:
            if error.code != "not_found":
                return
            found = ""
        except (ParlourClientError, TimeoutError):
            return
        self.world.history.downloads.append(
            Download(self.name, f"{self.name}-laptop", place.node, file, began, now(), found)
        )

    async def _redeem_twice(self) -> None:
        """Use one ticket at two nodes at once."""
        places = [self.chance.choice(self.world.places) for _ in range(2)]
        number = self.world.next_ticket()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                issued = await self.world.ticket(places[0], self.token)
        except (ParlourClientError, TimeoutError):
            return
        session = f"{self.name}-laptop"
        await asyncio.gather(
            *(self._redeem(place, Session(self.token), issued, number, session) for place in places)
        )

    async def _redeem(self, place: Place, login: Session, ticket: Secret, number: int, session: str) -> None:
        with suppress(ParlourClientError, TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await self.world.handshake(place, login, ticket, number, self.name, session)
            await socket.close()

    async def _begin_and_end_a_session(self) -> None:
        """Log in on another device, listen there, end that session at another node, and go on trying."""
        here, there = (self.chance.choice(self.world.places) for _ in range(2))
        session = f"{self.name}-tablet-{self.world.next_ticket()}"
        body = Login(self.name, Secret(PASSWORD), parse_device_name("tablet"))
        tickets: list[Secret] = []
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                made = await self.world.api(here).log_in(body)
                assert isinstance(made, SessionCreated)  # no one has a second factor
                token = made.session
            async with asyncio.timeout(CONNECT_SECONDS):
                tickets.append(await self.world.ticket(here, token))
        except (ParlourClientError, TimeoutError):
            return
        line = Line(self.world, self.name, "tablet", session, token, self.world.chance(session))
        running = asyncio.ensure_future(line.run())
        stop = asyncio.Event()
        writing = asyncio.ensure_future(self._write_on(line, stop))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await line.up.wait()
            if await self._end(token, there):
                at = now()
                end = SessionEnd(session, at, at + _AFTERWARDS)
                self.world.history.session_ends.append(end)
                await self._redeem(there, Session(token), tickets[0], self.world.next_ticket(), session)
                await self._try(line, end)
        finally:
            stop.set()
            await writing
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _end(self, token: Secret, place: Place) -> bool:
        """End a session, or have the operator do it; return whether that was acknowledged."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self.operator is not None and self.chance.random() < 0.5:
                    listed = await self.world.api(place).sessions(token)
                    which = next(one.id for one in listed if one.current)
                    return await self.operator.end_session(self.name, which)
                await self.world.api(place).end_session(token)
                return True
        except (ParlourClientError, TimeoutError):
            return False

    async def _write_on(self, line: Line, stop: asyncio.Event) -> None:
        """Write with another session while it ends, and afterwards."""
        while not stop.is_set():
            await asyncio.sleep(self._habits.pace)
            if not line.up.is_set():
                continue
            room, text = self.chance.choice(self.world.public), MessageText(self._text())
            frame = ask.Send(new_request_id(), room, text)
            await self._change(frame, room, Message(text), line=line)

    async def _try(self, line: Line, end: SessionEnd) -> None:
        """Read and write with a session that has ended, while this person writes with the other one."""
        while now() < end.until:
            room = self.chance.choice(self.world.public)
            node, began = line.place.node, now()
            with suppress(RefusedError, UnreachableError):
                page = await line.request(ask.History(new_request_id(), room, limit=5))
                read = Read(self.name, line.session, node, room, began, now(), page.events)
                self.world.history.reads.append(read)
            await self.send(room)
            await asyncio.sleep(0.2)

    # What some may not do, and others do to them.

    async def _overreach(self, room: RoomId) -> None:
        """Try what only moderators and owners may; for one it is within their rights."""
        other = self.chance.choice(self.others)
        name = parse_user_name(other.name)
        if self.chance.random() < 0.5:
            await self.appoint(room, self, Role.OWNER)
        else:
            await self._change(ask.Unmute(new_request_id(), room, name), room, Unmuted(name))

    async def _kick(self, room: RoomId) -> None:
        await self.kick(room, self.chance.choice(self.others))
        await self.send(room)  # what they must not be sent

    async def _ban(self, room: RoomId) -> None:
        """Ban someone, let them knock, lift it; and ban them for a second, after which they may come back."""
        other = self.chance.choice(self.others)
        name = parse_user_name(other.name)
        ban = ask.Ban(new_request_id(), room, name)
        if (await self._change(ban, room, Banned(name))).outcome is Outcome.REFUSED:
            return
        await self.send(room)
        await other.join(room)
        await self._change(ask.Unban(new_request_id(), room, name), room, Unbanned(name))
        await other.join(room)
        ban = ask.Ban(new_request_id(), room, name, seconds=_HELD_SECONDS)
        await self._change(ban, room, Banned(name, _HELD_MILLIS))
        await other.join(room)

    async def _mute(self, room: RoomId) -> None:
        """Mute someone, let them write and react, lift it; and mute them for a second, which passes."""
        other = self.chance.choice(self.others)
        name = parse_user_name(other.name)
        mute = ask.Mute(new_request_id(), room, name)
        if (await self._change(mute, room, Muted(name))).outcome is Outcome.REFUSED:
            return
        await other.send(room)
        if self.own:
            await other._react(*self.own[-1])
        await self._change(ask.Unmute(new_request_id(), room, name), room, Unmuted(name))
        await other.send(room)
        mute = ask.Mute(new_request_id(), room, name, seconds=_HELD_SECONDS)
        await self._change(mute, room, Muted(name, _HELD_MILLIS))
        await other.send(room)

    async def _promote(self, room: RoomId) -> None:
        """Make someone a moderator, let them use it, take it back, and let them try again."""
        helper, other = self.chance.choice(self.others), self.chance.choice(self.others)
        if (await self.appoint(room, helper, Role.MODERATOR)).outcome is Outcome.REFUSED:
            return
        await helper.kick(room, other)
        await self.appoint(room, helper, Role.MEMBER)
        await helper.kick(room, other)

    async def _invite(self) -> None:
        """Make a private room and invite someone; they come, or the invitation is withdrawn before that."""
        guest = self.chance.choice(self.others)
        room = await self._create(RoomKind.PRIVATE)
        if room is None:
            return
        name = parse_user_name(guest.name)
        await guest.join(room, accept=True)  # not invited yet
        invited = await self._change(ask.Invite(new_request_id(), room, name), room, Invited(name))
        if invited.outcome is not Outcome.OK:
            return
        if self.chance.random() < 0.5:
            await self._change(ask.Uninvite(new_request_id(), room, name), room, Uninvited(name))
            await guest.join(room, accept=self.chance.random() < 0.5)
            return
        if (await guest.join(room, accept=self.chance.random() < 0.5)).outcome is not Outcome.OK:
            return
        await guest.send(room)
        file = await self._send_a_file(room)
        if self.chance.random() < 0.5:
            await guest.leave(room)
        else:
            await self.kick(room, guest)
        await self.send(room)
        await guest.read(room)
        if file is not None:
            await guest._download(file)
        await guest.join(room)

    async def _create(self, kind: RoomKind) -> RoomId | None:
        self._rooms += 1
        name = parse_room_name(f"{self.name}-{self._rooms}")
        line = self.chance.choice(self.lines)
        with suppress(RefusedError, UnreachableError):
            entered = await line.request(ask.CreateRoom(new_request_id(), name, kind))
            room = RoomId(entered.room.room)
            self.world.whose[room] = self.name
            return room
        return None

    def _forget_a_message(self) -> tuple[RoomId, int]:
        """Choose a message to be deleted, first one with edits: they have to go as well."""
        edited = [message for message in self.edited if message in self.own]
        message = self.chance.choice(edited or self.own)
        self.own.remove(message)
        return message

    def _remember(self, call: Call) -> None:
        if call.outcome is Outcome.OK:
            self.own.append((call.room, call.seqs[0]))
            self.world.messages.append((call.room, call.seqs[0]))
            del self.world.messages[:-_RECENT]

    def _text(self) -> str:
        self._texts += 1
        return f"{self.name} says {self._texts:06d}"

    async def _change(
        self,
        frame: Any,
        room: RoomId,
        body: AnyBody,
        *,
        twice: bool = False,
        patient: bool = False,
        line: Line | None = None,
    ) -> Call:
        """Send a request until it is answered, or for so long; record it. ``body``: what it asks for.

        Over another ``line`` than this person's it is sent once.
        """
        began = now()
        nodes: list[str] = []
        seqs: list[int] = []
        code = ""
        outcome = Outcome.UNKNOWN
        doubt = False
        while now() - began < _CALL_SECONDS:
            lines = [line] if line else self.lines if twice else [self.chance.choice(self.lines)]
            used = [line for line in lines if line.up.is_set()]
            nodes += [line.place.node for line in used]
            answers = await asyncio.gather(*(line.request(frame) for line in used), return_exceptions=True)
            done = [one for one in answers if not isinstance(one, BaseException)]
            codes = [str(one.code) for one in answers if isinstance(one, RefusedError)]
            doubt = doubt or any(isinstance(one, UnreachableError) for one in answers)
            if fault := next(
                (one for one in answers if not isinstance(one, ParlourClientError | None | frames.Result)),
                None,
            ):
                raise RuntimeError("the workload is wrong") from fault
            if done:
                outcome = Outcome.OK
                seqs += [one.seq for one in done if isinstance(one, frames.Stored)]
                break
            gives_up = bool(codes) and not patient and self.chance.random() < 0.3
            if gives_up or any(code not in _NOT_NOW for code in codes):
                outcome = Outcome.UNKNOWN if doubt else Outcome.REFUSED
                code = next((one for one in codes if one not in _NOT_NOW), codes[0])
                break
            if line is not None:
                break
            await asyncio.sleep(PAUSE)
        call = Call(
            request=frame.id,
            user=self.name,
            session=line.session if line else f"{self.name}-laptop",
            room=room,
            began=began,
            ended=now(),
            outcome=outcome,
            nodes=tuple(nodes),
            body=body,
            seqs=tuple(seqs),
            code=code,
        )
        self.world.history.calls.append(call)
        return call


async def begin(
    world: World, people: int, rooms: int, invite: Secret, habits: Habits
) -> tuple[list[Person], list[asyncio.Task[None]]]:
    """Make accounts and rooms; return the people, and their connections.

    The first owns the rooms, and the second is a moderator of each.
    """
    tag = new_request_id()[:6].lower().replace("_", "x").replace("-", "x")
    made: list[Person] = []
    running: list[asyncio.Task[None]] = []
    for number in range(people):
        name = f"{'abcdefghijklmnopqrstuvwxyz'[number % 26]}{number}{tag}"
        api = world.api(world.places[number % len(world.places)])
        await api.make_account(NewAccount(invite, parse_user_name(name), Secret(PASSWORD)))
        login = await api.log_in(Login(name, Secret(PASSWORD), parse_device_name("laptop")))
        assert isinstance(login, SessionCreated)  # no one has a second factor
        acts = [_OF_MODERATORS | _OF_OWNERS, _OF_MODERATORS, {}][min(number, 2)]
        person = Person(world, name, login.session, habits, acts)
        made.append(person)
        running += [asyncio.ensure_future(line.run()) for line in person.lines]
    for person in made:
        person.others = [other for other in made if other is not person] or [person]
    owner = made[0]
    for number in range(rooms):
        room_name = parse_room_name(f"torture-{tag}-{number}")
        frame = ask.CreateRoom(new_request_id(), room_name, RoomKind.PUBLIC)
        room = (await owner.asked(frame)).room.room
        world.public.append(room)
        world.whose[room] = owner.name
    for person in made[1:]:
        for room in world.public:
            await person.join(room)
    for room in world.public if people > 1 else ():
        await owner.appoint(room, made[1], Role.MODERATOR)
    return made, running
