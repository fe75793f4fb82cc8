"""P1 (offline cracking), P2 (truncation, normalisation), P4 (time), P6 (argon2 as denial of service)."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.password_hashing import HashingPool, normalized
from parlour_server.core.errors import LoginRefusedError, UnavailableError

HOME = "192.0.2.1"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="module")
def default() -> Iterator[HashingPool]:
    """Return hashing at the profile that a server uses."""
    found = HashingPool()
    yield found
    found.close()


async def test_offline_cracking_is_dear_by_the_default_profile(default: HashingPool) -> None:
    """P1: without any argument a hash is argon2id with 64 MiB, three passes and four lanes."""
    encoded = await default.hash(Secret("tigress-violin-marble"), address=HOME)
    assert re.match(r"\$argon2id\$v=19\$m=65536,t=3,p=4\$", encoded)


async def test_offline_cracking_of_two_equal_passwords_is_no_cheaper_than_of_two_others(
    passwords: HashingPool,
) -> None:
    """P1: every hash has a salt of its own."""
    secret = Secret("tigress-violin-marble")
    assert await passwords.hash(secret, address=HOME) != await passwords.hash(secret, address=HOME)


async def test_a_hash_with_lower_parameters_is_replaced(passwords: HashingPool) -> None:
    """P1: when the parameters rise, a login brings the new hash."""
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=16).hash("tigress-violin-marble")
    new = await passwords.verify(old, Secret("tigress-violin-marble"), address=HOME)
    assert new is not None
    assert await passwords.verify(new, Secret("tigress-violin-marble"), address=HOME) is None


async def test_a_wrong_password_raises(passwords: HashingPool) -> None:
    """Verifying returns nothing that could be forgotten to be looked at."""
    encoded = await passwords.hash(Secret("tigress-violin-marble"), address=HOME)
    with pytest.raises(LoginRefusedError):
        await passwords.verify(encoded, Secret("tigress-violin-marbles"), address=HOME)


@pytest.mark.parametrize("length", [64, 72, 73, 200, 1024])
async def test_truncation_never_happens(passwords: HashingPool, length: int) -> None:
    """P2: the last character counts, also where bcrypt would have stopped reading."""
    encoded = await passwords.hash(Secret("x" * length), address=HOME)
    await passwords.verify(encoded, Secret("x" * length), address=HOME)
    with pytest.raises(LoginRefusedError):
        await passwords.verify(encoded, Secret("x" * (length - 1) + "y"), address=HOME)


async def test_composed_and_decomposed_letters_are_one_password(passwords: HashingPool) -> None:
    """P2: another keyboard writes é in another way."""
    encoded = await passwords.hash(Secret("caf\u00e9 au lait, s'il vous pla\u00eet"), address=HOME)
    await passwords.verify(encoded, Secret("cafe\u0301 au lait, s'il vous plai\u0302t"), address=HOME)


@pytest.mark.parametrize("value", ["x" * 1025, "\ud800" * 20, "\u00e9" * 600, "\ufdfa" * 100])
def test_a_body_bomb_is_no_password(value: str) -> None:
    """P2: what is over the limit, also after normalising, or no Unicode, is refused before it is hashed."""
    with pytest.raises(LoginRefusedError):
        normalized(Secret(value))


async def test_user_enumeration_by_time(default: HashingPool) -> None:
    """P4: verifying against nothing takes as long as against a hash."""
    encoded = await default.hash(Secret("tigress-violin-marble"), address=HOME)
    wrong = Secret("another-violin-marble")

    async def seconds(of: str | None) -> float:
        start = time.process_time()
        with pytest.raises(LoginRefusedError):
            await default.verify(of, wrong, address=HOME)
        return time.process_time() - start

    known, unknown = [], []
    for _ in range(4):
        known.append(await seconds(encoded))
        unknown.append(await seconds(None))
    # CPU time, the least of each: what another process does at the same time must not decide.
    assert 0.7 < min(unknown) / min(known) < 1.4


class Waiting(PasswordHasher):
    """One whose hashes take until the gate opens."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self._gate = gate
        self.started = threading.Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """Wait, and make no hash."""
        del password, salt
        self.started.set()
        assert self._gate.wait(60)
        return "done"


