"""Verifying by SAS from device to device: who may take part, how long, and what it proves."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE, ROOM, Home, World

from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.trust.sas import LIFETIME, MAX_KEPT
from parlour_client.core.e2ee.values import SasVerification, Trust
from parlour_client.kit.errors import ParlourClientError, SetupError, UnreachableError
from parlour_protocol.encrypted import VerifyContent, VerifyStep
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, RequestId
from parlour_protocol.kit.names import UserName

OTHER_ROOM = RoomId("s" * 22)


async def carry(sender: Home, *receivers: Home, device: DeviceId | None = None) -> list[VerifyContent]:
    """Deliver what a home said to others, and to itself as the room does."""
    steps, sender.said = sender.said, []
    for step in steps:
        for home in (sender, *receivers):
            await home.sas.receive(ROOM, sender.user, device or sender.device, step, home.clock.now())
    return steps


def only(home: Home) -> SasVerification:
    """Return the one process that a home shows."""
    (shown,) = home.sas.all()
    return shown


async def pair(world: World) -> tuple[Home, Home]:
    """Return two people who know each other's keys."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    return ana, ben


async def compare(ana: Home, ben: Home) -> RequestId:
    """Bring both to the point where they show words."""
    process = (await ana.sas.start(BEN)).process
    await carry(ana, ben)
    await ben.sas.answer(process)
    await carry(ben, ana)
    await carry(ana, ben)
    return process


async def agree(home: Home, process: RequestId) -> None:
    """Let a person type the words that they see."""
    shown = next(one for one in home.sas.all() if one.process == process)
    await home.sas.confirm(process, " ".join(shown.words))


async def test_both_verify_each_other(world: World):
    """From the start to the end on both sides: the same words, two confirmations, two verified people."""
    ana, ben = await pair(world)
    process = await compare(ana, ben)
    assert only(ana).words == only(ben).words
    assert len(only(ana).words) == 5
    assert (only(ana).started_by_us, only(ben).started_by_us) == (True, False)
    await agree(ana, process)
    await carry(ana, ben)
    assert only(ben).they_confirmed
    assert not only(ben).we_confirmed
    assert ben.identity.trust(ANA) is not Trust.VERIFIED
    assert ana.identity.trust(BEN) is not Trust.VERIFIED
    await agree(ben, process)
    await carry(ben, ana)
    assert (only(ana).ended, only(ben).ended) == ("verified", "verified")
    assert ana.identity.trust(BEN) is ben.identity.trust(ANA) is Trust.VERIFIED


async def test_a_swapped_account_key_is_heard(world: World):
    """When the server shows the two different keys of one of them, they read different words."""
    ana = await world.home(ANA)
    ben = await world.home(BEN)
    lie = world.service.fork()
    lie.swap_account_key(BEN, AccountKey.generate())
    ana.session.service = lie
    await ana.identity.catch_up()
    process = await compare(ana, ben)
    assert only(ana).words != only(ben).words
    await ana.sas.cancel(process)
    await carry(ana, ben)
    assert "differ" in only(ben).ended
    assert ana.identity.trust(BEN) is not Trust.VERIFIED
    assert ben.identity.trust(ANA) is not Trust.VERIFIED


async def test_a_key_that_changes_during_it_is_not_verified(world: World):
    """What is verified is the key that the words depended on, or nothing."""
    ana, ben = await pair(world)
    process = await compare(ana, ben)
    await agree(ben, process)
    await carry(ben, ana)
    world.service.swap_account_key(BEN, AccountKey.generate())
    await ana.identity.catch_up()
    await agree(ana, process)
    assert "changed in the meantime" in only(ana).ended
    assert ana.identity.trust(BEN) is Trust.CHANGED


async def test_steps_of_someone_else_change_nothing(world: World):
    """A step by another person, or from another room, is not a step of this process."""
    ana, ben = await pair(world)
    process = await compare(ana, ben)
    cancel = VerifyContent(process=process, step=VerifyStep.CANCEL)
    await ana.sas.receive(ROOM, EVE, ben.device, cancel, world.clock.now())
    await ana.sas.receive(OTHER_ROOM, BEN, ben.device, cancel, world.clock.now())
    assert not only(ana).ended


async def test_another_device_of_theirs_ends_it(world: World):
    """The steps of one side come from one device: another one cannot take over."""
    ana, ben = await pair(world)
    process = await compare(ana, ben)
    await agree(ben, process)
    await carry(ben, ana, device=DeviceId("a" * 26))
    assert "Two of their devices" in only(ana).ended


async def test_a_repeated_start_ends_it(world: World):
    """A start that is played again under a known id proves nothing."""
    ana, ben = await pair(world)
    await ana.sas.start(BEN)
    (start,) = await carry(ana, ben)
    await ben.sas.receive(ROOM, ANA, ana.device, start, world.clock.now())
    assert "twice" in only(ben).ended


async def test_what_belongs_to_nothing_is_passed_over_in_silence(world: World):
    """Steps of a process that another device runs are not answered: a cancel would end it there."""
    ana, ben = await pair(world)
    for step in VerifyStep:
        if step is not VerifyStep.START:
            content = VerifyContent(process=RequestId("unknown-process1"), step=step)
            await ana.sas.receive(ROOM, BEN, ben.device, content, world.clock.now())
    assert not ana.sas.all()
    assert not ana.said


