"""What the whole client costs: idle, at ten messages a second, and at fifty while someone types.

The real program in a pseudo-terminal of 100x40, on a real server; someone else writes. Beside it, on the same
messages: the least client that Textual makes (`least_client.py`), without keys, and the client of any other
checkout (`python -m bench.running CHECKOUT …`). The ratios are of the same seconds. CPU is the process's own,
so that a busy machine changes it little; memory is what it has resident.
"""

import argparse
import asyncio
import fcntl
import os
import pty
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import people
from bench.archive import environment
from bench.homes import Homes, made_homes, make_room
from parlour_client.core.archive import Archive, saved_preferences
from parlour_client.core.client import Client
from parlour_protocol.ids import RoomId

SECONDS: Final = 30.0
RESTING: Final = 15.0
"""Seconds after which a client that nobody uses is idle: its cursor stops blinking after ten."""
RATES: Final = (10, 50)
KEYS_PER_SECOND: Final = 10
LETTERS: Final = [chr(number) for number in range(0x100, 0x17F)]
"""Letters that nothing else on the screen has."""
MANY: Final = 5_000
FLOOD: Final = 250
"""Messages a second until there are so many."""
PATIENCE: Final = 60.0
SIZE: Final = (100, 40)


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=env
        )
        os.close(slave)
        self._last = bytearray()
        self.written = 0
        """Bytes that the program wrote."""
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        found = os.read(self._master, 65_536)
        self.written += len(found)
        self._last += found
        del self._last[:-1_000_000]
        self._more.set()

    async def shows(self, text: str) -> None:
        """Wait until something was written since the last ``forget``."""
        try:
            async with asyncio.timeout(PATIENCE):
                while text.encode() not in self._last:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise SystemExit(f"{text!r} was never written, but: {bytes(self._last[-2_000:])!r}") from None

    def forget(self) -> None:
        """Forget what was written."""
        self._last.clear()

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    @property
    def used(self) -> float:
        """The seconds of CPU that the program has used."""
        times = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def resident(self) -> float:
        """Its memory in MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.split("\n") if line.startswith("VmRSS:")) / 1024

    def close(self) -> None:
        """End the program."""
        asyncio.get_running_loop().remove_reader(self._master)
        self._process.kill()
        self._process.wait()
        os.close(self._master)


@dataclass
class Cost:
    """What one program cost."""

    terminal: Terminal
    started: float = 0.0
    """Seconds of CPU until it was connected and caught up."""
    first: float = 0.0
    """MiB then."""
    many: float = 0.0
    """MiB after ``MANY`` messages."""
    shares: dict[int, float] = field(default_factory=dict)
    """Of a core, at so many messages a second; 0: idle."""
    echoes: list[float] = field(default_factory=list)
    """Milliseconds from a key until it was written to the terminal, at the highest rate."""


async def measure(others: Sequence[Path]) -> list[Cost]:
    """Return what this checkout's client cost, the least client, and those of other checkouts."""
    async with made_homes(3 + len(others)) as homes:
        writer, number = await homes.home(0), 1
        async with homes.client(writer) as client:
            readers = range(1, 3 + len(others))
            room = await make_room(homes.data, client, "busy", list(readers), encrypted=False)
            costs: list[Cost] = []
            try:
                costs.append(Cost(await _client(homes, 1, room, Path.cwd())))
                costs.append(Cost(await _least(homes, 2)))
                for number, checkout in enumerate(others, 3):
                    costs.append(Cost(await _client(homes, number, room, checkout)))
                await _run(client, room, costs)
            finally:
                for cost in costs:
                    cost.terminal.close()
            return costs


async def _run(client: Client, room: RoomId, costs: Sequence[Cost]) -> None:
    for cost in costs:
        await cost.terminal.shows("connected")
    await asyncio.sleep(RESTING)  # they are caught up, and nobody has pressed a key for a while
    for cost in costs:
        cost.started, cost.first = cost.terminal.used, cost.terminal.resident
    await _shares(costs, 0)
    sent = 0
    for rate in RATES:
        sending = asyncio.ensure_future(_send(client, room, range(sent, sent + int(rate * SECONDS)), rate))
        typed_into = [cost for cost in costs if cost is not costs[1]] if rate == max(RATES) else []
        typing = [asyncio.ensure_future(_type(cost)) for cost in typed_into]
        await _shares(costs, rate)
        sent += int(rate * SECONDS)
        await asyncio.gather(sending, *typing)
    await _send(client, room, range(sent, MANY), FLOOD)
    for cost in costs:
        cost.terminal.forget()
    await client.messages.send(room, "the last of all")
    for cost in costs:
        await cost.terminal.shows(
            "the last of all"
        )  # or they have not shown the others: no figure would count
        cost.many = cost.terminal.resident


async def _shares(costs: Sequence[Cost], rate: int) -> None:
    before = [cost.terminal.used for cost in costs]
    await asyncio.sleep(SECONDS)
    for cost, used in zip(costs, before, strict=True):
        cost.shares[rate] = (cost.terminal.used - used) / SECONDS


