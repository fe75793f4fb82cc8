"""What is used once is used once, and what belongs to one account or session to no other: in every store."""

import asyncio
from dataclasses import replace

import pytest
from tests.server.core.store.world import DEVICE, KitWorld, log_in

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.second_factor import FactorId, FactorKind
from parlour_server.capabilities.second_factors import CAPABILITY
from parlour_server.capabilities.second_factors.records import Challenge, FactorRecord, NewFactor
from parlour_server.capabilities.second_factors.right_answer import RightAnswer
from parlour_server.capabilities.second_factors.store import CHALLENGES, FACTORS, FactorStore
from parlour_server.capabilities.second_factors.tables import metadata
from parlour_server.core.accounts.tables.authority import (
    ByLogin,
    ByOperator,
    ByPassword,
    ByProof,
    BySession,
)
from parlour_server.core.errors import (
    LoginRefusedError,
    ParlourServerError,
    ProofNeededError,
    ProofRefusedError,
    RefusedError,
)


def stored(world: KitWorld) -> FactorStore:
    """Return the factors of a store."""
    return FactorStore(world.store, world.clock)


async def logged_in(world: KitWorld, user: UserName, number: int) -> SessionId:
    """Log in, before there is a factor."""
    session = world.session(user, number)
    await log_in(world.store, session, cap=9)
    return session.id


def proved(user: UserName, session: SessionId, answer: RightAnswer | None = None) -> ByProof:
    """Return a request of someone who gave their password again, and an answer."""
    return ByProof(user, session, f"hash of {user}", answer)


def code(number: int) -> RightAnswer:
    """Return a recovery code of ``activated``, which was not looked up yet."""
    return RightAnswer(FactorKind.RECOVERY_CODE, recovery_code=bytes([number]) * 32)


def counted(factor: FactorRecord, counter: int) -> RightAnswer:
    """Return an answer by an app or a key."""
    return RightAnswer(factor.kind, ((factor, counter),))


async def activated(
    world: KitWorld,
    user: UserName,
    session: SessionId,
    name: str = "app",
    answer: RightAnswer | None = None,
    codes: int = 9,
) -> FactorRecord:
    """Set a factor up."""
    factors, now = stored(world), world.clock.now()
    factor = FactorId(name.ljust(22, "x"))
    new = NewFactor(factor, user, FactorKind.TOTP, name, b"secret", session, now, Millis(now + 1000))
    await factors.begin(proved(user, session, answer), new)
    begun = await factors.begun(user, factor, session)
    assert begun is not None
    digests = [bytes([number]) * 32 for number in range(codes)]
    by = BySession(user, session)
    done = await asyncio.gather(
        *(factors.activate(by, begun, secret=b"s", counter=7, recovery_codes=digests) for _ in range(5))
    )
    assert sum(one is not None for one in done) == 1
    [made] = [one for one in (await factors.of(user)).factors if one.id == factor]
    return made


async def test_a_factor_is_set_up_by_the_session_that_began(world: KitWorld) -> None:
    """Another one neither sees it, activates it nor voids it; the same one begins again (P32)."""
    user = await world.account("anna")
    mine, other = await logged_in(world, user, 1), await logged_in(world, user, 2)
    factors, now = stored(world), world.clock.now()

    async def begin(session: SessionId, name: str) -> FactorId:
        factor = FactorId(name.ljust(22, "x"))
        new = NewFactor(factor, user, FactorKind.TOTP, name, b"secret", session, now, Millis(now + 1000))
        await factors.begin(proved(user, session), new)
        return factor

    first = await begin(mine, "first")
    for number in range(30):
        await begin(other, f"other{number}")
    begun = await factors.begun(user, first, mine)
    assert begun is not None
    assert await factors.begun(user, first, other) is None
    by = BySession(user, other)
    assert await factors.activate(by, begun, secret=b"s", counter=7, recovery_codes=()) is None
    await begin(mine, "second")
    assert await factors.begun(user, first, mine) is None


