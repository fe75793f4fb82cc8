"""A bridge: sends its standard input to a room, and prints the messages of others.

Messages are printed through the text rule, so that none can control the terminal. Start it with
a home folder and a room: `tail -f build.log | python examples/stdin_bridge.py ~/builds builds`.
"""

import asyncio
import sys
from pathlib import Path

from parlour_client.bots import Bot, Incoming
from parlour_protocol.kit.text import safe_text


def listen(bot: Bot, title: str) -> None:
    """Print what others say in the room."""

    @bot.on_message
    async def show(message: Incoming) -> None:
        if message.room.title == title:
            print(f"{message.author}: " + "\n    ".join(safe_text(message.text).lines), flush=True)  # noqa: T201


async def speak(bot: Bot, title: str) -> None:
    """Say each line of the standard input in the room."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            await bot.say(bot.room(title).id, line.rstrip("\n"))


async def bridge(home: Path, title: str) -> None:
    """Run both directions until the input ends."""
    bot = Bot(home)
    listen(bot, title)
    running = asyncio.create_task(bot.run())
    await bot.started.wait()
    await speak(bot, title)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(bridge(Path(sys.argv[1]).expanduser(), sys.argv[2]))
