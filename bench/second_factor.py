"""What a login costs with a second factor: logins without and with a code, and a hash beside them."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher

from parlour_server.chat.program import CHAT
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import PASSWORD, Codes, World, running

LOGINS: Final = 200


def rows() -> list[list[str]]:
    """Log in so many times in each way, over TLS, in one process with the server."""
    without, with_code = asyncio.run(_measure())
    hasher = PasswordHasher()
    began = time.process_time()
    hasher.hash(PASSWORD)
    hashing = time.process_time() - began
    more = (with_code - without) * 1000
    return [
        [
            "CPU time of a login with a code (TOTP)",
            f"{with_code * 1000:.1f} ms",
            f"{without * 1000:.1f} ms without",
            f"{more:.1f} ms more",
            "",
            f"server and client together, {LOGINS} logins each, hashing left out: {hashing * 1000:.0f} ms",
        ]
    ]


async def _measure() -> tuple[float, float]:
    """Return the CPU seconds of a login, without and with a code."""
    clock = FakeClock()
    with tempfile.TemporaryDirectory() as folder:
        async with running(CHAT, Path(folder) / "data", clock=clock) as world:
            anna, ben = await world.person("anna"), await world.person("ben")
            codes = await anna.set_up_codes(lambda: clock.wall / 1000)
            without = await _log_in(world, clock, ben.name, None)
            return without, await _log_in(world, clock, anna.name, codes)


async def _log_in(world: World, clock: FakeClock, name: str, codes: Codes | None) -> float:
    began = time.process_time()
    for _ in range(LOGINS):
        clock.forward(30)
        login = {"username": name, "password": PASSWORD, "device": "laptop"}
        made = await world.api("POST", "/v1/sessions", login)
        if codes is not None:
            answer = {"kind": "totp", "code": codes.code()}
            proof = {"challenge": made["challenge"], "answer": answer}
            made = await world.api("POST", "/v1/sessions/second-factor", proof)
        if "session" not in made:
            raise RuntimeError("the login was not finished")
    return (time.process_time() - began) / LOGINS