async def test_the_core_knows_of_each_factor_that_the_password_is_not_enough(world: KitWorld) -> None:
    """P20: from the transaction that activates the first one to the one that removes the last."""
    user = await world.account("anna")
    session = await logged_in(world, user, 1)

    async def needs_proof() -> bool:
        account = await world.store.accounts.find(user)
        return account is not None and account.needs_proof

    first = await activated(world, user, session)
    assert await needs_proof()
    other = await activated(world, user, session, "other", code(0))
    for number, made in enumerate((first, other), 1):
        assert await needs_proof()
        assert await stored(world).remove(proved(user, session, code(number)), made.id, keep_one=False)
    assert not await needs_proof()
    await activated(world, user, session)
    assert await stored(world).reset(ByOperator(user)) == 1
    assert not await needs_proof()


async def test_a_code_a_counter_and_a_challenge_are_used_once(world: KitWorld) -> None:
    """L7: of several callers at once one succeeds."""
    user, other = await world.account("anna"), await world.account("bert")
    session = await logged_in(world, user, 1)
    factors, now = stored(world), world.clock.now()
    made = await activated(world, user, session)
    assert (made.secret, made.counter, made.kind) == (b"s", 7, FactorKind.TOTP)

    async def changed(by: ByProof) -> bool:
        try:
            return await factors.remove(by, FactorId("none".ljust(22, "x")), keep_one=True) is False
        except ProofRefusedError:
            return False

    for answer in (counted(made, 8), code(0)):
        by = proved(user, session, answer)
        assert sorted(await asyncio.gather(*(changed(by) for _ in range(5)))) == [False] * 4 + [True]
    assert not await changed(proved(user, session, counted(made, 7)))
    assert (await factors.of(user)).recovery_codes == 8
    theirs = await logged_in(world, other, 2)
    assert not await changed(proved(other, theirs, code(1)))
    assert (await factors.of(user)).recovery_codes == 8
    challenge = Challenge(user, DEVICE, session, session, Millis(now + 1000))
    await factors.put_challenge(BySession(user, session), b"c", challenge)
    assert await factors.find_challenge(b"c") == challenge
    taken = await asyncio.gather(*(factors.take_challenge(b"c") for _ in range(5)))
    assert [one for one in taken if one is not None] == [replace(challenge, password_hash="hash of anna")]
    await factors.put_challenge(BySession(user, session), b"d", challenge)
    world.clock.forward(1)
    assert await factors.find_challenge(b"d") is None
    assert await factors.take_challenge(b"d") is None


async def test_an_answer_is_not_used_up_by_a_change_that_is_refused(world: KitWorld) -> None:
    """It is one transaction: what was not done cost nothing."""
    user = await world.account("anna")
    session = await logged_in(world, user, 1)
    made = await activated(world, user, session)
    factors = stored(world)
    with pytest.raises(RefusedError):
        await factors.remove(proved(user, session, code(0)), made.id, keep_one=True)
    assert (await factors.of(user)).recovery_codes == 9
    assert await factors.remove(proved(user, session, code(0)), made.id, keep_one=False)


async def test_a_new_session_of_an_account_with_a_factor_began_with_one(world: KitWorld) -> None:
    """The transaction that creates it looks; and each session says what its account has."""
    user = await world.account("anna")
    before = world.session(user, 1)
    await log_in(world.store, before, cap=5)
    found = await world.store.sessions.find(before.token, world.clock.now())
    assert found is not None
    assert (found.needs_proof, found.proof_required) == (False, False)
    await stored(world).require(ByOperator(user), required=True)
    assert await world.store.sessions.find(before.token, world.clock.now()) is None
    await log_in(world.store, before, cap=5)
    session = await world.store.sessions.find(before.token, world.clock.now())
    assert session is not None
    factors, now = stored(world), world.clock.now()
    by = replace(proved(user, session.id), while_enrolling=True)
    new = NewFactor(FactorId("a" * 22), user, FactorKind.TOTP, "", b"s", session.id, now, Millis(now + 1000))
    await factors.begin(by, new)
    begun = await factors.begun(user, new.id, session.id)
    assert begun is not None
    enrolling = BySession(user, session.id, while_enrolling=True)
    assert await factors.activate(enrolling, begun, secret=b"s", counter=7, recovery_codes=[bytes(32)])
    late = world.session(user, 2)
    with pytest.raises(LoginRefusedError):
        await log_in(world.store, late, cap=5)
    with pytest.raises(ProofRefusedError):
        await world.store.sessions.create(ByLogin(user, "hash of anna", code(1)), late, cap=5)
    await world.store.sessions.create(ByLogin(user, "hash of anna", code(0)), late, cap=5)
    assert (await factors.of(user)).recovery_codes == 0


