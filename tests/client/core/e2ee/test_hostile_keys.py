"""A server that lies about keys and devices: swapped, made up, kept out of the log, used twice, expired.

Nothing is sent to a key that no one vouched for; the person is told in words; what was written stays.
"""

import pytest
from msgspec.structs import replace
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE, Registered
from tests.client.core.e2ee.lying_server import LyingServer, held, noted, shown
from tests.client.core.e2ee.test_chat import GARDEN, texts
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.client import Client
from parlour_client.core.e2ee.errors import BlockedError
from parlour_client.core.e2ee.identity import key_log
from parlour_client.core.e2ee.identity.keys import CERTIFICATE, KNOWN, AccountKey, DeviceKey, sign
from parlour_client.core.e2ee.values import RoomState, Trust
from parlour_client.core.e2ee.world import quietly
from parlour_client.core.model import NoteKind
from parlour_mls import Extension, KeyPackageStore, Lifetime, Policy, Secret
from parlour_protocol.delivery import (
    ClaimedKeyPackage,
    ClaimedKeyPackages,
    ClaimKeyPackages,
    DeviceStatus,
    GroupDevice,
)
from parlour_protocol.encrypted import KeyLogSeen, ReadContent
from parlour_protocol.frames.opaque import Digest, KeyPackageBytes, Signature
from parlour_protocol.identity import Head
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, new_request_id
from parlour_protocol.kit.names import UserName, parse_device_name
from parlour_protocol.rooms import Role, RoomKind

CANARY = "CANARY"
FORGER = AccountKey(Secret(bytes(range(1, 33))))


class Ghost:
    """A device that the server made: its key, and key packages that carry whatever certificate it got."""

    def __init__(self, harness: Harness, user: UserName, account: AccountKey) -> None:
        self.harness, self.user = harness, user
        self.key = DeviceKey.generate(user, harness.server.server)
        name = parse_device_name("ghost")
        _, self.certificate = account.certify(
            user, harness.server.server, self.key.public, name, harness.clock.now()
        )

    @classmethod
    def of(cls, harness: Harness, client: Client) -> "Ghost":
        """Return a real device, for key packages that its owner never made so."""
        identity = encrypted_rooms(client).identity.identity
        assert identity is not None
        made = cls(harness, identity.user, FORGER)
        made.key, made.certificate = identity.key, identity.certified()
        return made

    def packages(self, *, certified: bool = True, days: int = 30, age: int = 0) -> list[bytes]:
        """Make some key packages."""
        now = self.harness.clock.now() // 1_000 - age * 86_400
        extensions = (Extension(CERTIFICATE, self.certificate),) if certified else ()
        return [
            KeyPackageStore().create(
                self.key.credential,
                self.key.signer,
                Lifetime(now - 3_600, now + days * 86_400),
                leaf_extensions=extensions,
                policy=Policy(extensions=KNOWN, max_lifetime=None),
            )
            for _ in range(3)
        ]

    def move_in(self, packages: list[bytes]) -> None:
        """Let the server count it as an active device of its user."""
        kept = Registered(self.user, self.key.public, DeviceStatus.ACTIVE, packages, packages[-1])
        self.harness.server.devices[self.key.id] = kept
        self.harness.server.keys_changed(self.user)


def account_of(client: Client) -> AccountKey:
    """Return someone's account key, as a thief of their device would."""
    identity = encrypted_rooms(client).identity.identity
    assert identity is not None
    assert identity.account is not None
    return identity.account


async def members(client: Client, room: RoomId) -> set[DeviceId]:
    """Return the devices in a group."""
    return {member.device for member in (await client.encryption.report(room)).members}


