"""Groups over the API: one commit an epoch, packages for who belongs in, Welcomes for their device."""

import asyncio
import json
from collections.abc import Iterable

import pytest
from tests.server.chat.delivery.https.api_harness import Home, Village, commit_of
from tests.server.fakes import ReadableAudit, StoppedClock

from parlour_protocol.delivery import Contest, GroupDevice
from parlour_protocol.frames.bodies import Contested, GroupCreated, Handshake, Invited, Joined, Kicked
from parlour_protocol.frames.opaque import HandshakeBytes, StatementBytes, TreeBytes, WelcomeBytes
from parlour_protocol.frames.replies import KeyPackagesLow, LogEvent
from parlour_protocol.ids import Epoch, RoomId, new_group_id
from parlour_protocol.kit.api import encode_payload
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.ids import DeviceId, new_request_id
from parlour_protocol.rooms import RoomSuite
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.service.notices import DeviceEphemeral
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.audit import AuditEvent

RATES = ChatSettings().rates

SIGNED = StatementBytes(b"signed")
"""The store accepts any bytes: callers check them."""


async def test_a_group_is_created_and_others_are_added(village: Village, told: list[LogEvent]) -> None:
    """Adding devices: state, claim, commit with a Welcome; each is published after it is on disk."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    group = new_group_id()
    assert (await ada.found(room, group=group)).status_code == 201
    assert _ids((await ada.group(room)).missing) == {bob.device}
    claimed = await ada.claimed(room, bob.device)
    assert len(claimed.packages) == 1
    made = await ada.commit(room, group, 0, (bob.device,))
    assert made.status_code == 201
    state = await bob.group(room)
    assert (state.epoch, _ids(state.present), state.missing) == (1, {ada.device, bob.device}, ())
    assert [type(event.body) for event in told[-2:]] == [GroupCreated, Handshake]
    [reported] = [event for event in told if event.seq == made.json()["seq"]]
    assert b"welcome" not in encode(reported)


async def test_two_commits_for_one_epoch_have_one_winner(village: Village) -> None:
    """Compare-and-set: the loser gets stale_epoch, and nothing of it is stored, its Welcome neither."""
    ada, bob, eve = [await village.person(name) for name in ("ada", "bob", "eve")]
    room = await village.room(ada, bob)
    group = new_group_id()
    await ada.found(room, group=group)
    await ada.commit(room, group, 0, (bob.device,))
    await ada.ask("DELETE", f"/v1/welcomes/{(await _welcomes(bob))[0]}")

    await village.append(ada, room, Invited(who=eve.user))
    await village.append(eve, room, Joined(statement=SIGNED))
    answers = await asyncio.gather(
        ada.commit(room, group, 1, (eve.device,)), bob.commit(room, group, 1, (eve.device,))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    [lost] = [answer for answer in answers if answer.status_code == 409]
    assert lost.json()["error"] == "stale_epoch"
    assert len(await _welcomes(eve)) == 1
    assert (await ada.group(room)).epoch == 2


def _ids(devices: Iterable[GroupDevice]) -> set[DeviceId]:
    return {one.device for one in devices}


async def _welcomes(home: Home) -> list[str]:
    answer = await home.ask("GET", f"/v1/devices/{home.device}/welcomes")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["welcomes"]]


async def test_a_commit_sent_twice_is_one_commit(village: Village) -> None:
    """A lost answer: the same request again gets the same number."""
    ada = await village.person("ada")
    room = await village.room(ada)
    group = new_group_id()
    await ada.found(room, group=group)
    body = commit_of(group, 0)
    first = await ada.ask("POST", f"/v1/rooms/{room}/commits", body)
    again = await ada.ask("POST", f"/v1/rooms/{room}/commits", body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (await ada.group(room)).epoch == 1


async def test_a_foreign_inbox_stays_shut(village: Village) -> None:
    """Welcomes are private: other accounts don't see them, and neither do one's own other devices."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    group = new_group_id()
    await ada.found(room, group=group)
    await ada.commit(room, group, 0, (bob.device,))
    [welcome] = await _welcomes(bob)
    other = await village.login("bob", bob.account)
    for stranger in (ada, other):
        refused = await stranger.ask("GET", f"/v1/devices/{bob.device}/welcomes")
        assert (refused.status_code, refused.json()["error"]) == (403, "no_device")
    assert (await ada.ask("DELETE", f"/v1/welcomes/{welcome}")).status_code == 404
    assert (await other.ask("DELETE", f"/v1/welcomes/{welcome}")).status_code == 403
    assert await _welcomes(bob) == [welcome]
    assert (await bob.ask("DELETE", f"/v1/welcomes/{welcome}")).status_code == 204
    assert await _welcomes(bob) == []