async def test_a_factor_that_came_meanwhile_is_asked_for(world: KitWorld) -> None:
    """Proving only a password, before there was a factor, is too little; a factor that went is none."""
    user = await world.account("anna")
    session = await logged_in(world, user, 1)
    made = await activated(world, user, session)
    with pytest.raises(ProofNeededError):
        await world.store.accounts.set_password(proved(user, session), "late")
    assert await stored(world).remove(proved(user, session, code(0)), made.id, keep_one=False)
    for answer in (counted(made, 8), code(1)):
        with pytest.raises(ProofRefusedError):
            await world.store.accounts.set_password(proved(user, session, answer), "late")
    await world.store.accounts.set_password(proved(user, session), "in time")


async def test_no_challenge_is_given_after_a_password_that_was_replaced(world: KitWorld) -> None:
    """P7: neither one that was on its way nor one that was there holds; taking one tells its password."""
    user = await world.account("anna")
    factors = stored(world)
    expires, by = Millis(world.clock.now() + 1000), ByPassword(user, "hash of anna")
    old = Challenge(user, DEVICE, None, "192.0.2.1", expires)
    await factors.put_challenge(by, b"a", old)
    await factors.put_challenge(by, b"b", old)
    assert await factors.take_challenge(b"a") == replace(old, password_hash="hash of anna")
    await world.store.accounts.set_password(ByOperator(user), "new hash")
    assert await factors.take_challenge(b"b") is None
    with pytest.raises(LoginRefusedError):
        await factors.put_challenge(by, b"c", old)
    assert await factors.find_challenge(b"c") is None


async def test_another_hash_of_the_same_password_voids_no_challenge(world: KitWorld) -> None:
    """P1: a login that raises the parameters refuses no answer that its owner is typing elsewhere."""
    user = await world.account("anna")
    session = await logged_in(world, user, 1)
    factors, expires = stored(world), Millis(world.clock.now() + 1000)
    mine = Challenge(user, DEVICE, session, session, expires)
    await factors.put_challenge(BySession(user, session), b"a", mine)
    await world.store.accounts.set_rehashed(ByPassword(user, "hash of anna"), "another hash")
    assert await factors.take_challenge(b"a") == replace(mine, password_hash="another hash")


async def test_sessions_that_set_factors_up_at_once_keep_the_limit(world: KitWorld) -> None:
    """Each began while there was room for one more: the last one to be activated is refused."""
    user = await world.account("anna")
    one, two = await logged_in(world, user, 1), world.session(user, 2)
    factors, now = stored(world), world.clock.now()
    first = await activated(world, user, one, "app0")
    await world.store.sessions.create(ByLogin(user, "hash of anna", code(0)), two, cap=9)
    late = NewFactor(FactorId("l" * 22), user, FactorKind.TOTP, "", b"s", two.id, now, Millis(now + 1000))
    await factors.begin(proved(user, two.id, code(1)), late)
    begun = await factors.begun(user, late.id, two.id)
    assert begun is not None
    for number in range(1, FACTORS):
        await activated(world, user, one, f"app{number}", counted(first, 7 + number))
    with pytest.raises(RefusedError) as refused:
        await factors.activate(BySession(user, two.id), begun, secret=b"s", counter=1, recovery_codes=())
    assert refused.value.code == ErrorCode.LIMIT_REACHED
    assert len((await factors.of(user)).factors) == FACTORS


