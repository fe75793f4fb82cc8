"""The program that tests run in a pseudo-terminal: the real `run` on messages from a file.

`in_terminal.py FILE [crash]`; the file holds a JSON list of texts. With `crash` an error with a secret in it
is raised in the middle of the app.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # a script, not a module of the tests

from tests.client.ui.ui_fake import BOB, LOBBY, SECRET, FakeClient

from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.ui import run


class CrashingClient(FakeClient):
    """Raises an error that quotes a stranger, with a secret among its locals."""

    async def send(self, room: object, text: str, **_rest: object) -> None:  # type: ignore[override]
        session_token = SECRET
        raise RuntimeError(f"\x1b]0;PWNED\x07{room}{text}{session_token}")


def speaks_while_away(client: FakeClient, told: Path) -> None:
    """At SIGUSR1 someone says much, a frame apart; then a file appears.

    It is more than the driver's queue holds, which no one empties while another program has the terminal.
    """
    loop = asyncio.get_running_loop()

    def speak(left: int) -> None:
        client.say(LOBBY, BOB, "SAID MEANWHILE")
        if left:
            loop.call_later(0.02, speak, left - 1)
        else:
            loop.call_later(0.02, told.touch)

    loop.add_signal_handler(signal.SIGUSR1, speak, 45)


class Away(FakeClient):
    """Someone speaks while the person is in the editor."""

    async def start(self, connect_after: asyncio.Event | None = None) -> None:
        await super().start(connect_after)
        speaks_while_away(self, Path(sys.argv[1]).with_name("told"))


def main() -> None:
    """Run."""
    client = CrashingClient.peopled() if "crash" in sys.argv else Away.peopled()
    client.remove_room(client.rooms.all[0].id)  # the direct room, so that the lobby is the room to open
    client.remove_room(client.rooms.all[0].id)
    for text in json.loads(Path(sys.argv[1]).read_text()):
        client.say(LOBBY, BOB, text)
    client.set_topic_raw(LOBBY, "\x1b]0;TOPIC\x07\u202etopic")
    client.say(LOBBY, BOB, "END OF ALL")
    client.mark_all_read()
    client.set_link(
        ConnectionStatus(LinkState.ONLINE, "chat.example:8443", "TLS 1.3", problem="\x1b[2J\x9b2J")
    )
    folder = os.environ.get("HOME_OF_THE_TEST")
    sys.exit(run(client, folder=Path(folder) if folder else None))


if __name__ == "__main__":
    main()
