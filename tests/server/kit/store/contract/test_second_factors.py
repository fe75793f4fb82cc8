"""What is used once is used once, and what belongs to one account or session to no other: in every store."""

import asyncio
from dataclasses import replace

import pytest
from tests.server.kit.store.world import DEVICE, KitWorld

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.second_factor import FactorId, FactorKind
from parlour_server.kit.errors import LoginRefusedError, RefusedError
from parlour_server.kit.store.accounts.second_factors import CHALLENGES, FACTORS
from parlour_server.kit.store.records import Challenge, FactorRecord, NewFactor

MINE, OTHERS = SessionId("m" * 22), SessionId("o" * 22)


async def activated(world: KitWorld, user: UserName, name: str = "app", codes: int = 2) -> FactorRecord:
    """Set a factor up."""
    factors, now = world.store.second_factors, world.clock.now()
    factor = FactorId(name.ljust(22, "x"))
    await factors.begin(
        NewFactor(factor, user, FactorKind.TOTP, name, b"secret", MINE, now, Millis(now + 1000))
    )
    begun = await factors.begun(user, factor, MINE)
    assert begun is not None
    assert await factors.begun(user, factor, OTHERS) is None
    digests = [bytes([number]) * 32 for number in range(codes)]
    assert await factors.activate(begun, OTHERS, secret=b"s", counter=7, recovery_codes=digests) is None
    done = await asyncio.gather(
        *(factors.activate(begun, MINE, secret=b"s", counter=7, recovery_codes=digests) for _ in range(5))
    )
    assert sum(one is not None for one in done) == 1
    [made] = [one for one in (await factors.of(user)).factors if one.id == factor]
    return made


async def test_a_code_a_counter_and_a_challenge_are_used_once(world: KitWorld) -> None:
    """L7: of several callers at once one succeeds."""
    user, other = await world.account("anna"), await world.account("bert")
    factors, now = world.store.second_factors, world.clock.now()
    made = await activated(world, user)
    assert (made.secret, made.counter, made.kind) == (b"s", 7, FactorKind.TOTP)
    assert sorted(await asyncio.gather(*(factors.use(made, 8) for _ in range(5)))) == [False] * 4 + [True]
    assert not await factors.use(made, 7)
    assert not await factors.use_recovery_code(other, bytes(32))
    used = await asyncio.gather(*(factors.use_recovery_code(user, bytes(32)) for _ in range(5)))
    assert sorted(used) == [False] * 4 + [True]
    assert (await factors.of(user)).recovery_codes == 1
    challenge = Challenge(user, DEVICE, MINE, Millis(now + 1000))
    await factors.put_challenge(b"c", challenge)
    assert await factors.find_challenge(b"c") == challenge
    taken = await asyncio.gather(*(factors.take_challenge(b"c") for _ in range(5)))
    assert [one for one in taken if one is not None] == [replace(challenge, password_hash="hash of anna")]
    await factors.put_challenge(b"d", challenge)
    world.clock.forward(1)
    assert await factors.find_challenge(b"d") is None
    assert await factors.take_challenge(b"d") is None


async def test_a_new_session_of_an_account_with_a_factor_began_with_one(world: KitWorld) -> None:
    """The transaction that creates it looks; and each session says what its account has."""
    user = await world.account("anna")
    before = world.session(user, 1)
    await world.store.sessions.create(before, cap=5)
    found = await world.store.sessions.find(before.token, world.clock.now())
    assert found is not None
    assert (found.has_factor, found.factor_required) == (False, False)
    await world.store.second_factors.require(user, required=True)
    assert await world.store.sessions.find(before.token, world.clock.now()) is None
    await world.store.sessions.create(before, cap=5)
    await activated(world, user)
    assert await world.store.sessions.find(before.token, world.clock.now()) is None
    with pytest.raises(LoginRefusedError):
        await world.store.sessions.create(before, cap=5)


async def test_no_challenge_is_given_after_a_password_that_was_replaced(world: KitWorld) -> None:
    """P7: neither one that was on its way nor one that was there holds; taking one tells its password."""
    user = await world.account("anna")
    factors = world.store.second_factors
    expires = Millis(world.clock.now() + 1000)
    old = Challenge(user, DEVICE, None, expires, "hash of anna")
    await factors.put_challenge(b"a", old)
    await factors.put_challenge(b"b", old)
    assert await factors.take_challenge(b"a") == old
    await world.store.accounts.set_password(user, "new hash")
    assert await factors.take_challenge(b"b") is None
    with pytest.raises(LoginRefusedError):
        await factors.put_challenge(b"c", old)
    assert await factors.find_challenge(b"c") is None


async def test_limits_and_what_a_removal_takes_along(world: KitWorld) -> None:
    """An account has so many factors and challenges; without a factor it has no code and no challenge."""
    user = await world.account("anna")
    factors, now = world.store.second_factors, world.clock.now()
    made = [await activated(world, user, f"app{number}") for number in range(FACTORS)]
    with pytest.raises(RefusedError) as refused:
        await activated(world, user, "more")
    assert refused.value.code == ErrorCode.LIMIT_REACHED
    for number in range(CHALLENGES + 1):
        challenge = Challenge(user, DEVICE, None, Millis(now + 1000 + number))
        await factors.put_challenge(bytes([number]), challenge)
    assert await factors.find_challenge(bytes([0])) is None
    assert await factors.find_challenge(bytes([1])) is not None
    for one in made[1:]:
        assert await factors.remove(user, one.id, keep_one=True)
    with pytest.raises(RefusedError):
        await factors.remove(user, made[0].id, keep_one=True)
    await factors.put_challenge(b"e", Challenge(user, DEVICE, None, Millis(now + 1000)))
    assert await factors.remove(user, made[0].id, keep_one=False)
    assert not await factors.remove(user, made[0].id, keep_one=False)
    assert (await factors.of(user)).recovery_codes == 0
    assert await factors.find_challenge(b"e") is None
    with pytest.raises(RefusedError):
        await factors.replace_recovery_codes(user, [bytes(32)])
