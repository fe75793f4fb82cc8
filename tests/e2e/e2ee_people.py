"""People with devices, each device a process that can be killed: how a test speaks with them.

``World`` has the server, the cables and the people; ``Phone`` is one device. What a device says of a room is
read from its archive after it was stopped, by ``parlour_lab.hostile.disks``.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.cable import Cable
from tests.e2e.processes import Server, environment, password
from tests.forked import ForkedPython
from tools.cluster.process import reserved_port

from parlour_protocol.invite_link import ChatInviteLink

PATIENCE = 120.0
"""Seconds for an answer that depends on the server only, not on what other devices do."""
MOST = 24
"""Devices: eight people with three each."""
AT_ONCE = 2
"""People who enrol side by side: each has a password hashed and a process started, and a login has 15 s."""
WIDE = (
    "[rates]\nmessages_per_minute = 100000\nmessage_burst = 10000\nhttp_burst = 100000\n"
    "http_per_minute = 100000\nkey_changes_per_hour = 100000\nclaims_per_person_per_hour = 10000\n"
    "message_bytes_per_minute = 1000000000\nmessage_bytes_burst = 100000000\n"
    "commit_bytes_per_hour = 10000000000\ncommits_per_minute = 100000\n"
    "rooms_per_hour = 1000\ninvites_per_hour = 10000\n"
)


class GoneError(Exception):
    """The device's process ended before it answered."""


class RefusedError(Exception):
    """The device answered with a sentence."""


