"""A wanted witness of the key log: what it signs is compared, and that it signs nothing is an alarm."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE, Home, Service, World

from parlour_client.core.e2ee.identity.keys import AccountKey, public_of, sign
from parlour_client.core.e2ee.identity.witnesses import LATE, LOOK_SECONDS, Witnesses
from parlour_client.kit.errors import ApiRefusedError, SetupError
from parlour_mls import Secret
from parlour_protocol.delivery import CosignedHead, CosignedHeads, KeyLogPage
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.identity import Head
from parlour_protocol.identity.cosignatures import Cosignature, WitnessKey, to_be_cosigned
from parlour_protocol.kit.ids import Millis
from parlour_protocol.limits import WITNESSES

NAME = "witness.example.net"
DIFFERENT = "The server shows different keys to different people: the witness witness.example.net signed"
HIDDEN = "The server hides keys: the witness witness.example.net signed a key log of 4 entries"
SILENT = "For more than a day, the witness witness.example.net has not signed"


class Signer:
    """A witness, as the server and its people see it."""

    def __init__(self, seed: int = 7, name: str = NAME) -> None:
        self.seed = Secret(bytes([seed]) * 32)
        self.key = WitnessKey(name, public_of(self.seed))

    def head(self, service: Service, head: Head, at: Millis) -> CosignedHead:
        """Sign a head."""
        seconds = at // 1_000
        signature = sign(self.seed, to_be_cosigned(head.to_be_signed(service.server), seconds))
        return CosignedHead(head.size, Digest(head.root), self.key.line(Cosignature(seconds, signature)))

    def follows(self, service: Service) -> None:
        """Sign the newest head, and leave it with the server."""
        service.cosigned = [self.head(service, service.head(), service.clock.now())]


def witnesses(home: Home) -> Witnesses:
    """Return the witnesses of a home."""

    def run(_work: Coroutine[Any, Any, None]) -> None:
        raise AssertionError("no task was expected")

    return Witnesses(home.archive, home.session, home.clock, home.identity, run)


async def wanting(world: World, signer: Signer) -> tuple[Home, Witnesses]:
    """Return a home that wants a witness, which has signed all there is."""
    home = await world.home(ANA)
    signer.follows(world.service)
    made = witnesses(home)
    await made.add(signer.key.vkey)
    return home, made


def starts(home: Home) -> list[str]:
    """Return how the alarms start, as far as these tests tell them apart."""
    known = (DIFFERENT, HIDDEN, SILENT)
    return [next((start for start in known if text.startswith(start)), text) for text in home.alarms()]


async def days(home: Home, wanted: Witnesses, count: int = 1) -> None:
    """Let days pass, and look at the end of each."""
    for _ in range(count):
        home.clock.time += LATE + 60_000
        await wanted.look()


async def test_a_witness_that_signs_what_is_shown_raises_no_alarm(world: World) -> None:
    """For days, while the log grows; what it signed last is listed."""
    signer = Signer()
    home, wanted = await wanting(world, signer)
    for user in (BEN, EVE):
        await world.home(user)
        await wanted.look()  # more than is signed: it has a day
        assert [one.behind is not None for one in await wanted.wanted()] == [True]
        home.clock.time += LATE
        signer.follows(world.service)
        await wanted.look()
    (one,) = await wanted.wanted()
    assert (one.vkey, one.size, one.behind) == (signer.key.vkey, 6, None)
    assert one.at == home.clock.now() // 1_000 * 1_000
    assert home.alarms() == []


async def test_a_log_for_one_person_only_is_told(world: World) -> None:
    """The witness sees the log of all others, with as many entries; the alarm stays."""
    signer = Signer()
    home, wanted = await wanting(world, signer)
    lie = world.service.fork()
    lie.swap_account_key(BEN, AccountKey.generate())
    world.service.swap_account_key(BEN, AccountKey.generate())
    signer.follows(world.service)
    lie.cosigned = world.service.cosigned
    home.session.service = lie
    await wanted.look()
    assert starts(home) == [DIFFERENT]
    assert [alarm.permanent for alarm in home.identity.alarms()] == [True]


async def test_entries_that_are_held_back_are_told(world: World) -> None:
    """The server shows this device an old log, and did not think of the signature."""
    signer = Signer()
    home, wanted = await wanting(world, signer)
    lie = world.service.fork()
    lie.freeze()
    await world.home(BEN)
    signer.follows(world.service)
    lie.cosigned = world.service.cosigned
    home.session.service = lie
    await wanted.look()
    assert starts(home) == [HIDDEN]


async def test_a_fork_that_the_witness_is_not_shown_is_told_after_a_day(world: World) -> None:
    """It signs its own log again and again, which is the beginning of ours."""
    signer = Signer()
    home, wanted = await wanting(world, signer)
    lie = world.service.fork()
    lie.swap_account_key(BEN, AccountKey.generate())
    home.session.service = lie
    await wanted.look()
    assert home.alarms() == []
    lie.swap_account_key(EVE, AccountKey.generate())  # later entries give it no more time
    home.clock.time += LATE
    signer.follows(world.service)
    lie.cosigned = world.service.cosigned
    await wanted.look()
    assert starts(home) == [SILENT]


@pytest.mark.parametrize(
    "act", ["none", "refused", "no log", "old", "forged", "of another server", "dated ahead"]
)
async def test_a_signature_that_stays_away_is_told(world: World, act: str) -> None:
    """Whatever the server gives instead; and when it is back, the alarm goes."""
    signer = Signer()
    home, wanted = await wanting(world, signer)
    service, ahead = world.service, Millis(home.clock.now() + 100 * LATE)
    honest, honest_log = home.session.cosignatures, home.session.key_log

    async def refused() -> CosignedHeads:
        raise ApiRefusedError("no such page", "not_found")

    async def no_log(_after: int) -> KeyLogPage:
        raise ApiRefusedError("busy", "unavailable")

    match act:
        case "no log":
            home.session.key_log = no_log  # type: ignore[method-assign]
        case "none":
            service.cosigned = []
        case "refused":
            home.session.cosignatures = refused  # type: ignore[method-assign]
        case "forged":
            service.cosigned = [Signer(8).head(service, service.head(), ahead)]
        case "of another server":
            service.cosigned = [signer.head(Service(home.clock, "elsewhere"), service.head(), ahead)]
        case "dated ahead":
            service.cosigned = [signer.head(service, service.head(), ahead)]
    await days(home, wanted)
    assert home.alarms() == []
    await days(home, wanted)
    assert starts(home) == [SILENT]
    home.session.cosignatures = honest  # type: ignore[method-assign]
    home.session.key_log = honest_log  # type: ignore[method-assign]
    signer.follows(service)
    await wanted.look()
    assert home.alarms() == []


async def test_a_computer_that_was_off_raises_no_alarm(world: World) -> None:
    """Days without a look: the first one finds an old signature, and the next a new one."""
    signer = Signer()
    home, wanted = await wanting(world, signer)
    home.clock.time += 9 * LATE
    await world.home(BEN)
    await wanted.look()
    home.clock.time += LATE // 24
    signer.follows(world.service)
    await wanted.look()
    assert home.alarms() == []
    assert [one.behind for one in await wanted.wanted()] == [None]


async def test_a_clock_that_was_wrong_puts_nothing_off(world: World) -> None:
    """It was a year ahead when the signature began to be missing."""
    signer = Signer()
    home, wanted = await wanting(world, signer)
    world.service.cosigned = []
    home.clock.time += 365 * LATE
    await wanted.look()
    home.clock.time -= 364 * LATE
    await wanted.look()
    await days(home, wanted)
    assert starts(home) == [SILENT]


async def test_each_witness_is_judged_by_itself(world: World) -> None:
    """One that signs does not excuse one that does not; one that is not wanted any more says nothing."""
    first, second = Signer(), Signer(8, "second.example.net")
    home, wanted = await wanting(world, first)
    await wanted.add(second.key.vkey)
    for _ in range(2):
        home.clock.time += LATE
        first.follows(world.service)
        await wanted.look()
    (text,) = home.alarms()
    assert "second.example.net" in text
    await wanted.remove("second.example.net")
    assert home.alarms() == []
    assert [one.key.name for one in await wanted.wanted()] == [NAME]


async def test_a_key_that_is_wrong_or_not_the_same_is_not_added(world: World) -> None:
    """The same once more changes nothing; another key under a known name must be the person's decision."""
    signer = Signer()
    _home, wanted = await wanting(world, signer)
    await wanted.add(signer.key.vkey)
    assert len(await wanted.wanted()) == 1
    for wrong, why in (
        ("witness.example.net", "not the key of a witness"),
        (signer.key.vkey[:-3] + "AA=", "not the key of a witness"),
        (Signer(8).key.vkey, "with another key"),
    ):
        with pytest.raises(SetupError, match=why):
            await wanted.add(wrong)
    with pytest.raises(SetupError, match="no witness elsewhere"):
        await wanted.remove("elsewhere")
    for number in range(1, WITNESSES.value):
        await wanted.add(Signer(8, f"w{number}").key.vkey)
    with pytest.raises(SetupError, match="can't be more"):
        await wanted.add(Signer(8, "one-more").key.vkey)


async def test_it_looks_at_once_and_every_hour_while_connected(world: World) -> None:
    """And without a wanted witness it asks the server nothing."""
    home = await world.home(ANA)
    running: list[asyncio.Future[None]] = []
    wanted = Witnesses(
        home.archive,
        home.session,
        home.clock,
        home.identity,
        lambda work: running.append(asyncio.ensure_future(work)),
    )
    world.service.calls.clear()
    wanted.start()
    await asyncio.gather(*running)
    assert world.service.calls == []
    signer = Signer()
    signer.follows(world.service)
    await wanted.add(signer.key.vkey)
    for asked in (2, 3):
        home.clock.advance(LOOK_SECONDS)
        await asyncio.gather(*running)
        assert world.service.calls.count("cosignatures") == asked
    wanted.stop()
    home.clock.advance(2 * LOOK_SECONDS)
    assert len(running) == 3