async def test_a_key_swapped_before_first_contact_is_seen_by_the_other_side(harness: Harness) -> None:
    """E3: no one knew the key before; the numbers differ, and the swapped person's own client cries out."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    honest = await ana.encryption.person(BEN)
    harness.server.swap_account_key(BEN, FORGER)
    harness.server.keys_changed(BEN)
    await harness.until(lambda: bool(ben.encryption.alarms()))
    assert any("key" in alarm.text for alarm in ben.encryption.alarms())
    eve = await harness.open(EVE)
    seen = await eve.encryption.person(BEN)
    assert seen.trust is Trust.FIRST_SEEN
    assert seen.safety_number != (await ben.encryption.person(EVE)).safety_number
    assert honest.safety_number == (await ben.encryption.person(ANA)).safety_number
    assert ana.encryption.trust(BEN) is Trust.CHANGED


async def test_a_key_swapped_after_contact_warns_and_sends_nothing(harness: Harness) -> None:
    """E3: warned on the window and at the message; it waits and can be read; after the decision it goes."""
    ana, ben, room = await pair(harness)
    await say(harness, ben, room, "before")
    await harness.quiet()
    harness.server.swap_account_key(BEN, FORGER)
    harness.server.keys_changed(BEN)
    await harness.until(lambda: ana.encryption.trust(BEN) is Trust.CHANGED)
    why = await held(harness, ana, room, CANARY)
    assert "ben has another account key than before. Nothing is sent until you decide" in why
    assert "/verify" in why  # what to do
    state = ana.encryption.room(room)
    assert state.state is RoomState.BLOCKED
    assert state.problem == "ben has new keys: compare them (/verify ben)"
    assert "BLOCKED" in state.label
    assert "before" in await texts(ana, room)


async def test_a_key_swapped_while_its_owner_is_verified_is_no_less_a_change(harness: Harness) -> None:
    """E3: verified once is no reason to believe the next key; a restart forgets nothing."""
    ana, _, room = await pair(harness)
    number = (await ana.encryption.person(BEN)).safety_number
    await ana.encryption.confirm(BEN, number)
    assert ana.encryption.trust(BEN) is Trust.VERIFIED
    harness.server.swap_account_key(BEN, FORGER)
    await encrypted_rooms(ana).identity.catch_up()
    await harness.close(ana)
    ana = await harness.open(ANA)
    assert ana.encryption.trust(BEN) is Trust.CHANGED
    assert "ben" in await held(harness, ana, room, CANARY)


@pytest.mark.parametrize("certified", [False, True])
async def test_a_ghost_device_without_its_owners_signature_is_not_admitted(
    harness: Harness, *, certified: bool
) -> None:
    """E3: no certificate, or one by a key that the server made: told, and everyone else is written to."""
    ana, ben, room = await pair(harness)
    ghost = Ghost(harness, BEN, FORGER)
    ghost.move_in(ghost.packages(certified=certified))
    await harness.until(lambda: ghost.key.id in encrypted_rooms(ana).reconciler.left_out.get(room, {}))
    problem = ana.encryption.room(room).problem
    assert "could not be added" in problem
    assert ("different account key from the one a member admitted" in problem) is certified
    await say(harness, ana, room, "among us")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["among us"]
    assert ghost.key.id not in await members(ana, room)


async def test_a_certified_ghost_that_the_log_hides_stops_sending(harness: Harness) -> None:
    """E3: the account key was stolen and the device kept out of the log: it is told, and gets nothing."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "before")
    ghost = Ghost(harness, BEN, account_of(ben))
    ghost.move_in(ghost.packages())
    why = await held(harness, ana, room, CANARY)
    assert "is not in the server's key log" in why
    assert any("key log" in told for told in await noted(ana, room, NoteKind.KEY_CHANGED))
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["before"]


async def test_a_certified_ghost_in_the_log_is_an_alarm_to_its_owner(harness: Harness) -> None:
    """E3: a stolen account key cannot be used unseen: the owner's client and everyone in the room tell."""
    ana, ben, room = await pair(harness)
    ghost = Ghost(harness, BEN, account_of(ben))
    harness.server.entries.append(_entry(harness, ghost))
    ghost.move_in(ghost.packages())
    await harness.until(lambda: bool(ben.encryption.alarms()))
    await harness.until_true(lambda: _is_in(ana, room, ghost), wanted=True)
    assert any("device" in alarm.text for alarm in ben.encryption.alarms())
    assert any("ben" in told for told in await noted(ana, room, NoteKind.DEVICE_ADDED))


async def _is_in(client: Client, room: RoomId, ghost: Ghost) -> bool:
    return ghost.key.id in await members(client, room)


def _entry(harness: Harness, ghost: Ghost) -> bytes:
    from parlour_protocol.identity import DeviceEntry  # noqa: PLC0415 - here alone
    from parlour_protocol.identity.key_log import encode_entry  # noqa: PLC0415

    return encode_entry(DeviceEntry(harness.clock.now(), ghost.certificate))


