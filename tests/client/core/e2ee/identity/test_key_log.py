"""The key log against servers that swap, hide, rewrite and tell two people two stories."""

import pytest
from msgspec.structs import replace
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE, Home, Registered, Service, World

from parlour_client.core.archive import key_log_copy, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.errors import KeyLogError, OtherServerError
from parlour_client.core.e2ee.identity import key_log, own_device
from parlour_client.core.e2ee.identity.key_log import Comparison, KeyLog
from parlour_client.core.e2ee.identity.keys import AccountKey, verify
from parlour_client.kit.errors import ServerMisbehavedError, UnreachableError
from parlour_mls import Secret
from parlour_protocol.delivery import DeviceStatus, KeyLogPage
from parlour_protocol.encrypted import KeyLogSeen
from parlour_protocol.frames.opaque import Digest, LogEntryBytes
from parlour_protocol.identity import Head, Revocation


async def seen(home: Home) -> KeyLogSeen:
    """Return what a home's messages say."""
    found = await home.archive.write(key_log.seen)
    assert found is not None
    return found


async def hear(home: Home, user: str, what: KeyLogSeen) -> Comparison:
    """Let a message with this head come in."""
    name = {"ana": ANA, "ben": BEN}[user]
    made = await home.archive.write(key_log.compare, name, what, home.clock.now())
    await home.identity.refresh()
    return made


async def test_the_copy_grows_and_leads_to_the_signed_head(world: World):
    """What was fetched in pages of three is the whole log, head by head."""
    world.service.page = 3
    ana = await world.home(ANA)
    for name in (BEN, EVE):
        await world.home(name)
    await ana.identity.catch_up()
    assert len(world.service.entries) == 6
    for size in range(7):
        held = await ana.archive.read(key_log_copy.tree_at, size)
        assert held is not None
        assert Head.of(held) == world.service.head(size)


async def test_two_people_with_one_log_agree(world: World):
    """Heads that others tell are compared, whether they are older, equal or newer than the own copy."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    assert await hear(ben, "ana", await seen(ana)) is Comparison.AGREES
    assert await hear(ana, "ben", await seen(ben)) is Comparison.BEHIND
    await ana.identity.catch_up()
    assert await hear(ana, "ben", await seen(ben)) is Comparison.AGREES
    assert not ana.alarms()
    assert not ben.alarms()


async def test_each_saying_of_a_run_is_compared(world: World):
    """One that agrees does not hide another, of someone else or of the same person."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    honest = await seen(ana)
    false = KeyLogSeen(size=honest.size, root=Digest(bytes(32)))
    further = await seen(ben)
    both = [(ANA, honest), (BEN, honest), (ANA, false), (BEN, further), (ANA, honest)]
    found = await ana.archive.write(key_log.compare_all, both, ana.clock.now())
    assert found == {Comparison.AGREES, Comparison.DIFFERS, Comparison.BEHIND}


async def split(world: World) -> tuple[Home, Home, AccountKey]:
    """Return two people to whom the server shows two keys of ben: the right one and one of its own."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    lie = world.service.fork()
    made_up = AccountKey.generate()
    lie.swap_account_key(BEN, made_up)
    lie.certify(BEN, made_up, b"g" * 32)
    ana.session.service = lie
    world.service.certify(EVE, made_up, b"x" * 32)  # the honest log grows as well
    world.service.certify(EVE, made_up, b"y" * 32)
    await ana.identity.catch_up()
    await ben.identity.catch_up()
    return ana, ben, made_up


async def test_a_split_view_is_caught_by_both(world: World):
    """A server that shows two people different keys is caught on both sides as soon as they talk."""
    ana, ben, _ = await split(world)
    assert await hear(ben, "ana", await seen(ana)) is Comparison.DIFFERS
    assert await hear(ana, "ben", await seen(ben)) is Comparison.DIFFERS
    for home, other in ((ana, "ben"), (ben, "ana")):
        (alarm,) = home.identity.alarms()
        assert alarm.permanent
        assert "shows different keys to different people" in alarm.text
        assert f"{other} saw another key log" in alarm.text


async def test_a_split_view_is_caught_when_our_copy_is_shorter(world: World):
    """A head past our copy is kept, and compared as soon as the server had to show us that much."""
    ana, ben, made_up = await split(world)
    world.service.certify(EVE, made_up, b"z" * 32)
    await ben.identity.catch_up()
    assert await hear(ana, "ben", await seen(ben)) is Comparison.BEHIND
    assert not ana.alarms()
    ana.session.service.certify(BEN, made_up, b"z" * 32)
    await ana.identity.catch_up()
    (alarm,) = ana.alarms()
    assert "ben saw another key log" in alarm


async def test_entries_that_someone_saw_cannot_be_withheld(world: World):
    """When others have seen more than the server shows us, we say so."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    stale = world.service.fork()
    world.service.swap_account_key(EVE, AccountKey.generate())
    await ben.identity.catch_up()
    ana.session.service = stale
    await ana.identity.catch_up()
    assert await hear(ana, "ben", await seen(ben)) is Comparison.BEHIND
    assert not ana.alarms()
    await ana.identity.catch_up()
    (alarm,) = ana.identity.alarms()
    assert "The server hides keys: ben saw" in alarm.text
    assert alarm.permanent


