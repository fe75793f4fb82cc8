"""The baseline of a client in a terminal: the least chat that Textual and websockets make.

It does the least that a client can do: what is written in one room goes to a log on the screen, and a line
can be typed below it. No archive, no rooms, no names in colour, no safe text. Parlour's figures are ratios to
this one, run beside it on the same messages, so that the machine cancels out.

    python bench/least_client.py --port 8443 --ca ca.pem --ticket FILE
"""

import argparse
import json
import ssl
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import Input, Log
from websockets.asyncio.client import connect


class LeastClient(App[None]):
    """A log of messages and a line to write in."""

    AUTO_FOCUS = "Input"

    def __init__(self, port: int, ca: Path, ticket: str) -> None:
        super().__init__()
        self._port, self._ca, self._ticket = port, ca, ticket
        self._messages = Log(max_lines=20_000)

    def compose(self) -> ComposeResult:
        """Yield the log and the line."""
        yield self._messages
        yield Input()

    def on_mount(self) -> None:
        """Begin to read."""
        self.run_worker(self._read())

    async def _read(self) -> None:
        async with connect(
            f"wss://localhost:{self._port}/v1/chat",
            ssl=ssl.create_default_context(cafile=self._ca),
            subprotocols=["parlour.v1"],  # type: ignore[list-item]
            additional_headers={"Authorization": f"Bearer {self._ticket}"},
            compression=None,
        ) as connection:
            self._messages.write_line("connected")
            async for frame in connection:
                found = json.loads(frame)
                if found["type"] == "event" and found["body"]["kind"] == "message":
                    self._messages.write_line(f"{found['author']:10} {found['body']['text']}")


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", required=True, type=int)
    options.add_argument("--ca", required=True, type=Path)
    options.add_argument("--ticket", required=True, type=Path)
    given = options.parse_args()
    LeastClient(given.port, given.ca, given.ticket.read_text()).run()
