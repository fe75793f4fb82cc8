"""Play the demo without a screen and print what held: the exit code is 0 only if every check did."""

from collections.abc import Callable

from parlour_client.demo.checks import CHECKS, Stage, run_check
from parlour_client.demo.people import everyone_connected
from parlour_client.demo.script import CAST, GUEST, SERVER
from parlour_client.kit.demo_server import demo_server


async def run_headless(say: Callable[[str], None]) -> bool:
    """Run every check, reporting each through ``say``; returns whether all of them held."""
    say("Parlour demo: a throwaway server on loopback, four people, no screen.")
    async with demo_server(SERVER) as server:
        say(f"The server is ready at {server.url}.")
        async with everyone_connected(server, (*CAST, GUEST)) as people:
            stage = Stage(server, people)
            results = []
            for check in CHECKS:
                held, report = await run_check(check, stage)
                results.append(held)
                say(f"  {'ok  ' if held else 'FAIL'}  {report}")
        folder = server.folder
    is_removed = not folder.exists()
    say(
        "  ok    the server is stopped, its folder gone" if is_removed else f"  FAIL  {folder} is still there"
    )
    passed = sum(results) + is_removed
    say(f"{passed} of {len(results) + 1} checks passed.")
    return passed == len(results) + 1
