"""Play the demo without a screen and print what held: the exit code is 0 only if every act did."""

from collections.abc import Callable

from parlour_client.demo.acts import ACTS, Scene, play
from parlour_client.demo.house import open_house
from parlour_client.demo.people import gather
from parlour_client.demo.script import CAST, GUEST


async def perform(say: Callable[[str], None]) -> bool:
    """Play every act, telling each through ``say``; returns whether all of them held."""
    say("Parlour demo: a throw-away server on loopback, four people, no screen.")
    async with open_house() as house:
        say(f"The server is ready at {house.url}.")
        async with gather(house, (*CAST, GUEST)) as people:
            scene = Scene(house, people)
            results = []
            for act in ACTS:
                held, report = await play(act, scene)
                results.append(held)
                say(f"  {'ok  ' if held else 'FAIL'}  {report}")
        folder = house.folder
    gone = not folder.exists()
    say("  ok    the server is stopped, its folder gone" if gone else f"  FAIL  {folder} is still there")
    passed = sum(results) + gone
    say(f"{passed} of {len(results) + 1} held.")
    return passed == len(results) + 1