async def test_what_is_heard_during_a_fetch_is_not_called_withheld(world: World):
    """A head that comes while we ask may be newer than the answer: it is compared the next time."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    stale = world.service.fork()
    world.service.swap_account_key(EVE, AccountKey.generate())
    await ben.identity.catch_up()
    told = await seen(ben)
    ana.session.service = stale
    page = stale.key_log

    original = ana.session.key_log

    async def meanwhile(after: int) -> KeyLogPage:
        await hear(ana, "ben", told)
        return page(after)

    ana.session.key_log = meanwhile  # type: ignore[method-assign]
    await ana.identity.catch_up()
    assert not ana.alarms()
    ana.session.key_log = original  # type: ignore[method-assign]
    ana.session.service = world.service
    await ana.identity.catch_up()
    assert not ana.alarms()


async def test_two_programs_of_one_home_cannot_be_told_two_stories(world: World):
    """While one program fetches, another one of the same home was shown other entries: that is noticed."""
    ana = await world.home(ANA)
    lie = world.service.fork()
    lie.swap_account_key(BEN, AccountKey.generate())
    world.service.swap_account_key(BEN, AccountKey.generate())
    world.service.swap_account_key(EVE, AccountKey.generate())
    page = world.service.key_log((await seen(ana)).size)

    async def meanwhile(_after: int) -> KeyLogPage:
        ana.session.key_log = honest  # type: ignore[method-assign]
        other = KeyLog(ana.archive, lie.session(ANA), ana.clock, own_device.watch)
        assert await other.sync()
        return page

    honest, ana.session.key_log = ana.session.key_log, meanwhile  # type: ignore[method-assign]
    with pytest.raises(KeyLogError, match="two programs"):
        await ana.identity.catch_up()
    with pytest.raises(KeyLogError, match="changed old entries"):
        await ana.identity.catch_up()
    assert ana.alarms()


async def test_two_programs_cannot_pin_two_keys_at_first_contact(world: World):
    """The key of the log that another program of this home pinned meanwhile is the one that counts."""
    ana = await world.home(ANA, signed_in=False)
    other = Service(world.clock)
    other.log_seed = Secret(bytes(32))

    async def meanwhile(_after: int) -> KeyLogPage:
        await KeyLog(ana.archive, other.session(ANA), ana.clock, own_device.watch).sync()
        return world.service.key_log(0)

    ana.session.key_log = meanwhile  # type: ignore[method-assign]
    with pytest.raises(KeyLogError, match="two programs"):
        await ana.identity.catch_up()


async def test_two_programs_of_one_home_may_fetch_at_once(world: World):
    """The same entries that another program of this home was faster with are no contradiction."""
    ana = await world.home(ANA)
    world.service.swap_account_key(BEN, AccountKey.generate())
    honest = ana.session.key_log

    async def meanwhile(after: int) -> KeyLogPage:
        ana.session.key_log = honest  # type: ignore[method-assign]
        page = await honest(after)
        world.service.swap_account_key(EVE, AccountKey.generate())
        assert await KeyLog(ana.archive, world.service.session(ANA), ana.clock, own_device.watch).sync()
        return page

    ana.session.key_log = meanwhile  # type: ignore[method-assign]
    await ana.identity.catch_up()
    assert not ana.alarms()
    assert (await seen(ana)).size == len(world.service.entries)


async def test_a_shorter_log_is_refused_for_ever(world: World):
    """A server that takes entries out is refused; our copy and the alarm stay."""
    ana = await world.home(ANA)
    before = await seen(ana)
    world.service.entries.pop()
    with pytest.raises(KeyLogError, match="took entries out"):
        await ana.identity.catch_up()
    (alarm,) = ana.identity.alarms()
    assert alarm.permanent
    await ana.identity.dismiss(alarm.id)
    assert ana.identity.alarms()
    assert await seen(ana) == before


async def test_a_rewritten_log_of_the_same_length_is_refused(world: World):
    """The last entry replaced by another one is noticed though the size is the same."""
    ana = await world.home(ANA)
    world.service.entries[-1] = world.service.entries[0]
    with pytest.raises(KeyLogError, match="changed old entries"):
        await ana.identity.catch_up()
    assert ana.alarms()


async def test_a_rewritten_log_that_grew_is_refused(world: World):
    """New entries must follow ours: a log rewritten below and longer is noticed."""
    ana = await world.home(ANA)
    world.service.entries[0] = world.service.entries[1]
    world.service.swap_account_key(EVE, AccountKey.generate())
    with pytest.raises(KeyLogError, match="changed old entries"):
        await ana.identity.catch_up()
    assert ana.alarms()
    assert await ana.archive.write(key_log_copy.account, EVE) is None


async def test_another_key_of_the_log_is_refused(world: World):
    """The key that signs the log is pinned at first contact."""
    ana = await world.home(ANA)
    world.service.log_seed = Secret(bytes(32))
    with pytest.raises(KeyLogError, match="another key"):
        await ana.identity.catch_up()
    assert ana.alarms()


async def test_another_name_of_the_server_is_refused(world: World):
    """The server's name is in every certificate, so it is pinned, too."""
    ana = await world.home(ANA)
    other = Service(world.clock, "elsewhere.example.org")
    ana.session.service = other
    with pytest.raises(OtherServerError):
        await ana.identity.catch_up()
    with pytest.raises(OtherServerError):
        await ana.identity.check_server("elsewhere.example.org")
    await ana.identity.check_server("chat.example.org")


