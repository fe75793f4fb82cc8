"""Accounts and the invites that make them."""

import asyncio
from dataclasses import dataclass, replace

import pytest
from tests.server.core.store.world import KitWorld, log_in

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_server.core.accounts.tables.authority import ByLogin, ByOperator, ByPassword, ByProof
from parlour_server.core.errors import (
    InviteRefusedError,
    LoginRefusedError,
    NameTakenError,
    ProofNeededError,
    ProofRefusedError,
    RefusedError,
    SessionRefusedError,
)
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.records import Account, AccountEnd, InviteRecord, RoleChanged, SessionEnded


def invite(
    world: KitWorld, uses: int = 1, *, digest: bytes = b"i" * 32, seconds: int | None = None
) -> InviteRecord:
    """Return an invite to be kept."""
    now = world.clock.now()
    return InviteRecord(digest, uses, now, None if seconds is None else Millis(now + seconds * 1000))


async def test_an_account_is_found_as_it_was_made(world: KitWorld) -> None:
    """A new account has its hash and time, and is not disabled; a name that no one has is not found."""
    alice = await world.account("alice")
    assert await world.store.accounts.find(alice) == Account(alice, "hash of alice", world.clock.now())
    assert await world.store.accounts.find(parse_user_name("bob")) is None


async def test_accounts_are_listed_by_name(world: KitWorld) -> None:
    """All accounts come, in order of name."""
    for name in ("carol", "alice", "bob"):
        await world.account(name)
    assert [account.user for account in await world.store.accounts.list()] == ["alice", "bob", "carol"]


async def test_a_name_that_looks_like_another_is_taken(world: KitWorld) -> None:
    """Neither a name nor its skeleton exists twice (M4: look-alike names)."""
    await world.account("alice")
    for new in (world.new_account("alice", "other"), world.new_account("alicia", "alice")):
        with pytest.raises(NameTakenError):
            await world.store.accounts.create(new, None)
    assert len(await world.store.accounts.list()) == 1


async def test_an_invite_is_used_up(world: KitWorld) -> None:
    """Each account takes one use; after the last the invite is gone."""
    await world.store.accounts.add_invite(invite(world, uses=2))
    for name in ("alice", "bob"):
        await world.store.accounts.create(world.new_account(name), b"i" * 32)
    with pytest.raises(InviteRefusedError):
        await world.store.accounts.create(world.new_account("carol"), b"i" * 32)
    assert await world.store.accounts.list_invites() == []
    assert len(await world.store.accounts.list()) == 2


async def test_the_role_of_an_invite_is_told_to_each_account_that_it_makes(world: KitWorld) -> None:
    """An account that the operator makes has none."""
    await world.store.accounts.add_invite(replace(invite(world, uses=2), role="moderator"))
    roles = [
        await world.store.accounts.create(world.new_account(name), digest)
        for name, digest in (("alice", b"i" * 32), ("bob", None))
    ]
    assert roles == ["moderator", ""]
    assert [one.role for one in await world.store.accounts.list_invites()] == ["moderator"]


async def test_a_race_for_an_invite_has_as_many_winners_as_uses(world: KitWorld) -> None:
    """Of twenty people who use one invite for three at once, three get in."""
    await world.store.accounts.add_invite(invite(world, uses=3))
    ended = await asyncio.gather(
        *(world.store.accounts.create(world.new_account(f"person{i}"), b"i" * 32) for i in range(20)),
        return_exceptions=True,
    )
    assert [type(error) for error in ended].count(InviteRefusedError) == 17
    assert len(await world.store.accounts.list()) == 3


async def test_a_refused_name_uses_no_invite_up(world: KitWorld) -> None:
    """Who picks a taken name may try again with the same invite."""
    await world.account("alice")
    await world.store.accounts.add_invite(invite(world))
    with pytest.raises(NameTakenError):
        await world.store.accounts.create(world.new_account("alice"), b"i" * 32)
    await world.store.accounts.create(world.new_account("bob"), b"i" * 32)


async def test_without_an_invite_no_one_learns_which_names_exist(world: KitWorld) -> None:
    """A bad invite is refused in the same way for a taken name as for a free one (P4)."""
    await world.account("alice")
    for name in ("alice", "bob"):
        with pytest.raises(InviteRefusedError):
            await world.store.accounts.create(world.new_account(name), b"x" * 32)