@pytest.mark.parametrize("lie", ["foreign", "expired", "everlasting", "garbage", "none"])
async def test_a_false_key_package_lets_no_one_in_and_is_reported(harness: Harness, lie: str) -> None:
    """The server chooses what it hands out: another device's, too old, too long, its own bytes, nothing."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    eve = await harness.open(EVE)
    device, server = ben.encryption.own().device, harness.server
    genuine = list(server.devices[device].packages)
    false = {
        "foreign": server.devices[eve.encryption.own().device].packages[:3],
        "expired": Ghost.of(harness, ben).packages(age=60),
        "everlasting": Ghost.of(harness, ben).packages(days=4_000),
        "garbage": [b"\0" * 400, b"\1" * 400, b"\2" * 400],
        "none": [],
    }[lie]
    server.devices[device].packages, last = list(false), server.devices[device].last_resort
    server.devices[device].last_resort = false[-1] if false else None
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    await harness.invite(ana, room, BEN)  # this server makes him a member at once
    await ana.encryption.settle(room)
    assert "could not be added" in ana.encryption.room(room).problem
    assert await members(ana, room) == {ana.encryption.own().device}
    assert (await ana.encryption.report(room)).without_device == [BEN]
    await say(harness, ana, room, "alone")
    server.devices[device].packages, server.devices[device].last_resort = genuine, last
    await ana.encryption.settle(room)
    await harness.quiet()
    await say(harness, ana, room, "both")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["both"]


async def test_a_greeting_with_a_false_time_brings_no_old_key_package_into_a_group(harness: Harness) -> None:
    """Ben was away for too long; a server whose time is that of his key packages does not change that."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    await harness.close(ben)
    await harness.close(ana)
    days = 35 * 86_400
    harness.clock.advance(days)
    harness.ahead = -days * 1_000
    ana = await harness.open(ANA)
    room = (await ana.rooms.open_direct(BEN)).id
    assert await members(ana, room) == {ana.encryption.own().device}
    left_out = encrypted_rooms(ana).reconciler.left_out[room]
    assert [
        "that of ben: it has expired by the clock of this device" in why for why in left_out.values()
    ] == [True]


