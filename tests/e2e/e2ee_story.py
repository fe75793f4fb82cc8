"""A seeded random story of one encrypted room, and the judgement of how it ended.

Whatever happens on the way (devices killed at a write, the server killed, cables cut, several commits at
once, people put out and let in again), in the end everyone agrees and no one has read what was not for them.
"""

import asyncio
import contextlib
import itertools
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.e2e.e2ee_people import PATIENCE, GoneError, Phone, RefusedError, World

from parlour_lab.hostile.disks import Entitled, Row, entitled, rows, server_log

SETTLED = 90.0
"""Seconds in which something has to move on the way to an agreement."""
MOST_SETTLED = 4 * SETTLED
_TRIES = 5
_SAID_ONCE = itertools.count()


@dataclass(slots=True)
class Said:
    """Something that someone wanted to say."""

    text: str
    phone: Phone
    seq: int | None = None
    """Where the server said it is."""
    kept: bool = False
    """The device had it on its disk: it must come out sooner or later."""
    refused: str = ""


class Story:
    """One room, from its making to the end."""

    def __init__(self, world: World, seed: int, users: list[str]) -> None:
        self.world, self.chance, self.seed = world, Random(seed), seed  # noqa: S311 - to be repeated
        self.users = users
        self.inside = {users[0]}
        self.room = ""
        self.said: list[Said] = []
        self.told: list[str] = []
        self._waiting: list[asyncio.Task[None]] = []

    @property
    def owner(self) -> Phone:
        """The device that is never killed while something depends on its answer."""
        return self.world.of(self.users[0])[0]

    async def begin(self) -> None:
        """Make the room and bring most of the people in."""
        await asyncio.gather(*(phone.ask("online") for phone in self._phones()))
        self.room = await self._made()
        for user in self.users[1:]:
            if self.chance.random() < 0.75 and await self._brought(user):
                self.inside.add(user)

    async def _made(self) -> str:
        """Make the room; on a busy machine a hurried client may lose its connection over it."""
        for _ in range(_TRIES):
            name = f"room-{self.seed}-{next(_SAID_ONCE)}"
            with contextlib.suppress(RefusedError):
                await self.owner.ask("online")
                return str(await self.owner.ask("create", name=name))
        raise AssertionError(f"{self}: no room could be made")

    async def play(self, steps: int) -> None:
        """Let things happen."""
        weighted = {
            self.talk: 6, self.race: 3, self.come: 3, self.go: 2, self.put_out: 2, self.cut: 2,
            self.mend: 2, self.off: 3, self.back: 4, self.server_dies: 1, self.doomed: 3,
        }  # fmt: skip
        for _ in range(steps):
            (step,) = self.chance.choices(list(weighted), list(weighted.values()))
            self.told.append(step.__name__)
            await step()
            if self.chance.random() < 0.5:
                self._say(2)
        await self.everything_on()

    async def talk(self) -> None:
        """Several speak at once, and one waits for the answer."""
        self._say(4)
        if self._waiting and self.chance.random() < 0.5:
            await asyncio.wait([self._waiting[-1]], timeout=3)

    async def race(self) -> None:
        """Several devices commit for the same epoch."""
        phones = self._here()
        racers = self.chance.sample(phones, min(len(phones), 4))
        self._also(*(self._try(phone, "renew") for phone in racers))
        await asyncio.wait(self._waiting[-max(1, len(racers)) :], timeout=2) if self._waiting else None

    async def come(self) -> None:
        """Someone who is outside comes in by themselves, or is brought."""
        outside = sorted(set(self.users) - self.inside)
        if not outside:
            return
        user = self.chance.choice(outside)
        if self.chance.random() < 0.5:
            came = await self._brought(user)
        else:
            came = await self._try(self.chance.choice(self.world.of(user)), "enter")
        if came:
            self.inside.add(user)

    async def _brought(self, user: str) -> bool:
        """Invite someone, who accepts if that device can."""
        await self._try(self.owner, "invite", user=user)  # perhaps it was done before
        return await self._try(self.chance.choice(self.world.of(user)), "accept")

    async def go(self) -> None:
        """Someone leaves."""
        if user := self._somebody():
            phone = self.chance.choice(self.world.of(user))
            if await self._try(phone, "leave"):
                self.inside.discard(user)

    async def put_out(self) -> None:
        """Put someone out, while others speak."""
        if user := self._somebody():
            self._say(3)
            if await self._try(self.owner, "kick", user=user):
                self.inside.discard(user)
            self._say(3)

    async def cut(self) -> None:
        """Break a cable."""
        self.chance.choice(self._phones()).cable.cut()

    async def mend(self) -> None:
        """All cables are whole again."""
        for phone in self._phones():
            phone.cable.mend()

    async def off(self) -> None:
        """Kill a device, which stays away for a while."""
        await self.chance.choice(self._phones()).kill()

    async def doomed(self) -> None:
        """Start a device that will kill itself at one of its next writes."""
        phone = self.chance.choice(self._phones())
        await phone.kill()
        await phone.switch_on(die_at=self.chance.randint(1, 60))

    async def back(self) -> None:
        """Someone's device comes back."""
        if away := [phone for phone in self._phones() if not phone.on]:
            await self.chance.choice(away).switch_on()

    async def server_dies(self) -> None:
        """Kill the server, in the middle of whatever it does."""
        self._say(4)
        await asyncio.sleep(self.chance.uniform(0, 0.05))  # somewhere in the middle is where it is to die
        await self.world.restart_server()

    async def everything_on(self) -> None:
        """End the story: everyone is back, nothing is broken, no one is doomed."""
        for phone in self._phones():
            phone.cable.mend()
            await phone.kill()  # one that is doomed would die in the judgement
            await phone.switch_on()
        await asyncio.gather(*self._waiting)

    # the end
    async def agreed(self) -> dict[str, Any]:
        """Wait until all devices of all members stand alike and no one has anything unsent."""
        loop = asyncio.get_running_loop()
        moved = began = loop.time()
        before: dict[Phone, Any] = {}
        while True:
            stands = {p: await p.ask("stand", room=self.room) for p in self._phones()}
            inside = {p: s for p, s in stands.items() if s["member"]}
            expected = sorted(p.id for p in inside)
            keys = {
                (s["group"], s["epoch"], s["authenticator"], s["state"], s["top"]) for s in inside.values()
            }
            unsent = [s["unsent"] for s in inside.values() if any("FAILED" not in one for one in s["unsent"])]
            if len(keys) == 1 and not unsent and all(s["members"] == expected for s in inside.values()):
                return dict(next(iter(inside.values())))
            if stands != before:
                before, moved = stands, loop.time()
            if loop.time() > min(moved + SETTLED, began + MOST_SETTLED):
                words = "\n".join(f"{p} {p.id[:6]}: {s}" for p, s in stands.items())
                raise AssertionError(f"seed {self.seed} ({self.told}): they do not agree\n{words}")
            await asyncio.sleep(0.2)  # other processes get on: there is no event to wait for

    def judge(self) -> Counter[str]:
        """Compare what every device shows with who was entitled to it."""
        assert not [phone for phone in self._phones() if phone.bugs], str(self)
        log = server_log(self.world.server.data, self.room)
        may = entitled(log)
        found = {phone: rows(phone.home, self.room) for phone in self._phones()}
        where = {row.text: row.seq for shown in found.values() for row in shown if row.kind == "message"}
        tally = Counter(sealed=len(may.devices), said=len(self.said))
        owners = {phone.id: phone.user for phone in self.world.phones}
        for seq, devices in may.devices.items():
            strangers = {owners[device] for device in devices} - may.users[seq]
            assert not strangers, f"{self}: {strangers} were out of the room and may read {seq}"
        for phone, shown in found.items():
            self._judge_one(phone, shown, where, tally)
            self._judge_entitled(phone, shown, may)
        for said in self.said:
            shown_at = where.get(said.text)
            if said.seq is not None:
                assert shown_at == said.seq, f"{self}: {said} was acknowledged and is at {shown_at}"
            elif said.kept and not said.refused and said.phone.user not in may.went:
                assert shown_at is not None, f"{self}: {said} never came"
        return tally

    def _judge_entitled(self, phone: Phone, shown: list[Row], may: Entitled) -> None:
        """Who was in the epoch reads; who went from the room may have lost what came before. Others never."""
        read = {row.seq for row in shown if row.kind == "message"}
        entitled_to = {seq for seq, devices in may.devices.items() if phone.id in devices}
        assert read <= entitled_to, f"{self}: {phone} reads {read - entitled_to}, not for it"
        stayed = {seq for seq in entitled_to if seq > may.went.get(phone.user, 0)}
        missed = {seq: [row for row in shown if row.seq == seq] for seq in stayed - read}
        assert not missed, f"{self}: {phone} misses {missed}"

    def __str__(self) -> str:
        return f"seed {self.seed} ({' '.join(self.told)})"

    def _judge_one(
        self, phone: Phone, shown: list[Row], where: dict[str, int], tally: "Counter[str]"
    ) -> None:
        texts = [row.text for row in shown if row.kind == "message"]
        assert len(texts) == len(set(texts)), f"{self}: {phone} shows something twice"
        assert all(where[row.text] == row.seq for row in shown if row.kind == "message"), f"{self}: {phone}"
        authors = {said.text: said.phone.user for said in self.said}
        assert all(authors[row.text] == row.author for row in shown if row.kind == "message")
        tally["readable"] += len(texts)
        forged = [row for row in shown if "forged" in row.note or "plaintext" in row.note]
        contested = [row for row in shown if "contested" in row.note]
        assert not forged, f"{self}: {phone}: {forged}"
        assert not contested, f"{self}: {phone}: {contested}"
        for author in self._phones():
            mine = [
                text for text in texts if authors[text] == author.user and text.startswith(f"{author!r}:")
            ]
            numbers = [int(text.rsplit(" ", 1)[1]) for text in mine]
            assert numbers == sorted(numbers), f"{self}: {phone} shows {mine} out of order"

    # how
    def _phones(self) -> list[Phone]:
        return [phone for user in self.users for phone in self.world.of(user)]

    def _here(self) -> list[Phone]:
        return [phone for phone in self._phones() if phone.user in self.inside and phone.on]

    def _somebody(self) -> str | None:
        others = sorted(self.inside - {self.users[0]})
        return self.chance.choice(others) if others else None

    def _say(self, most: int) -> None:
        phones = self._here()
        for phone in self.chance.sample(phones, min(len(phones), self.chance.randint(1, most))):
            said = Said(f"{phone!r}: CANARY {next(_SAID_ONCE)}", phone)
            self.said.append(said)
            self._also(self._said(said))

    async def _said(self, said: Said) -> None:
        try:
            request = await said.phone.ask("queue", room=self.room, text=said.text)
            said.kept = True
            # It may wait for others (to found a group, to add this device): the end of the story judges that.
            said.seq = await said.phone.ask("stored", patience=None, request=request)
        except GoneError:
            return  # it may have been kept, and comes later
        except RefusedError as error:
            said.refused = str(error)

    async def _try(self, phone: Phone, what: str, **fields: object) -> bool:
        """Do it; True also when it was done and its answer is lost, which the end shows."""
        try:
            await phone.ask(what, patience=PATIENCE, room=self.room, **fields)
        except (GoneError, RefusedError) as error:
            self.told.append(f"[{what}: {error}]")
            return False
        return True

    def _also(self, *work: Any) -> None:
        self._waiting += [asyncio.ensure_future(one) for one in work]