async def test_no_one_voids_the_challenges_of_another_source(world: KitWorld) -> None:
    """P32: a thief with a token, or a stranger with the password, makes room only among their own."""
    user = await world.account("anna")
    owners, thiefs = await logged_in(world, user, 1), await logged_in(world, user, 2)
    factors, expires = stored(world), Millis(world.clock.now() + 1000)
    sources = (
        (BySession(user, owners), owners, owners),
        (BySession(user, thiefs), thiefs, thiefs),
        (ByPassword(user, "hash of anna"), None, "192.0.2.1"),
        (ByPassword(user, "hash of anna"), None, "192.0.2.2"),
    )
    for number, (by, session, source) in enumerate(sources):
        await factors.put_challenge(by, b"%d" % number, Challenge(user, DEVICE, session, source, expires))
    for number, (by, session, source) in enumerate(sources):
        for more in range(CHALLENGES):
            made = Challenge(user, DEVICE, session, source, Millis(expires + 1 + more))
            await factors.put_challenge(by, b"%d more %d" % (number, more), made)
        standing = [await factors.find_challenge(b"%d" % one) is not None for one in range(len(sources))]
        assert standing == [one > number for one in range(len(sources))]
    held = [await factors.find_challenge(b"0 more %d" % more) for more in range(CHALLENGES)]
    assert None not in held


async def test_limits_and_what_a_removal_takes_along(world: KitWorld) -> None:
    """An account has so many factors; without a factor it has no code and no challenge."""
    user = await world.account("anna")
    session = await logged_in(world, user, 1)
    factors, now = stored(world), world.clock.now()
    made = [await activated(world, user, session, "app0")]
    made += [
        await activated(world, user, session, f"app{number}", counted(made[0], 7 + number))
        for number in range(1, FACTORS)
    ]

    def by(counter: int) -> ByProof:
        return proved(user, session, counted(made[0], counter))

    with pytest.raises(RefusedError) as refused:
        await activated(world, user, session, "more", counted(made[0], 100))
    assert refused.value.code == ErrorCode.LIMIT_REACHED
    for number, one in enumerate(made[1:]):
        assert await factors.remove(by(100 + number), one.id, keep_one=True)
    with pytest.raises(RefusedError):
        await factors.remove(by(200), made[0].id, keep_one=True)
    challenge = Challenge(user, DEVICE, session, session, Millis(now + 1000))
    await factors.put_challenge(BySession(user, session), b"e", challenge)
    assert await factors.remove(by(200), made[0].id, keep_one=False)
    assert not await factors.remove(proved(user, session), made[0].id, keep_one=False)
    assert (await factors.of(user)).recovery_codes == 0
    assert await factors.find_challenge(b"e") is None
    with pytest.raises(ParlourServerError):
        await factors.replace_recovery_codes(proved(user, session), [bytes(32)])


@pytest.mark.parametrize("table", ["second_factors", "recovery_codes", "factor_challenges"])
async def test_nothing_is_left_to_log_in_with(world: KitWorld, table: str) -> None:
    """It goes with the account, in the same transaction."""
    user = await world.account("anna")
    columns = {column.name: column.type.python_type for column in metadata.tables[table].columns}
    row = {name: kind(1) for name, kind in columns.items()} | {"account": str(user)}
    marks = ", ".join("?" * len(row))
    insert = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608 - of the schema
    await world.store.writer.submit(lambda db: db.execute(insert, tuple(row.values())))
    assert CAPABILITY.tables is not None
    await world.store.accounts.close(ByOperator(user), "unusable", CAPABILITY.tables.of_accounts)
    count = f"SELECT count(*) FROM {table}"  # noqa: S608 - of the schema
    assert await world.store.readers.row(int, count) == 0
