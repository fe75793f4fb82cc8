"""How long a commit of 7 MB holds the event loop while it is decoded: on the loop, and as the server does it.

A timer of the loop fires each half millisecond, and how late it is is what everyone else's message waits.
Figures are the medians of rounds.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from parlour_protocol.delivery import Commit
from parlour_protocol.frames.opaque import HandshakeBytes, TreeBytes, WelcomeBytes
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.api import decode_payload, encode_payload
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.names import parse_user_name
from parlour_server.chat.delivery.https.large_json import LargeJson

COMMITS = 5
STEP = 0.0005
ADA = parse_user_name("ada")


def rows(rounds: int) -> list[list[str]]:
    """Measure both ways."""
    data = encode_payload(
        Commit(
            request=RequestId("r" * 22),
            group=GroupId("g" * 43),
            epoch=Epoch(0),
            data=HandshakeBytes(bytes(256 * 1024)),
            welcome=WelcomeBytes(bytes(2**20)),
            tree=TreeBytes(bytes(4 * 2**20)),
        )
    )
    bodies = LargeJson()

    async def on_the_loop() -> None:
        decode_payload(Commit, data)

    async def beside_it() -> None:
        await bodies.decode(ADA, Commit, data)

    try:
        before = statistics.median(asyncio.run(_longest_hold(on_the_loop)) for _ in range(rounds))
        now = statistics.median(asyncio.run(_longest_hold(beside_it)) for _ in range(rounds))
    finally:
        bodies.close()
    size = len(data) / 10**6
    return [
        [
            f"loop held by a commit of {size:.1f} MB",
            f"{now:.1f} ms",
            "",
            "",
            "<= 10 ms",
            f"decoded on the loop: {before:.1f} ms; longest of {COMMITS}",
        ]
    ]


async def _longest_hold(decode: Callable[[], Awaitable[None]]) -> float:
    """Return the longest time in milliseconds by which a timer of the loop was late meanwhile."""
    longest, done = 0.0, False

    async def watch() -> None:
        nonlocal longest
        while not done:
            due = time.perf_counter() + STEP
            await asyncio.sleep(STEP)
            longest = max(longest, time.perf_counter() - due)

    watching = asyncio.ensure_future(watch())
    await asyncio.sleep(0.01)
    longest = 0.0
    for _ in range(COMMITS):
        await decode()
        await asyncio.sleep(0.01)
    done = True
    await watching
    return longest * 1000
