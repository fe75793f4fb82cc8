"""The line mode as a terminal: everything that it prints is read as strictly as what the screen draws.

It draws nothing, so each text is said once, whole, and there is no border to move; it breaks its rows itself,
so that none is left to the terminal to break.
``terminal_oracle.py`` runs one stage for open rooms and one for encrypted ones.
"""

from tests.e2e.oracle.encrypted_rooms import EncryptedRooms
from tests.e2e.oracle.hostile_server import HostileServer
from tests.e2e.oracle.run import Run
from tests.e2e.oracle.sealed_stages import say
from tests.e2e.oracle.stages import fill

from parlour_protocol.frames.requests import Send

ARGUMENTS = ("chat", "--plain")
QUIT = "/quit\n"
ECHO = len("\r\n")
"""Bytes that the terminal writes after a command of its own accord."""
SETTLED = 0.1
BEGUN = 0.5
"""Seconds without output after which all that waited for the client was said."""
COMMANDS = ("/unsent", "/public", "/sessions", "/go h-history", "/history 2", "/go j-pins0", "/pins")
SEALED_COMMANDS = ("/encryption", "/devices", "/alarms", "/verify mallory")


async def lines(run: Run[HostileServer]) -> None:
    """Hear each text live, and have lists of them said."""
    run.terminal.breaks_rows = True
    await run.terminal.until("You are writing in")
    for _ in run.server.queued:  # what is said beside many refusals is told with them, as a burst
        await run.server.was_asked(Send)
    await run.terminal.quiet(BEGUN)
    run.terminal.seen.clear()  # a thread has the same marks, and was said when the client came
    room = next(room for room, name in run.server.names.items() if name == "a-timeline")
    for number, entry in enumerate(run.entries):
        await run.server.say(*fill(run.server, room, number, entry.text))
        # One after the other: what comes in a burst is not told one by one.
        await run.terminal.until(lambda _text, number=number: number in run.terminal.seen, f"#{number};")
        run.blame("line mode", number)
    await _ask(run, COMMANDS)


async def sealed_lines(run: Run[EncryptedRooms]) -> None:
    """Hear each text that comes out of sealed messages, and have devices listed."""
    run.terminal.breaks_rows = True
    await run.terminal.until("You are writing in")
    for number, entry in enumerate(run.entries):
        say(run.server, number, entry.text, tell=True)
        await run.terminal.until(lambda _text, number=number: number in run.terminal.seen, f"#{number};")
        run.blame("line mode, sealed", number)
    await _ask(run, SEALED_COMMANDS)


async def _ask(run: "Run[HostileServer] | Run[EncryptedRooms]", commands: tuple[str, ...]) -> None:
    for command in commands:
        wanted = run.terminal.bytes + len(command) + ECHO
        run.terminal.press(f"{command}\n")
        await run.terminal.until(lambda _text, wanted=wanted: run.terminal.bytes > wanted, command)
        await run.terminal.quiet(SETTLED)
        run.blame(f"line mode, {command}")
