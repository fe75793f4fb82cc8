"""One device as a process of its own: a real client that does what JSON lines say, until it is killed.

`python -m tests.e2e.e2ee_device HOME [KILL_AT]`: with a second argument it kills itself without a word at its
n-th write, half of the times before the transaction is committed and half after. Waits are a tenth as long as
a person's client has them. ``e2ee_people`` starts it and speaks with it.
"""

import asyncio
import faulthandler
import json
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from random import SystemRandom
from typing import Any, TextIO

import apsw
from tests.client.core.client_parts import encrypted_rooms, parts

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.sign_in import ChatSignIn, open_archive
from parlour_client.core.archive import archive as module
from parlour_client.core.client import Client
from parlour_client.kit.clock import SystemClock, Timer
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.transport.conversation import ANSWER_SECONDS
from parlour_client.kit.transport.trust import Pin
from parlour_protocol.ids import RoomId
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.ids import DeviceId, RequestId
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind

Fields = dict[str, Any]
HURRY = 10


class HurriedClock(SystemClock):
    """The time of day, and waits that are a tenth as long: but a busy server may be as slow as ever."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await super().sleep(seconds / HURRY)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run ``call`` soon, unless it gives up waiting for an answer."""
        return super().call_later(seconds if seconds == ANSWER_SECONDS else seconds / HURRY, call)


def die_at(step: int) -> None:
    """Kill this process at the ``step``-th write: of two steps one is before the commit, one after it."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)

    inside = module._in_transaction

    def counted(connection: apsw.Connection, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def work(*given: Any, **named: Any) -> Any:
            result = call(*given, **named)
            count()
            return result

        result = inside(connection, work, *args, **kwargs)
        count()
        return result

    module._in_transaction = counted


class Device:
    """The client and what it is asked to do. Each method's name is a command."""

    def __init__(self, folder: Path) -> None:
        self.home = ChatHome(folder)
        self.client = Client(self.home, clock=HurriedClock(), chance=SystemRandom())

    async def join(self, link: str, user: str, password: str, name: str) -> None:
        """Make an account, or log in where it is there already (the link has no code then)."""
        archive = await open_archive(self.home)
        invite = ChatInviteLink.parse(link)
        try:
            await ChatSignIn(archive).join(
                invite, parse_user_name(user), Secret(password), parse_device_name(name)
            )
        finally:
            await archive.close()

    async def log_in(self, link: str, user: str, password: str, name: str) -> None:
        """Log in on a second device."""
        archive = await open_archive(self.home)
        invite = ChatInviteLink.parse(link)
        assert invite.link.pin is not None
        try:
            await ChatSignIn(archive).log_in(
                invite.link.address,
                Pin(invite.link.pin),
                parse_user_name(user),
                Secret(password),
                parse_device_name(name),
            )
        finally:
            await archive.close()

    async def start(self) -> None:
        """Connect in the background."""
        await self.client.start()

    async def online(self) -> None:
        """Wait until the connection is up and the rooms have caught up."""
        await self.client.connection.ready(60)

    async def code(self) -> str:
        """Return what approves this device."""
        await self.client.connection.ready(60)
        return self.client.encryption.own().code

    async def device(self) -> str:
        """Return this device's id."""
        return self.client.encryption.own().device

    async def approve(self, code: str) -> str:
        """Approve another."""
        return (await self.client.encryption.approve(code)).device

    async def revoke(self, device: str) -> None:
        """Revoke another."""
        await self.client.encryption.revoke(DeviceId(device))

    async def create(self, name: str) -> str:
        """Make an encrypted room."""
        made = await self.client.rooms.create(parse_room_name(name), RoomKind.PUBLIC, encrypted=True)
        return made.id

    async def direct(self, user: str) -> str:
        """Open an encrypted direct room."""
        return (await self.client.rooms.open_direct(parse_user_name(user))).id

    async def invite(self, room: str, user: str) -> None:
        """Invite someone."""
        await self.client.invitations.send(RoomId(room), parse_user_name(user))

    async def accept(self, room: str) -> None:
        """Come in by invitation."""
        await self.client.invitations.accept(RoomId(room))

    async def promote(self, room: str, user: str) -> None:
        """Let someone found a contested group again."""
        await self.client.rooms.set_role(RoomId(room), parse_user_name(user), Role.OWNER)

    async def enter(self, room: str) -> None:
        """Come in."""
        await self.client.rooms.join(RoomId(room))

    async def leave(self, room: str) -> None:
        """Go."""
        await self.client.rooms.leave(RoomId(room))

    async def kick(self, room: str, user: str) -> None:
        """Put someone out."""
        await self.client.rooms.kick(RoomId(room), parse_user_name(user))

    async def renew(self, room: str) -> None:
        """Give this device new keys in the room: a commit."""
        rooms = encrypted_rooms(self.client)
        await rooms.scheduler._renew(RoomId(room))

    async def renewed(self, room: str) -> None:
        """Give this device new keys in the room, even if others commit, and leave nothing for later."""
        rooms = encrypted_rooms(self.client)
        before = await self._last_renewal(room)
        await rooms.scheduler.finish()
        while await self._last_renewal(room) == before:
            await rooms.scheduler.now(RoomId(room))
            await rooms.scheduler._renew(RoomId(room))

    async def _last_renewal(self, room: str) -> int | None:
        return (await self.client.encryption.report(RoomId(room))).last_change

    async def queue(self, room: str, text: str) -> str:
        """Have something said; it is on this disk when this returns."""
        entry = await self.client.messages.send(RoomId(room), text)
        return str(entry.request)

    async def stored(self, request: str) -> int:
        """Wait until it is on the server's disk."""
        return await self.client.messages.stored(RequestId(request))

    async def say(self, room: str, text: str) -> int:
        """Have something said; it is on the server's disk when this returns."""
        entry = await self.client.messages.send(RoomId(room), text)
        assert entry.request is not None
        return await self.client.messages.stored(entry.request)

    async def stand(self, room: str) -> Fields:
        """Return how the room stands here, in short."""
        report = await self.client.encryption.report(RoomId(room))
        return {
            "state": report.state.value,
            "problem": report.problem,
            "group": report.group,
            "epoch": report.epoch,
            "authenticator": report.authenticator,
            "members": sorted(member.device for member in report.members),
            "unsent": [
                f"{one.what} {one.entry.delivery.name} {one.entry.problem}"
                for one in self.client.messages.outgoing()
                if one.entry.room == room
            ],
            "top": parts(self.client).catch_up.top(RoomId(room)),
            "member": self.client.rooms.get(RoomId(room)) is not None,
            "link": f"{self.client.connection.status.state.value} {self.client.connection.status.problem}",
        }

    async def stop(self) -> None:
        """Disconnect and close everything."""
        await self.client.stop()