async def test_an_invite_ends_at_its_time(world: KitWorld) -> None:
    """One second before, it works; at its time it does not, and is not listed any more."""
    await world.store.accounts.add_invite(invite(world, uses=5, seconds=60))
    world.clock.forward(59)
    await world.store.accounts.create(world.new_account("alice"), b"i" * 32)
    assert len(await world.store.accounts.list_invites()) == 1
    world.clock.forward(1)
    with pytest.raises(InviteRefusedError):
        await world.store.accounts.create(world.new_account("bob"), b"i" * 32)
    assert await world.store.accounts.list_invites() == []


async def test_invites_are_listed_oldest_first_and_revoked_once(world: KitWorld) -> None:
    """What can be used is listed with its uses; what was revoked is gone, and revoking again says so."""
    late = replace(invite(world, uses=7, digest=b"a" * 32), created=Millis(2_000_000_000_000))
    for each in (late, invite(world, uses=2, digest=b"b" * 32, seconds=60)):
        await world.store.accounts.add_invite(each)
    assert await world.store.accounts.list_invites() == [
        invite(world, uses=2, digest=b"b" * 32, seconds=60),
        late,
    ]
    assert await world.store.accounts.revoke_invite(b"b" * 32)
    assert not await world.store.accounts.revoke_invite(b"b" * 32)
    with pytest.raises(InviteRefusedError):
        await world.store.accounts.create(world.new_account("alice"), b"b" * 32)


async def test_a_password_takes_the_sessions_of_the_old_one_with_it(world: KitWorld) -> None:
    """P7: they end as it is replaced; another hash of the same password ends nothing."""
    alice = await world.account("alice")
    session = world.session(alice, 1)
    await log_in(world.store, session, cap=9)
    await world.store.accounts.set_rehashed(ByPassword(alice, "hash of alice"), "another hash")
    assert await world.store.sessions.find(session.token, world.clock.now()) == session
    assert await world.store.accounts.set_password(ByOperator(alice), "new hash") == 1
    account = await world.store.accounts.find(alice)
    assert account is not None
    assert account.password_hash == "new hash"
    assert await world.store.sessions.find(session.token, world.clock.now()) is None


async def test_a_password_is_replaced_only_while_it_is_the_one_that_was_verified(world: KitWorld) -> None:
    """P7: a hash that was computed meanwhile doesn't bring back what the operator has just replaced."""
    alice, bob = await world.account("alice"), await world.account("bob")
    sessions = {user: world.session(user, number) for number, user in enumerate((alice, bob))}
    for session in sessions.values():
        await log_in(world.store, session, cap=9)
    mine = sessions[alice].id
    await world.store.accounts.set_password(ByProof(alice, mine, "hash of alice", None), "second")
    await world.store.accounts.set_rehashed(ByPassword(alice, "second"), "the operator's")
    for user, verified in ((alice, "second"), (alice, "hash of bob"), (bob, "hash of alice")):
        with pytest.raises(LoginRefusedError):
            await world.store.accounts.set_password(ByProof(user, sessions[user].id, verified, None), "late")
        with pytest.raises(LoginRefusedError):
            await world.store.accounts.set_rehashed(ByPassword(user, verified), "late")
    account = await world.store.accounts.find(alice)
    assert account is not None
    assert account.password_hash == "the operator's"


@dataclass
class Token:
    """Something that is proved besides the password."""

    left: int
    kind: str = "token"

    def use(self, db: WriteConnection, user: UserName, at: Millis) -> bool:
        """Use it up."""
        del db, user, at
        self.left -= 1
        return self.left >= 0


async def test_a_password_that_is_not_enough_changes_nothing_and_begins_nothing(world: KitWorld) -> None:
    """P20: whatever has asked for more, or hasn't; and a proof that the account doesn't need is none."""
    alice, bob = await world.account("alice"), await world.account("bob")
    sessions = {user: world.session(user, number) for number, user in enumerate((alice, bob))}
    for session in sessions.values():
        await log_in(world.store, session, cap=9)
    await world.store.writer.submit(
        lambda db: db.execute("UPDATE accounts SET needs_proof = 1 WHERE account = 'alice'")
    )

    def by(user: UserName, proof: Token | None) -> ByProof:
        return ByProof(user, sessions[user].id, f"hash of {user}", proof)

    late = world.session(alice, 5)
    for refused in (None, Token(0)):
        with pytest.raises(LoginRefusedError):
            await world.store.sessions.create(ByLogin(alice, "hash of alice", refused), late, cap=9)
    with pytest.raises(ProofNeededError):
        await world.store.accounts.set_password(by(alice, None), "late")
    for user, proof in ((alice, Token(0)), (bob, Token(1))):
        with pytest.raises(ProofRefusedError):
            await world.store.accounts.set_password(by(user, proof), "late")
    await world.store.sessions.create(ByLogin(alice, "hash of alice", Token(1)), late, cap=9)
    await world.store.accounts.set_password(by(alice, Token(1)), "in time")


