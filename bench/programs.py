"""The programs whose servers are measured with the same load: how each is started, and what is sent to it.

The chat is Parlour's own. The ticker is `examples/ticker` as it is: nothing is sent to it, and it pushes
twenty prices a second, four at a time. The relay (`relay.py`) is the least chat that the kit makes.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import people
from bench.people import Filled

ROOT = Path(__file__).parents[1]

_CHAT_RATES = """
rooms_per_hour = 1000000
invites_per_hour = 1000000
key_changes_per_hour = 1000000
claims_per_hour = 1000000
claims_per_person_per_hour = 1000000
claims_of_person_per_hour = 1000000
commits_per_minute = 1000000
"""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program. Its frames have the generator's ``@…@`` in them (`wsload.c`), and ``@ROOM@``."""

    name: str
    word: str
    """In the names of its files, its subprotocol and its path."""
    module: str
    fill: Callable[[Path, int, int], Coroutine[Any, Any, Filled]]
    """Make so many people, in rooms of this size, before the server is started."""
    folder: Path = ROOT
    rates: str = ""
    """Lines of its configuration, below ``[rates]``."""
    path: str = ""
    join: str = ""
    """The frame by which a connection enters its room, after the greeting; empty: by connecting."""
    message: str = ""
    """What a sender sends; empty: the program speaks by itself."""
    delivery: str = ""
    """What is counted in the frames of a program that speaks by itself."""

    def options(self, folder: Path, tickets: list[str], filled: Filled, *, joins: bool = True) -> list[str]:
        """Write the generator's files and return the options that name them."""
        files = {"A": "\n".join(tickets)}
        if self.message:
            files["M"] = "\n".join(self.message.replace("@ROOM@", room) for room in filled.rooms)
        if self.join and joins:
            files["J"] = '\t"hello"\n' + self.join.replace("@ROOM@", "@G@") + '\t"ok"'
        for name, text in files.items():
            (folder / f"load.{name}").write_text(text)
        options = ["-o", "json", "-L", f"{self.word}.v1", "-R", self.path or f"/v1/{self.word}"]
        options += ["-G", str(filled.room_size)]
        options += ["-D", self.delivery] if self.delivery else []
        return options + [f"-{name}{folder / f'load.{name}'}" for name in files]


CHAT = Program(
    name="chat",
    word="parlour",
    module="parlour_server",
    fill=people.fill_chat,
    rates=_CHAT_RATES,
    path="/v1/chat",
    message='{"type":"send","id":"@ID@","room":"@ROOM@","text":"@TEXT@"}',
)
RELAY = Program(
    name="relay",
    word="relay",
    module="bench.relay",
    fill=people.filler_of("relay"),
    join='{"type":"join","id":"join-room-of-number-@N@","room":"@ROOM@"}',
    message='{"type":"say","id":"@ID@","room":"@ROOM@","text":"@TEXT@"}',
)
TICKER = Program(
    name="ticker",
    word="ticker",
    module="ticker.server",
    fill=people.filler_of("ticker"),
    folder=ROOT / "examples/ticker",
    join='{"type":"watch","id":"watch-as-number-@N@","symbols":["ACME","GLOBEX","INITECH","UMBRELLA"]}',
    delivery='"type":"price"',
)
PROGRAMS = {program.name: program for program in (CHAT, RELAY, TICKER)}