async def main() -> None:
    """Do what lines of JSON say, side by side, and answer each with a line."""
    folder, step = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if step:
        die_at(step)
    device, answers = Device(folder), sys.stdout
    sys.stdout = sys.stderr  # whatever else prints: only answers go to who asks
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, show_tasks)
    faulthandler.register(signal.SIGUSR2)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    tasks: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        asked = json.loads(line)
        if asked["do"] == "stop":
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        work = getattr(device, asked["do"])(**asked["with"])
        task = asyncio.ensure_future(answer(answers, asked["n"], work))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(ended)
        if asked["do"] == "stop":
            await task
            return


def show_tasks() -> None:
    """Say on stderr what everything waits for: the test asks when an answer does not come."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


def ended(task: "asyncio.Task[None]") -> None:
    """End the process over what is no sentence but a bug: the test sees its status."""
    if not task.cancelled() and (error := task.exception()) is not None:
        traceback.print_exception(error)
        os._exit(70)


async def answer(answers: TextIO, number: int, work: Coroutine[Any, Any, Any] | Awaitable[Any]) -> None:
    """Answer with what came of it, or with the sentence that was raised."""
    try:
        found: Fields = {"n": number, "result": await work}
    except ParlourClientError as error:
        found = {"n": number, "error": f"{type(error).__name__}: {error} {error.hint}"}
    answers.write(json.dumps(found) + "\n")
    answers.flush()


if __name__ == "__main__":
    asyncio.run(main())