async def _send(client: Client, room: RoomId, numbers: range, rate: float) -> None:
    start = time.monotonic()
    for count, number in enumerate(numbers):
        await client.messages.send(room, f"message {number}: the quick brown fox jumps over the lazy dog")
        await asyncio.sleep(max(0.0, start + (count + 1) / rate - time.monotonic()))


async def _type(cost: Cost) -> None:
    """Write a letter and delete it again, so that the line stays as short as it is."""
    end, turn = time.monotonic() + SECONDS - 1, 0
    while time.monotonic() < end:
        letter = LETTERS[turn % len(LETTERS)]
        turn += 1
        cost.terminal.forget()
        began = time.monotonic()
        cost.terminal.press(letter)
        await cost.terminal.shows(letter)
        cost.echoes.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(max(0.0, began + 1 / KEYS_PER_SECOND - time.monotonic()))
        cost.terminal.press("\x7f")
        await asyncio.sleep(max(0.0, began + 2 / KEYS_PER_SECOND - time.monotonic()))


async def _client(homes: Homes, number: int, room: RoomId, checkout: Path) -> Terminal:
    """Start a checkout's client on a home whose open room this is."""
    home = await homes.home(number)
    archive = await Archive.open(home.archive, home.key)
    await archive.write(saved_preferences.remember_open, room)
    await archive.close()
    where = environment(home.folder) | {
        "PYTHONPATH": os.pathsep.join(str(checkout / part) for part in ("client", "protocol"))
    }
    where["PYTHONPYCACHEPREFIX"] += str(number)
    loads = "import parlour_client.cli.open_chat, parlour_client.ui.app, websockets.asyncio.client"
    # compiled before, as at every start but the first: compiling takes memory that stays
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", loads], check=True, env=where)
    return Terminal([sys.executable, "-m", "parlour_client", "--home", str(home.folder), "chat"], where)


async def _least(homes: Homes, number: int) -> Terminal:
    ticket = homes.folder / "ticket"
    ticket.write_text((await people.tickets(homes.data, homes.server.port, [homes.sessions[number]]))[0])
    program = [sys.executable, str(Path(__file__).with_name("least_client.py"))]
    options = ["--port", str(homes.server.port), "--ca", str(homes.data / "ca.pem"), "--ticket", str(ticket)]
    return Terminal([*program, *options], environment(homes.folder))


def rows() -> list[list[str]]:
    """Measure for the table of all measurements."""
    return table(asyncio.run(measure(())))


def table(costs: Sequence[Cost]) -> list[list[str]]:
    """Return the rows: this client, the least one, the ratio, the goal, and other checkouts' clients."""
    ours, _least_client, *others = costs
    goals = {0: "<= 0.3 %", 10: "<= 6 %", 50: "<= 15 %"}

    def row(what: str, figures: Sequence[float], form: str, goal: str, note: str = "") -> list[str]:
        shown = [form.format(figure) for figure in figures]
        also = [f"{Path(name).name}: {figure}" for name, figure in zip(_NAMES, shown[2:], strict=False)]
        ratio = f"{figures[0] / figures[1]:.1f}" if figures[1] else ""
        return [what, shown[0], f"least: {shown[1]}", ratio, goal, "; ".join([note, *also]).strip("; ")]

    found = []
    for rate in ours.shares:
        what = f"client, {rate} messages/s in the open room" if rate else "client, idle"
        what += ", while someone types" if rate == max(RATES) else ""
        found.append(
            row(what, [cost.shares[rate] for cost in costs], "{:.1%} of a core", goals.get(rate, ""))
        )
    echoes = [_echo(cost) for cost in (ours, *others)]
    also = "; ".join(f"{Path(name).name}: {echo}" for name, echo in zip(_NAMES, echoes[1:], strict=False))
    found.append(["key to terminal meanwhile", echoes[0], "", "", "<= 20 ms", also])
    written = [cost.terminal.written / 1024 for cost in costs]
    found.append(row("written to the terminal", written, "{:.0f} KiB", ""))
    found.append(row("memory when it is connected", [cost.first for cost in costs], "{:.0f} MiB", "<= 60 MB"))
    found.append(
        row(f"memory after {MANY:,} messages", [cost.many for cost in costs], "{:.0f} MiB", "<= 90 MB")
    )
    found.append(row("CPU until connected", [cost.started for cost in costs], "{:.2f} s", ""))
    return found


def _echo(cost: Cost) -> str:
    p95 = statistics.quantiles(cost.echoes, n=20)[-1]
    return f"{statistics.median(cost.echoes):.1f} ms, p95 {p95:.0f} ms, {len(cost.echoes)} keys"


_NAMES: list[str] = []

if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m bench.running", description=__doc__)
    options.add_argument("checkout", type=Path, nargs="*", help="measure its client beside this one")
    given = options.parse_args()
    _NAMES.extend(map(str, given.checkout))
    for row in table(asyncio.run(measure([one.resolve() for one in given.checkout]))):
        print("| " + " | ".join(row) + " |", flush=True)