@pytest.mark.parametrize("what", ["signature", "head", "size"])
async def test_an_unsigned_head_is_refused(world: World, what: str):
    """A head whose signature does not hold is no head: nothing is taken from the page."""
    ana = await world.home(ANA, signed_in=False)
    other = Service(world.clock)
    other.log_seed = Secret(bytes(32))
    other.swap_account_key(BEN, AccountKey.generate())
    page = world.service.key_log(0)
    wrong = {
        "signature": {"signature": other.key_log(0).signature},
        "head": {"head": Digest(bytes(32))},
        "size": {"size": 1, "entries": (LogEntryBytes(b"x"),)},
    }[what]
    ana.session.service.key_log = lambda _: KeyLogPage(  # type: ignore[method-assign]
        **{name: getattr(page, name) for name in page.__struct_fields__} | wrong
    )
    with pytest.raises(ServerMisbehavedError, match="signature"):
        await ana.identity.sign_in()
    assert await ana.archive.write(key_log.seen) is None


async def test_a_server_that_holds_back_pages_ends(world: World):
    """A log that is said to be longer than what comes does not keep us asking for ever."""
    world.service.swap_account_key(BEN, AccountKey.generate())
    world.service.page = 0
    ana = await world.home(ANA, signed_in=False)
    with pytest.raises(ServerMisbehavedError, match="holds back"):
        await ana.identity.sign_in()


async def test_an_endless_log_is_refused(world: World, monkeypatch: pytest.MonkeyPatch):
    """A log that is longer than any honest one is not collected in memory; one at the limit is."""
    monkeypatch.setattr(key_log, "MAX_GROWTH", 3)
    for _ in range(3):
        world.service.swap_account_key(BEN, AccountKey.generate())
    await world.home(ANA)
    world.service.swap_account_key(BEN, AccountKey.generate())
    eve = await world.home(EVE, signed_in=False)
    with pytest.raises(ServerMisbehavedError, match="longer"):
        await eve.identity.sign_in()


async def test_without_the_server_the_copy_answers(world: World):
    """A safety number can be compared while the server is away."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    number = (await ana.contacts.person(BEN)).safety_number
    ana.session.down = True
    assert (await ana.contacts.person(BEN)).safety_number == number
    ben.session.down = True
    with pytest.raises(UnreachableError):
        await ben.identity.catch_up()


async def restored(home: Home) -> None:
    """Let the server's greeting say that its logs are of another incarnation."""
    await home.archive.write_durably(own_keys.put, Name.LOG_RESTORED, b"1")


