"""A bot that answers `!price NAME` with a made-up price.

It answers in the room where it was asked and never shows or runs what people write. Start it with the home
folder of its account: `python examples/price_ticker.py ~/ticker`.
"""

import asyncio
import random
import sys
from pathlib import Path

from parlour_client.bots import Bot, Incoming

PRICES = {"tea": 4.20, "honey": 11.50, "ink": 7.80}


def next_price(name: str, chance: random.Random) -> float:
    """Move a price by up to two per cent and return it."""
    PRICES[name] = round(PRICES[name] * chance.uniform(0.98, 1.02), 2)
    return PRICES[name]


def ticker(bot: Bot, chance: random.Random) -> None:
    """Teach the bot to answer."""

    @bot.on_message
    async def answer(message: Incoming) -> None:
        command, _, name = message.text.partition(" ")
        if command != "!price":
            return
        if name.strip() in PRICES:
            await message.reply(f"{name.strip()}: {next_price(name.strip(), chance):.2f}")
        else:
            await message.reply(f"I know the prices of: {', '.join(sorted(PRICES))}")


def main() -> None:
    """Run the bot on the home folder that the first argument names."""
    bot = Bot(Path(sys.argv[1]).expanduser())
    ticker(bot, random.Random())  # noqa: S311 - made-up prices, not secrets
    asyncio.run(bot.run())


if __name__ == "__main__":
    main()