async def test_one_key_package_handed_out_twice_is_refused_the_second_time(harness: Harness) -> None:
    """The first room works; in the second the newcomer says that it was not added, and that one goes on."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    eve = await harness.open(EVE)
    device = ben.encryption.own().device
    twice = harness.server.devices[device].packages[0]
    for line in harness.lines.values():
        line.claim = _always(line.claim, device, twice)  # type: ignore[method-assign]
    first = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    await harness.invite(ana, first, BEN)
    await ana.encryption.settle(first)
    await shown(harness, ben, first)
    second = (await eve.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    await harness.invite(eve, second, BEN)
    await eve.encryption.settle(second)
    await harness.until(lambda: harness.head(ben, second) >= harness.server.rooms[second].head)
    await shown(harness, ben, second)
    await say(harness, ana, first, "genuine")
    await shown(harness, ben, first)
    assert await texts(ben, first) == ["genuine"]
    told = [entry.trouble for entry in await ben.history.timeline(second) if entry.trouble]
    assert any("invitation did not arrive" in one for one in told)
    await say(harness, eve, second, "unread")
    assert await texts(eve, second) == ["unread"]


def _always(claim: object, device: DeviceId, package: bytes) -> object:
    async def answer(body: ClaimKeyPackages) -> ClaimedKeyPackages:
        honest: ClaimedKeyPackages = await claim(body)  # type: ignore[operator]
        lied = [
            ClaimedKeyPackage(device=one.device, package=KeyPackageBytes(package))
            if one.device == device
            else one
            for one in honest.packages
        ]
        return ClaimedKeyPackages(packages=tuple(lied))

    return answer


async def test_a_forked_key_log_is_an_alarm_on_both_sides(harness: Harness) -> None:
    """E3: two people were shown two logs; the first message each way says so, for ever, and is read."""
    ana, ben, room = await pair(harness)
    harness.lines[ben].service = harness.server.fork()  # from here on ben is shown a log of his own
    harness.server.swap_account_key(EVE, FORGER)
    harness.lines[ben].service.swap_account_key(EVE, AccountKey(Secret(bytes(32))))
    for client in (ana, ben):
        await encrypted_rooms(client).identity.catch_up()
    await say(harness, ana, room, "to ben")
    await say(harness, ben, room, "to ana")
    for client in (ana, ben):
        await shown(harness, client, room)
        await harness.until(lambda c=client: bool(c.encryption.alarms()))  # type: ignore[misc]
        (alarm,) = client.encryption.alarms()
        assert alarm.permanent
        assert "different keys to different people" in alarm.text
        assert await texts(client, room) == ["to ben", "to ana"]


async def test_a_server_that_tells_no_one_of_new_keys_is_overtaken_by_a_message(harness: Harness) -> None:
    """E3: what a member has seen of the log is in each message: who is behind fetches it at once."""
    ana, ben, room = await pair(harness)
    harness.server.swap_account_key(EVE, FORGER)  # and tells no one
    await encrypted_rooms(ben).identity.catch_up()
    before = await parts(ana).archive.write(key_log.seen)
    await say(harness, ben, room, "have you heard?")
    await harness.until_true(
        lambda: parts(ana).archive.write(key_log.seen), await parts(ben).archive.write(key_log.seen)
    )
    assert await parts(ana).archive.write(key_log.seen) != before


async def test_a_key_log_that_was_rolled_back_is_an_alarm(harness: Harness) -> None:
    """E3: what it showed once it cannot take back; the chat goes on with the keys that are known."""
    ana, ben, room = await pair(harness)
    harness.server.entries.pop()
    await quietly(encrypted_rooms(ana).identity.catch_up())
    (alarm,) = ana.encryption.alarms()
    assert alarm.permanent
    assert "took entries out of its key log" in alarm.text
    await say(harness, ana, room, "still here")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["still here"]


async def test_an_endless_key_log_is_refused_and_open_rooms_go_on(harness: Harness) -> None:
    """A log that is said to be longer than any honest one costs one question."""
    ana, ben, room = await pair(harness)
    line = harness.lines[ana]
    honest = line.key_log

    async def endless(after: int) -> object:
        page, head = await honest(after), Head(10_000_000, bytes(32))
        signature = Signature(sign(harness.server.log_seed, head.to_be_signed(harness.server.server)))
        return replace(page, size=head.size, head=Digest(head.root), signature=signature)

    line.key_log = endless  # type: ignore[method-assign, assignment]
    calls = len(harness.server.calls)
    await quietly(encrypted_rooms(ana).identity.catch_up())
    assert harness.server.calls[calls:].count("log") == 1
    await say(harness, ana, room, "still here")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["still here"]


async def test_a_head_that_a_member_makes_up_is_an_alarm_that_names_them(harness: Harness) -> None:
    """Either the server lies or that person's device does: the words say both."""
    ana, ben, room = await pair(harness)
    false = KeyLogSeen(size=1, root=Digest(b"\7" * 32))
    await parts(ana).archive.write(key_log.compare, BEN, false, harness.clock.now())
    await encrypted_rooms(ana).identity.refresh()
    (alarm,) = ana.encryption.alarms()
    assert "ben" in alarm.text
    assert "Either the server lies" in alarm.text
    await say(harness, ben, room, "still here")
    await shown(harness, ana, room)
    assert await texts(ana, room) == ["still here"]