async def test_there_is_no_changing_an_account_that_is_not_there(world: KitWorld) -> None:
    """Setting anything of a name that no one has is refused rather than lost."""
    no_one = parse_user_name("zoe")
    for change in (
        world.store.accounts.set_password(ByOperator(no_one), "x"),
        world.store.accounts.set_disabled(ByOperator(no_one), disabled=True),
    ):
        with pytest.raises(RefusedError) as refused:
            await change
        assert refused.value.code is ErrorCode.NOT_FOUND


async def test_disabling_ends_all_sessions(world: KitWorld) -> None:
    """A disabled account has no sessions, also not after it is enabled; others keep theirs."""
    alice, bob = await world.people(2)
    for number, user in enumerate((alice, alice, bob)):
        await log_in(world.store, world.session(user, number), cap=9)
    await world.store.accounts.set_disabled(ByOperator(alice), disabled=True)
    account = await world.store.accounts.find(alice)
    assert account is not None
    assert account.disabled
    assert len(await world.store.journal.since(0)) == 2
    await world.store.accounts.set_disabled(ByOperator(alice), disabled=False)
    assert await world.store.sessions.list(alice, world.clock.now()) == []
    assert len(await world.store.sessions.list(bob, world.clock.now())) == 1


async def test_the_journal_says_what_became_of_the_account_of_a_session(world: KitWorld) -> None:
    """So that its open connections can be told; enabling it ends nothing."""
    alice, bob = await world.people(2)
    for user, number in ((alice, 1), (bob, 2)):
        await log_in(world.store, world.session(user, number), cap=9)
    await world.store.accounts.set_disabled(ByOperator(alice), disabled=True)
    await world.store.accounts.close(ByOperator(bob), "unusable", ())
    ends = [one.what for one in await world.store.journal.since(0) if isinstance(one.what, SessionEnded)]
    assert ends == [
        SessionEnded(world.session(alice, 1).id, alice, AccountEnd.DISABLED),
        SessionEnded(world.session(bob, 2).id, bob, AccountEnd.DELETED),
    ]


async def test_a_role_is_that_of_the_account_as_long_as_it_may_log_in(world: KitWorld) -> None:
    """It comes by the invite, changes as its giver may, and goes with the account."""
    accounts = world.store.accounts
    await accounts.add_invite(replace(invite(world), role="moderator"))
    await accounts.create(world.new_account("alice"), b"i" * 32)
    alice, bob = parse_user_name("alice"), await world.account("bob")
    assert [await accounts.role(user) for user in (alice, bob)] == ["moderator", ""]
    asked = await world.by(alice)
    seen: list[tuple[str, str]] = []

    def refuse(*roles: str) -> None:
        seen.append((roles[0], roles[-1]))
        raise RefusedError(ErrorCode.FORBIDDEN)

    with pytest.raises(RefusedError):
        await accounts.set_role(asked, bob, "owner", refuse)
    with pytest.raises(RefusedError):
        await accounts.invite(asked, replace(invite(world), role="owner"), refuse)
    assert seen == [("moderator", ""), ("moderator", "moderator")]
    assert await accounts.list_invites() == []
    before = await world.store.journal.head()
    await accounts.set_role(asked, bob, "member", lambda _own, _before: None)
    entries = await world.store.journal.since(before)
    assert [entry.what for entry in entries] == [RoleChanged(bob)]
    assert await accounts.roles() == {alice: "moderator", bob: "member"}
    await accounts.set_disabled(ByOperator(alice), disabled=True)
    assert await accounts.role(alice) == ""
    with pytest.raises(SessionRefusedError):
        await accounts.set_role(asked, bob, "owner", lambda _own, _before: None)
    await accounts.close(ByOperator(alice), "none", ())
    with pytest.raises(RefusedError):
        await accounts.set_role(ByOperator(alice), alice, "owner")
    assert await accounts.roles() == {bob: "member"}
