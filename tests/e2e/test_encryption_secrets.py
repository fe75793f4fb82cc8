"""What the server, someone who was removed, and a thief can read: with the server's disk and memory in hand.

Every scan and every theft has its control: something that must be found, or could be read, is.
"""

import asyncio
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.e2ee_people import Phone, World, stolen
from tests.e2e.processes import DEADLINE

from parlour_lab.hostile.disks import Logged, opened, read_with, server_log, states

CANARY = "CANARYwren"
READABLE = "the-aviary"
"""The room's name, which the server does know."""


@dataclass(slots=True)
class Scene:
    """A room in which a story was played, and what was stolen meanwhile."""

    world: World
    room: str = ""
    top: int = 0
    """The newest message."""

    async def say(self, *phones: Phone, words: str) -> set[str]:
        """Have each of them say something; returns the texts."""
        texts = {f"{CANARY} {words} {phone!r}" for phone in phones}
        for phone in phones:
            self.top = await phone.ask("say", room=self.room, text=f"{CANARY} {words} {phone!r}")
        return texts

    async def together(self, *phones: Phone) -> None:
        """Wait until these are in the room's group, in the same epoch, and have read everything."""
        async with asyncio.timeout(DEADLINE):
            while True:
                stand = [await phone.ask("stand", room=self.room) for phone in phones]
                inside = all(phone.id in stand[0]["members"] for phone in phones)
                agreed = len({one["authenticator"] for one in stand}) == 1
                if inside and agreed and all(one["top"] >= self.top for one in stand):
                    return
                await asyncio.sleep(0.1)  # other processes get on: there is no event to wait for

    async def without(self, removed: Phone, *phones: Phone) -> None:
        """Wait until the room's group of these devices has another one in it no more."""
        async with asyncio.timeout(DEADLINE):
            while True:
                stand = [await phone.ask("stand", room=self.room) for phone in phones]
                if not any(removed.id in one["members"] for one in stand):
                    return
                await asyncio.sleep(0.1)  # other processes get on: there is no event to wait for

    async def away(self, phone: Phone, name: str) -> Path:
        """Copy a device's home while it is off for a moment."""
        await self.together(phone)
        await phone.switch_off()
        return stolen(phone, self.world.folder / name)

    def read(self, home: Path) -> set[str]:
        """Do with what was stolen all that can be done with the server's log, too."""
        log: list[Logged] = server_log(self.world.server.data, self.room)
        return {text for state in states(home) for text in read_with(state, log).values()}


async def test_who_was_removed_and_a_thief_read_nothing_that_is_not_theirs(tmp_path: Path) -> None:
    """A removed member, a removed device and a stolen state, each with all ciphertexts of the server."""
    scene = Scene(World(tmp_path))
    try:
        await _play(scene)
    finally:
        await scene.world.close()


async def _play(scene: Scene) -> None:
    world = scene.world
    await world.populate({"ada": 2, "ben": 1, "cat": 1})
    (ada, tablet), (ben,), (cat,) = (world.of(user) for user in ("ada", "ben", "cat"))
    scene.room = await ada.ask("create", name=READABLE)
    for user, phone in (("ben", ben), ("cat", cat)):
        await ada.ask("invite", room=scene.room, user=user)
        await phone.ask("accept", room=scene.room)
    everyone = (ada, tablet, ben, cat)
    await scene.together(*everyone)
    for phone in everyone:  # what a device does some time after joining: not after the theft
        await phone.ask("renewed", room=scene.room)
    older = await scene.say(*everyone, words="older")
    await scene.together(*everyone)
    of_cat = await scene.away(cat, "of-cat")
    of_ben = await scene.away(ben, "of-ben")
    await ben.switch_on()
    await ben.ask("online")

    shared = await scene.say(ada, tablet, ben, words="while cat was in")
    await scene.together(ben)
    await ben.switch_off()  # on a busy machine he would remove cat in ada's place, which renews his keys
    await ada.ask("kick", room=scene.room, user="cat")
    await scene.without(cat, ada, tablet)
    await ben.switch_on()
    await ben.ask("online")
    without_cat = await scene.say(ada, ben, words="without cat")
    assert (
        scene.read(of_cat) == shared
    )  # a control: these were for it; and nothing of what it had read before
    assert scene.read(of_ben) == shared | without_cat  # the thief follows: ben has not renewed his keys

    await ben.ask("renewed", room=scene.room)
    await scene.together(ada, tablet, ben)
    healed = await scene.say(ada, ben, words="after ben has renewed his keys")
    assert not scene.read(of_ben) & (healed | older)
    of_tablet = await scene.away(tablet, "of-tablet")
    with_tablet = await scene.say(ada, words="while the tablet was in")
    await ada.ask("revoke", device=tablet.id)
    without_tablet = await scene.say(ada, ben, words="without the tablet")
    assert scene.read(of_tablet) == with_tablet
    assert not scene.read(of_tablet) & without_tablet
    for home in (of_cat, of_ben, of_tablet):
        _no_plaintext_but_in_events(home, older)
    _nothing_readable_at_the_server(world)


def _no_plaintext_but_in_events(home: Path, texts: set[str]) -> None:
    """See that what the archive shows is all of it that is there: no copy that was kept for sending."""
    with opened(home) as archive:
        shown = {str(body) for (body,) in archive.execute("SELECT body FROM events WHERE kind = 'message'")}
        assert all(any(text in body for body in shown) for text in texts)  # the control
        assert list(archive.execute("SELECT request FROM mls_sealed")) == []
        assert list(archive.execute("SELECT request FROM outbox")) == []
    for file in home.iterdir():
        assert CANARY.encode() not in file.read_bytes()


def _nothing_readable_at_the_server(world: World) -> None:
    """Look for a text in every file, the log, the metrics and the memory of the running server."""
    places = {f.name: f.read_bytes() for f in sorted(world.server.data.rglob("*")) if f.is_file()}
    assert any(name.endswith("-wal") for name in places)
    assert any(READABLE.encode() in content for content in places.values())  # the control
    places["log"] = world.server.log.read_bytes()
    with urllib.request.urlopen(f"http://127.0.0.1:{world.metrics}/metrics", timeout=DEADLINE) as answer:
        places["metrics"] = answer.read()
    assert [name for name, content in places.items() if CANARY.encode() in content] == []
    assert world.server.process is not None
    found = {READABLE: 0, CANARY: 0}
    for region in _memory(world.server.process.pid):
        for text in found:
            found[text] += region.count(text.encode())
    assert found[READABLE] > 0  # the control
    assert found[CANARY] == 0


def _memory(process: int) -> Iterator[bytes]:
    """Yield the writable regions of a process; skips the test where that is not allowed."""
    regions = re.findall(r"(?m)^([0-9a-f]+)-([0-9a-f]+) rw", Path(f"/proc/{process}/maps").read_text())
    try:
        memory = Path(f"/proc/{process}/mem").open("rb", buffering=0)  # noqa: SIM115 - closed below
    except PermissionError as error:
        pytest.skip(f"the server's memory cannot be read here: {error}")
    with memory:
        for begin, end in ((int(a, 16), int(b, 16)) for a, b in regions):
            memory.seek(begin)
            try:
                yield memory.read(end - begin)
            except OSError:
                continue  # not backed by anything