class Phone:
    """One device of someone: a home folder and, while it is on, a process."""

    def __init__(self, user: str, number: int, folder: Path, cable: Cable) -> None:
        self.user, self.number, self.home, self.cable = user, number, folder, cable
        self.id = ""
        self.process: ForkedPython | None = None
        self.died = 0
        self.bugs = 0
        """How often its process ended by itself, or answered something else than JSON."""
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._count = 0
        self._reading: asyncio.Task[None] | None = None
        self._to: asyncio.WriteTransport
        self._from: asyncio.ReadTransport

    def __repr__(self) -> str:
        return f"{self.user}{self.number}"

    @property
    def on(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.returncode is None

    async def switch_on(self, *, die_at: int = 0, start: bool = True) -> None:
        """Start the process; with ``die_at`` it kills itself at that write."""
        arguments = ["-m", "tests.e2e.e2ee_device", str(self.home)]
        arguments += [str(die_at)] if die_at else []
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        self.process = ForkedPython(arguments, files={0: theirs_in, 1: theirs_out}, env=environment())
        os.close(theirs_in)
        os.close(theirs_out)
        loop, answers = asyncio.get_running_loop(), asyncio.StreamReader()
        self._to, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(ours_in, "wb", 0))
        self._from, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(answers), os.fdopen(ours_out, "rb", 0)
        )
        self._reading = asyncio.ensure_future(self._read(self.process, answers))
        if start:
            try:
                await self.ask("start")
            except GoneError:
                return

    async def ask(self, what: str, *, patience: float | None = PATIENCE, **fields: object) -> Any:
        """Have something done. Raises GoneError, RefusedError."""
        process = self.process
        if process is None or process.returncode is not None:
            raise GoneError(what)
        self._count += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[self._count] = future
        self._to.write(json.dumps({"n": self._count, "do": what, "with": fields}).encode() + b"\n")
        try:
            return await asyncio.wait_for(future, patience)
        except ConnectionError as error:
            raise GoneError(what) from error
        except TimeoutError:
            await self._show_where(process)
            raise AssertionError(f"{self!r}: no answer to {what} in {patience} s") from None

    async def _show_where(self, process: ForkedPython) -> None:
        """Let a device that does not answer say on stderr where its threads and its tasks are."""
        for how in (signal.SIGUSR2, signal.SIGUSR1):  # the threads first: a loop that hangs does no more
            if process.returncode is None:
                process.send_signal(how)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.ended(), 1)

    async def kill(self) -> None:
        """End it without a word."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
        await self._ended()

    async def switch_off(self) -> None:
        """End it as a person does."""
        with contextlib.suppress(GoneError):
            await self.ask("stop")
        await self._ended()

    async def _ended(self) -> None:
        if self.process is not None:
            await self.process.ended()
        if self._reading is not None:
            await self._reading

    async def _read(self, process: ForkedPython, answers: asyncio.StreamReader) -> None:
        while line := await answers.readline():
            try:
                answer = json.loads(line)
            except ValueError:
                self.bugs += line.endswith(b"\n")  # half a line is what its death left
                continue
            future = self._asked.pop(answer["n"], None)
            if future is None or future.done():
                continue
            if "error" in answer:
                future.set_exception(RefusedError(f"{self!r}: {answer['error']}"))
            else:
                future.set_result(answer["result"])
        self._to.close()
        self._from.close()
        await process.ended()
        self.died += process.returncode == -signal.SIGKILL
        self.bugs += process.returncode not in {0, -signal.SIGKILL}
        asked, self._asked = self._asked, {}
        for future in asked.values():
            if not future.done():
                future.set_exception(GoneError(f"{self!r}"))
                future.exception()  # no one may be waiting any more


class World:
    """A server and everyone who uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server(folder)
        self.server.command("init")
        self.cables = [Cable() for _ in range(MOST)]
        names = [f"127.0.0.1:{cable.port}" for cable in self.cables]
        self.metrics = reserved_port(self)
        listen = f'[listen]\nnames = {json.dumps(names)}\nmetrics = "127.0.0.1:{self.metrics}"\n'
        (self.server.data / "parlour.toml").write_text(listen + WIDE)
        self.server.start()
        for cable in self.cables:
            cable.target = self.server.port
        self.phones: list[Phone] = []
        made = self.server.command("invite", "create", "--uses", str(MOST), "--json")
        self._link = ChatInviteLink.parse(json.loads(made)["link"])

    def of(self, user: str) -> list[Phone]:
        """Return someone's devices."""
        return [phone for phone in self.phones if phone.user == user]

    async def populate(self, people: Mapping[str, int]) -> None:
        """Make accounts with so many devices each."""
        few = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._household(few, user, devices) for user, devices in people.items()))

    async def _household(self, few: asyncio.Semaphore, user: str, devices: int) -> None:
        async with few:
            await self.enrol(user)
            for _ in range(1, devices):
                await self.another(user)

    async def enrol(self, user: str) -> Phone:
        """Make an account."""
        phone = self._new(user)
        await phone.switch_on(start=False)
        link, device = self._through(phone), f"{user} {phone.number}"
        await phone.ask("join", link=link, user=user, password=password(user), name=device)
        return await self._begin(phone)

    async def another(self, user: str) -> Phone:
        """Give someone one more device, approved on the first."""
        first, phone = self.of(user)[0], self._new(user)
        await phone.switch_on(start=False)
        link, device = self._through(phone), f"{user} {phone.number}"
        await phone.ask("log_in", link=link, user=user, password=password(user), name=device)
        await self._begin(phone)
        await first.ask("approve", code=await phone.ask("code"))
        return phone

    async def close(self) -> None:
        """End everything; a failure of this would hide the one that the test ends with."""
        await asyncio.gather(*(phone.kill() for phone in self.phones), return_exceptions=True)
        self.server.kill()
        for cable in self.cables:
            cable.close()

    async def restart_server(self) -> None:
        """Kill the server and start it again."""
        self.server.kill()
        await asyncio.to_thread(self.server.start)

    def _new(self, user: str) -> Phone:
        cable, number = self.cables[len(self.phones)], len(self.of(user)) + 1
        phone = Phone(user, number, self.folder / f"{user}{number}", cable)
        self.phones.append(phone)
        return phone

    def _through(self, phone: Phone) -> str:
        return str(self._link).replace(f":{self.server.port}/", f":{phone.cable.port}/")

    async def _begin(self, phone: Phone) -> Phone:
        await phone.ask("start")
        await phone.ask("online")
        phone.id = await phone.ask("device")
        return phone


def stolen(phone: Phone, folder: Path) -> Path:
    """Copy the home of a device that is off: what a thief has of that moment."""
    assert not phone.on
    return Path(shutil.copytree(phone.home, folder))