async def test_a_stranger_that_the_server_lists_reads_nothing_and_is_named(harness: Harness) -> None:
    """M21: one row in the server's table and no event: not added, told once, and the room goes on."""
    ana, ben, room = await pair(harness)
    eve = await harness.open(EVE)
    harness.server.rooms[room].members[EVE] = Role.MEMBER
    harness.server.group_changed(harness.server.rooms[room])
    await say(harness, ana, room, "among us")
    await say(harness, ben, room, "among us two")
    for client in (ana, ben):
        await client.encryption.settle(room)
        await shown(harness, client, room)
        assert await texts(client, room) == ["among us", "among us two"]
        told = [alarm.text for alarm in client.encryption.alarms()]
        words = "The server lists eve as a member; no member admitted them. Nothing is sent to them."
        assert told == [f"garden: {words}"]  # it stands on every window
        told = [words]
        assert client.encryption.room(room).claims == told
        assert await client.encryption.claims(room) == told
        report = await client.encryption.report(room)
        assert EVE not in {member.user for member in report.members}
        ghost = next(one for one in report.people if one.user == EVE)
        assert (ghost.admitted_by, ghost.claimed_by_server, ghost.devices) == (None, True, [])
        known = {one.user: one.admitted_by for one in report.people if one.user != EVE}
        assert known == {ANA: ANA, BEN: ANA}
    assert eve.encryption.own().device not in harness.server.rooms[room].present
    await harness.invite(ana, room, EVE)  # she may be admitted after all, by a member who wants it
    await harness.until(lambda: eve.encryption.own().device in harness.server.rooms[room].present)
    assert EVE in {member.user for member in (await ana.encryption.report(room)).members}
    assert ana.encryption.alarms() == []


async def test_a_direct_message_lets_in_no_third_person(harness: Harness) -> None:
    """The same lie in a direct room is refused: it is between two, whatever the server says."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    eve = await harness.open(EVE)
    room = (await ana.rooms.open_direct(BEN)).id
    await harness.quiet()
    device = eve.encryption.own().device
    honest = harness.server.state
    for claimed in (EVE, BEN):  # as herself, and as one more device of ben's
        stranger = GroupDevice(device=device, user=claimed)
        harness.server.state = lambda of, stranger=stranger: replace(honest(of), missing=(stranger,))  # type: ignore[method-assign, misc]
        await ana.encryption.settle(room)
        assert device not in await members(ana, room)
        words = "The server lists eve as a member" if claimed == EVE else "could not be added"
        assert words in ana.encryption.room(room).problem
    harness.server.state = honest  # type: ignore[method-assign]
    await say(harness, ana, room, "between us")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["between us"]


async def test_a_member_that_the_server_drops_is_not_removed(harness: Harness) -> None:
    """M21: no member asked for it: told once, and what is written is still for them."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "before")
    await shown(harness, ben, room)
    device = ben.encryption.own().device
    honest = harness.server.state
    gone = GroupDevice(device=device, user=BEN)
    harness.server.state = lambda of: replace(honest(of), leaving=(gone,))  # type: ignore[method-assign]
    await ana.encryption.settle(room)
    told = (
        "The server wants ben, or a device of theirs, out of this room, but no member removed them, and they "
        "revoked no device. They can still read this room."
    )
    assert [alarm.text for alarm in ana.encryption.alarms()] == [f"garden: {told}"]
    assert told in ana.encryption.room(room).problem
    assert device in await members(ana, room)
    harness.server.state = honest  # type: ignore[method-assign]
    await ana.encryption.settle(room)
    assert ana.encryption.alarms() == []
    await say(harness, ana, room, "after")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["before", "after"]


@pytest.mark.parametrize("swap", ["peer", "kind"])
async def test_a_room_that_is_called_another_sends_nothing(harness: Harness, swap: str) -> None:
    """`@ben` is shown as `@eve`, or a group room as a direct one: what is written would reach others."""
    ana, ben, room = await pair(harness)
    direct = (await ana.rooms.open_direct(BEN)).id
    await harness.quiet()
    await say(harness, ana, direct, "before")
    which = direct if swap == "peer" else room
    await harness.close(ana)
    liar = LyingServer(harness)
    changes = {"peer": {"peer": EVE}, "kind": {"kind": RoomKind.DIRECT, "peer": EVE, "name": None}}[swap]
    liar.summaries[ANA] = lambda one: replace(one, **changes) if one.room == which else one
    ana = await harness.open(ANA)
    why = await held(harness, ana, which, CANARY)
    assert "server" in why
    assert ana.encryption.room(which).state is RoomState.BLOCKED
    assert "server" in ana.encryption.room(which).problem
    sealed = encrypted_rooms(ana)
    with pytest.raises(BlockedError):  # what is in no outbox neither
        await sealed.world.say(which, ReadContent(target=new_request_id()))
    await harness.close(ana)
    liar.summaries.clear()
    ana = await harness.open(ANA)
    await harness.until(lambda: not parts(ana).outbox.unsent(which))
    await shown(harness, ben, which)
    assert (await texts(ben, which))[-1] == CANARY