async def test_a_stranger_learns_nothing_about_a_rooms_group(village: Village) -> None:
    """Every operation answers a stranger as for a room that is not there."""
    ada, eve = await village.person("ada"), await village.person("eve")
    room = await village.room(ada)
    group = new_group_id()
    await ada.found(room, group=group)
    nowhere = RoomId("n" * 22)
    for place in (room, nowhere):
        for answer in (
            await eve.ask("GET", f"/v1/rooms/{place}/group"),
            await eve.found(place, replaces=group),
            await eve.commit(place, group, 0),
            await eve.ask("POST", f"/v1/rooms/{place}/contests", Contest(new_request_id(), group, Epoch(1))),
            await eve.claim(place, ada.device),
        ):
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_session_without_a_device_touches_no_group(village: Village) -> None:
    """With only a stolen session token one can't create a group, commit, contest or claim."""
    ada = await village.person("ada")
    room = await village.room(ada)
    group = new_group_id()
    await ada.found(room, group=group)
    thief = await village.login("ada", ada.account)
    for answer in (
        await thief.found(room, replaces=group),
        await thief.commit(room, group, 0),
        await thief.ask("POST", f"/v1/rooms/{room}/contests", Contest(new_request_id(), group, Epoch(0))),
        await thief.claim(room, ada.device),
        await thief.ask("DELETE", f"/v1/welcomes/{'w' * 22}"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "no_device")


async def test_a_pending_device_cannot_found_a_group(village: Village) -> None:
    """Without a certificate no one vouches for it."""
    ada = await village.person("ada")
    room = await village.room(ada)
    phone = await village.login("ada", ada.account)
    await phone.ask("POST", "/v1/devices", phone.registration())
    refused = await phone.found(room)
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "changed",
    [
        {"welcome": None},
        {"tree": None},
        {"added": (), "welcome": WelcomeBytes(b"w"), "tree": TreeBytes(b"t")},
        {"added": (), "welcome": WelcomeBytes(b"w")},
        {"added": (), "tree": TreeBytes(b"t")},
    ],
)
async def test_welcome_and_tree_go_with_devices_that_are_added(
    village: Village, changed: dict[str, object]
) -> None:
    """A Welcome for no one is storage for nothing; a newcomer without one could read nothing."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    group = new_group_id()
    await ada.found(room, group=group)
    fields = {"added": (bob.device,), **changed}
    refused = await ada.ask("POST", f"/v1/rooms/{room}/commits", commit_of(group, 0, **fields))
    if fields["added"] == () and "welcome" not in changed:
        assert refused.json()["error"] == "malformed"
    assert refused.status_code == 400
    assert (await ada.group(room)).epoch == 0


async def test_a_ghost_device_is_not_added(village: Village) -> None:
    """A device that no member stands behind, or whose owner is not in the room, enters no group."""
    ada, bob, eve = [await village.person(name) for name in ("ada", "bob", "eve")]
    room = await village.room(ada, bob)
    group = new_group_id()
    await ada.found(room, group=group)
    for ghost in (eve.device, DeviceId("a" * 26)):
        refused = await ada.commit(room, group, 0, (bob.device, ghost))
        assert (refused.status_code, refused.json()["error"]) == (409, "stale_epoch")
        claimed = await ada.claimed(room, ghost)
        assert claimed.packages == ()
    assert (await eve.info()).packages == 5


async def test_a_current_member_cannot_be_removed(village: Village) -> None:
    """An unjustified removal is refused; after a kick it is the only allowed change."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    group = new_group_id()
    await ada.found(room, group=group)
    await ada.commit(room, group, 0, (bob.device,))
    assert (await ada.commit(room, group, 1, removed=(bob.device,))).status_code == 409
    await village.append(ada, room, Kicked(who=bob.user, statement=SIGNED))
    assert _ids((await ada.group(room)).leaving) == {bob.device}
    assert (await ada.commit(room, group, 1, removed=(bob.device,))).status_code == 201
    assert _ids((await ada.group(room)).present) == {ada.device}


async def test_a_contest_is_published_and_allows_a_new_group(village: Village, told: list[LogEvent]) -> None:
    """A member that cannot follow says so; the owner founds another group; the old one is over."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    group, other = new_group_id(), new_group_id()
    await ada.found(room, group=group)
    await ada.commit(room, group, 0, (bob.device,))
    assert (await ada.found(room, group=other, replaces=group)).json()["error"] == "stale_epoch"
    body = Contest(new_request_id(), group, Epoch(1))
    assert (await bob.ask("POST", f"/v1/rooms/{room}/contests", body)).status_code == 201
    assert isinstance(told[-1].body, Contested)
    assert (await ada.group(room)).contested
    assert (await ada.found(room, group=other, replaces=group)).status_code == 201
    assert (await bob.commit(room, group, 1)).json()["error"] == "stale_epoch"
    assert await _welcomes(bob) == []


async def test_a_single_use_package_is_given_once(village: Village) -> None:
    """Of claims at the same time each gets another package: none is handed out twice."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    answers = await asyncio.gather(*(ada.claim(room, bob.device) for _ in range(5)))
    packages = [answer.json()["packages"][0]["package"] for answer in answers]
    assert len(set(packages)) == 5
    assert (await bob.info()).packages == 0