async def test_a_restored_log_is_followed_and_told_of_once(world: World):
    """R37: a log that is the beginning of ours is no lie after a restore; what it lost keeps its effect."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    before, lost = await seen(ana), world.service.entries[-2:]
    del world.service.entries[-2:]
    await restored(ana)
    await ana.identity.catch_up()
    (alarm,) = ana.identity.alarms()
    assert "its key log lacks 2 entries" in alarm.text
    assert not alarm.permanent
    assert (await seen(ana)).size == before.size - 2
    ours = await ana.archive.write(key_log_copy.account, BEN)
    assert ours is not None
    assert await hear(ana, "ben", await seen(ben)) is Comparison.AGREES  # a head of before is no other story
    world.service.swap_account_key(EVE, AccountKey.generate())
    world.service.entries += lost
    await ana.identity.catch_up()
    assert (await seen(ana)).size == before.size + 1
    assert await ana.archive.write(key_log_copy.account, BEN) == ours
    assert set(await ana.archive.write(key_log_copy.certificates, BEN)) == {ben.device}
    await ana.identity.dismiss(alarm.id)
    await ana.identity.catch_up()
    assert not ana.identity.alarms()


@pytest.mark.parametrize("grown", [1, 2, 3, 400])
async def test_a_restored_log_that_grew_since_is_followed(world: World, grown: int):
    """R37: shorter, as long or longer than ours: the last entry that both have is found."""
    ana = await world.home(ANA)
    for _ in range(200):
        world.service.swap_account_key(EVE, AccountKey.generate())
    await ana.identity.catch_up()
    kept = len(world.service.entries) - 150
    del world.service.entries[kept:]
    for _ in range(grown):
        world.service.swap_account_key(BEN, AccountKey.generate())
    await restored(ana)
    await ana.identity.catch_up()
    assert (await seen(ana)).size == kept + grown
    assert (await seen(ana)).root == world.service.head().root
    assert len(await ana.archive.write(key_log_copy.lost)) == 150
    assert await ana.archive.write(key_log_copy.account, BEN) is not None


async def test_a_restore_excuses_one_reading_only(world: World):
    """R37: after the log was read, taking entries out again is refused for ever."""
    ana = await world.home(ANA)
    world.service.swap_account_key(BEN, AccountKey.generate())
    await ana.identity.catch_up()
    await restored(ana)
    await ana.identity.catch_up()
    assert not ana.identity.alarms()
    world.service.entries.pop()
    with pytest.raises(KeyLogError, match="took entries out"):
        await ana.identity.catch_up()
    assert ana.alarms()


async def test_a_restore_does_not_excuse_another_past(world: World):
    """R37: a log that has nothing in common with ours does not come from a backup of this server."""
    ana = await world.home(ANA)
    world.service.swap_account_key(BEN, AccountKey.generate())
    await ana.identity.catch_up()
    honest = world.service.key_log(0)
    await restored(ana)
    world.service.key_log = lambda after: replace(  # type: ignore[method-assign]
        world.service.fork().key_log(after), size=honest.size - 1
    )
    with pytest.raises(ServerMisbehavedError, match="signature"):
        await ana.identity.catch_up()


async def test_what_contradicts_before_the_greeting_waits_for_it(world: World):
    """R37: before the server says whether it was restored, there is an error and no alarm; then there is."""
    ana = await world.home(ANA)
    world.service.entries.pop()
    ana.identity.key_log.undecided = True
    with pytest.raises(KeyLogError, match="took entries out"):
        await ana.identity.catch_up()
    assert not ana.identity.alarms()
    ana.identity.key_log.undecided = False
    with pytest.raises(KeyLogError, match="took entries out"):
        await ana.identity.catch_up()
    assert ana.alarms()


async def test_what_a_restored_server_lost_is_published_again(world: World):
    """R37: the account's key, its certificates and its revocations, by the device that signed them."""
    before = world.service.fork()
    ana = await world.home(ANA)
    phone = await world.home(ANA)
    await ana.identity.approve(phone.own_identity.code)
    gone = phone.device
    await ana.identity.revoke(gone)
    devices = world.service.devices
    ana.session.service = before
    before.devices = {id_: Registered(one.user, one.key) for id_, one in devices.items()}
    await restored(ana)
    await ana.identity.sign_in()
    identity = ana.own_identity
    assert before.accounts[ANA] == identity.account_key
    assert before.devices[identity.device].status is DeviceStatus.ACTIVE
    assert before.devices[gone].status is DeviceStatus.REVOKED
    assert len(before.entries) == 4
    calls = len(before.calls)
    await ana.identity.sign_in()
    assert {"publish", "certify", "revoke"}.isdisjoint(before.calls[calls:])


async def test_entries_after_a_restore_are_later_than_lost_ones(world: World):
    """R37: a certificate under a key whose entry was lost counts, though it stands no higher in the log."""
    ana, key = await world.home(ANA), AccountKey.generate()
    world.service.swap_account_key(EVE, key)
    await ana.identity.catch_up()
    world.service.entries.pop()
    await restored(ana)
    await ana.identity.catch_up()
    world.service.certify(EVE, key, bytes(range(32)))
    await ana.identity.catch_up()
    assert len(await ana.archive.write(key_log_copy.certificates, EVE)) == 1


async def test_a_revocation_after_a_restore_is_found(world: World):
    """The entries that the server lost are before it here: its place in the log is another one."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    world.service.swap_account_key(EVE, AccountKey.generate())
    await ana.identity.catch_up()
    world.service.entries.pop()
    await restored(ana)
    await ana.identity.catch_up()
    await ben.identity.revoke(ben.device)
    await ana.identity.catch_up()
    found = await ana.archive.read(key_log_copy.revocation, ben.device)
    assert found is not None
    assert Revocation.read(found, verify).device == ben.device