async def test_another_device_of_ours_may_take_it(world: World):
    """A start is shown on all our devices; when one answers, the others say so and stay silent."""
    ana, ben = await pair(world)
    phone = await world.home(BEN)
    await ana.sas.start(BEN)
    await carry(ana, ben, phone)
    await ben.sas.answer(only(ben).process)
    await carry(ben, ana, phone)
    await carry(ana, ben, phone)
    assert only(ben).words == only(ana).words
    assert only(phone).ended == "Another of your devices answered it."
    assert not phone.said


async def test_steps_that_come_at_once_are_taken_in_order(world: World):
    """A cancellation that is handed over with its start ends it, though taking the start in takes longer."""
    ana, ben = await pair(world)
    await ana.sas.cancel((await ana.sas.start(BEN)).process)
    start, cancel = ana.said
    now = world.clock.now()
    await asyncio.gather(
        ben.sas.receive(ROOM, ANA, ana.device, start, now),
        ben.sas.receive(ROOM, ANA, ana.device, cancel, now),
    )
    assert only(ben).ended


async def test_old_starts_are_not_shown(world: World):
    """A start that waited in the queue for longer than it lives does not pop up."""
    ana, ben = await pair(world)
    await ana.sas.start(BEN)
    (start,) = ana.said
    old = type(world.clock.now())(world.clock.now() - LIFETIME)
    await ben.sas.receive(ROOM, ANA, ana.device, start, old)
    assert not ben.sas.all()


async def test_it_ends_after_ten_minutes(world: World):
    """Words that stand there for too long cannot be confirmed any more."""
    ana, ben = await pair(world)
    process = await compare(ana, ben)
    world.clock.advance(LIFETIME / 1000)
    assert not only(ana).ended
    world.clock.advance(1)
    assert "ten minutes" in only(ana).ended
    with pytest.raises(SetupError):
        await agree(ana, process)


async def test_a_person_who_begins_again_replaces_the_first(world: World):
    """One question of one person stands at a time."""
    ana, ben = await pair(world)
    await ana.sas.start(BEN)
    await ana.sas.start(BEN)
    await carry(ana, ben)
    first, second = ben.sas.all()
    assert first.ended == "They started again."
    assert not second.ended


async def test_who_wants_what_the_other_one_began_goes_along(world: World):
    """To begin with someone who waits for us is the answer to them, not a second question."""
    ana, ben = await pair(world)
    process = (await ana.sas.start(BEN)).process
    await carry(ana, ben)
    assert (await ben.sas.start(ANA)).process == process
    await carry(ben, ana)
    await carry(ana, ben)
    assert only(ana).words == only(ben).words != ()


async def test_both_begin_before_they_hear_of_each_other(world: World):
    """Neither waits for the other, and the same words are left on both sides."""
    ana, ben = await pair(world)
    await ana.sas.start(BEN)
    await ben.sas.start(ANA)
    from_ana, ana.said = ana.said, []
    await carry(ben, ana)
    ana.said = from_ana + ana.said
    for _ in range(3):
        await carry(ana, ben)
        await carry(ben, ana)
    (of_ana,) = (one for one in ana.sas.all() if not one.ended)
    (of_ben,) = (one for one in ben.sas.all() if not one.ended)
    assert of_ana.process == of_ben.process
    assert of_ana.words == of_ben.words != ()
    await agree(ana, of_ana.process)
    await carry(ana, ben)
    await agree(ben, of_ben.process)
    await carry(ben, ana)
    assert ana.identity.trust(BEN) is ben.identity.trust(ANA) is Trust.VERIFIED


async def test_someone_who_begins_for_ever_fills_nothing(world: World):
    """Only the newest processes are remembered."""
    ana, ben = await pair(world)
    await ana.sas.start(BEN)
    (start,) = ana.said
    for number in range(MAX_KEPT + 5):
        again = replace(start, process=RequestId(f"process-{number:08}"))
        await ben.sas.receive(ROOM, ANA, ana.device, again, world.clock.now())
    assert len(ben.sas.all()) == MAX_KEPT


async def test_a_step_that_cannot_be_sent_ends_it(world: World):
    """A confirmation that did not go out proves nothing on our side either."""
    ana, ben = await pair(world)
    process = await compare(ana, ben)
    await agree(ben, process)
    await carry(ben, ana)
    ana.broken = True
    with pytest.raises(UnreachableError):
        await agree(ana, process)
    assert "could not be sent" in only(ana).ended
    assert ana.identity.trust(BEN) is not Trust.VERIFIED


@pytest.mark.parametrize("user", [ANA, EVE])
async def test_no_one_is_verified_who_has_no_key(world: World, user: UserName):
    """Neither oneself nor someone without an account key can be verified by words."""
    ana, _ = await pair(world)
    with pytest.raises(ParlourClientError, match=r"That is you|no account key yet"):
        await ana.sas.start(user)
    assert not ana.said


async def test_an_unknown_process_cannot_be_acted_on(world: World):
    """After a restart the fresh keys are gone, and the person is told to begin again."""
    ana, _ = await pair(world)
    with pytest.raises(SetupError, match="no such verification"):
        await ana.sas.answer(RequestId("unknown-process1"))