async def test_argon2_as_denial_of_service_is_refused_beyond_slots_and_queue() -> None:
    """P6: more than the threads and the queue hold gets an answer at once, and those inside are served."""
    gate = threading.Event()
    passwords = HashingPool(threads=2, queue=3, hasher=Waiting(gate))
    try:
        inside = [asyncio.ensure_future(passwords.hash(Secret("x"), address=HOME)) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError):
            await passwords.hash(Secret("x"), address=HOME)
        gate.set()
        assert await asyncio.gather(*inside) == ["done"] * 5
        assert await passwords.hash(Secret("x"), address=HOME) == "done"
    finally:
        gate.set()
        passwords.close()


async def test_a_cancelled_login_gives_its_slot_back_only_when_the_thread_is_done() -> None:
    """P6: hanging up at once must not be a way to start more hashes than there are slots."""
    gate = threading.Event()
    hasher = Waiting(gate)
    passwords = HashingPool(threads=1, queue=0, hasher=hasher)
    try:
        first = asyncio.ensure_future(passwords.hash(Secret("x"), address=HOME))
        assert await asyncio.to_thread(hasher.started.wait, 60)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(UnavailableError):
            await passwords.hash(Secret("x"), address=HOME)
    finally:
        gate.set()
        passwords.close()


async def test_hashing_leaves_the_event_loop_free(default: HashingPool) -> None:
    """P6: the loop goes on turning while a password is hashed."""
    work = asyncio.ensure_future(default.hash(Secret("tigress-violin-marble"), address=HOME))
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 20


def test_an_unusable_hash_is_no_hash_of_anything_short() -> None:
    """P8: an account that no one may log in to has a hash of full form, and another one each time."""
    passwords = HashingPool(threads=1, hasher=CHEAP)
    try:
        first, second = passwords.unusable(), passwords.unusable()
    finally:
        passwords.close()
    assert first != second
    assert first.startswith("$argon2id$v=19$m=8,t=1,p=1$")


async def test_a_strangers_logins_wait_for_the_strangers_own() -> None:
    """L13: an address with one login goes before those that an address with many has waiting."""
    gate, order = threading.Event(), list[str]()

    class Noting(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            del salt
            assert gate.wait(60)
            order.append(str(password))
            return "done"

    passwords = HashingPool(threads=1, queue=30, per_address=20, hasher=Noting())
    try:
        asked = [
            asyncio.ensure_future(passwords.hash(Secret(f"stranger{n}"), address="198.51.100.7"))
            for n in range(21)
        ]
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError):
            await passwords.hash(Secret("one too many"), address="198.51.100.7")
        asked += [asyncio.ensure_future(passwords.hash(Secret("owner"), address=HOME))]
        asked += [asyncio.ensure_future(passwords.hash(Secret("other"), address="192.0.2.2"))]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*asked)
    finally:
        gate.set()
        passwords.close()
    assert order[:4] == ["stranger0", "owner", "other", "stranger1"]


async def test_a_full_queue_makes_room_for_an_address_that_has_less_in_it() -> None:
    """L13: filling the queue keeps no one out; the last of the longest loses its place."""
    gate = threading.Event()
    passwords = HashingPool(threads=1, queue=3, per_address=3, hasher=Waiting(gate))
    try:
        crowd = [asyncio.ensure_future(passwords.hash(Secret("x"), address="198.51.100.7")) for _ in range(4)]
        await asyncio.sleep(0)
        owner = asyncio.ensure_future(passwords.hash(Secret("x"), address=HOME))
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError):
            await crowd[-1]
        gate.set()
        assert await asyncio.gather(owner, *crowd[:-1]) == ["done"] * 4
    finally:
        gate.set()
        passwords.close()


async def test_who_hangs_up_while_waiting_leaves_the_queue() -> None:
    """P6: a place that no one waits at is free."""
    gate = threading.Event()
    passwords = HashingPool(threads=1, queue=1, hasher=Waiting(gate))
    try:
        first = asyncio.ensure_future(passwords.hash(Secret("x"), address=HOME))
        gone = asyncio.ensure_future(passwords.hash(Secret("x"), address=HOME))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        second = asyncio.ensure_future(passwords.hash(Secret("x"), address=HOME))
        await asyncio.sleep(0)
        gate.set()
        assert await asyncio.gather(first, second) == ["done"] * 2
    finally:
        gate.set()
        passwords.close()