async def test_a_device_is_notified_when_its_packages_run_low(
    village: Village, notices: list[object]
) -> None:
    """So that it brings more before someone can only be given the last one."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    notices.clear()
    for _ in range(6):
        await ada.claimed(room, bob.device)
    reported = [notice for notice in notices if isinstance(notice, DeviceEphemeral)]
    assert {notice.device for notice in reported} == {bob.device}
    assert [(n.frame.left, n.frame.last_resort_used) for n in reported] == [
        (4, False),
        (3, False),
        (2, False),
        (1, False),
        (0, False),
        (0, True),
    ]
    assert KeyPackagesLow(left=0, last_resort_used=True) == reported[-1].frame


async def test_packages_of_post_quantum_rooms_run_low_later(village: Village, notices: list[object]) -> None:
    """There are sixteen of them, and more are asked for below six; the other suite's stay as they were."""
    ada, bob = await village.person("ada"), await village.person("bob")
    room = await village.room(ada, bob)
    await bob.bring(16, suite=RoomSuite.X_WING)
    notices.clear()
    for _ in range(11):
        answer = await ada.claim(room, bob.device, suite=RoomSuite.X_WING)
        assert len(answer.json()["packages"]) == 1
    reported = [notice.frame.left for notice in notices if isinstance(notice, DeviceEphemeral)]
    assert reported == [6, 5]
    info = await bob.info()
    assert (info.packages, info.hybrid_packages, info.hybrid_last_resort) == (5, 5, True)


async def test_one_person_cannot_use_up_anothers_packages(
    village: Village, clock: StoppedClock, audit: ReadableAudit
) -> None:
    """Exhaustion: over the budget for one person nothing is given, while others still get packages."""
    bob, eve, ada = [await village.person(name) for name in ("bob", "eve", "ada")]
    room = await village.room(eve, bob, ada)
    most = RATES.claims_per_person_per_hour
    await bob.bring(45)
    answers = [await eve.claim(room, bob.device) for _ in range(most + 1)]
    assert [answer.status_code for answer in answers] == [200] * most + [429]
    assert (AuditEvent.LIMIT_HIT, "claims_of_person") in [(e, f.get("limit")) for e, f in audit.events]
    # beside someone who is under it, they are left out like those who have none
    mixed = await eve.claimed(room, bob.device, ada.device)
    assert [one.device for one in mixed.packages] == [ada.device]
    assert (await ada.claim(room, bob.device)).status_code == 200
    clock.pass_seconds(3600)
    assert (await eve.claim(room, bob.device)).status_code == 200


async def test_a_claim_flood_is_limited(village: Village) -> None:
    """R1: devices that do not exist count as well, so that no one can ask through all ids."""
    eve = await village.person("eve")
    room = await village.room(eve)
    ids = [DeviceId(f"{'abcdefgh'[n % 8]}{'a' * 23}{'abcdefgh'[n // 8]}a") for n in range(64)]
    codes = [(await eve.claim(room, *ids)).status_code for _ in range(RATES.claims_per_hour // 64 + 1)]
    assert codes == [200] * (RATES.claims_per_hour // 64) + [429]


async def test_commits_are_limited_before_their_bodies_are_read(
    village: Village, budgets: DeliveryBudgets
) -> None:
    """R1: each goes to everyone in the room; over the limit not even a good body is looked at."""
    ada = await village.person("ada")
    room = await village.room(ada)
    bad = await ada.ask("POST", f"/v1/rooms/{room}/commits", content=b"x" * 100)
    assert bad.status_code == 415
    for _ in range(RATES.commits_per_minute - 1):
        budgets.commit(ada.user)
    for path, body in (("commits", b"x" * 100), ("contests", encode_payload(_contest()))):
        headers = {"Content-Type": "application/json"}
        refused = await ada.ask("POST", f"/v1/rooms/{room}/{path}", content=body, headers=headers)
        assert refused.status_code == 429


def _contest() -> Contest:
    return Contest(new_request_id(), new_group_id(), Epoch(0))


async def test_a_commit_may_be_large_and_other_bodies_may_not(village: Village) -> None:
    """The caps come from the table of operations: 7 MB where a tree goes, 4 KiB elsewhere."""
    ada = await village.person("ada")
    room = await village.room(ada)
    group = new_group_id()
    await ada.found(room, group=group)
    large = commit_of(group, 0, data=HandshakeBytes(bytes(250_000)))
    assert (await ada.ask("POST", f"/v1/rooms/{room}/commits", large)).status_code == 201
    body = json.dumps({"request": "A" * 22, "group": "g" * 43, "x": "y" * 5000}).encode()
    json_type = {"Content-Type": "application/json"}
    for path in (f"/v1/rooms/{room}/group", f"/v1/rooms/{room}/contests", "/v1/devices"):
        refused = await ada.ask("POST", path, content=body, headers=json_type)
        assert (refused.status_code, refused.json()["error"]) == (413, "body_too_large")
