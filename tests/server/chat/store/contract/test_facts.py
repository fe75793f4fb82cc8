"""What a decision gets to see, for each kind of body."""

import pytest
from tests.server.chat.store.world import World, message

from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    Deleted,
    Edited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Reacted,
    RoleSet,
    Unbanned,
    Unmuted,
)
from parlour_protocol.frames.fields import MessageText, Reaction
from parlour_protocol.frames.wire import encode_body
from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.store.types import AppendEvent, Membership, RoomFacts, Target
from parlour_server.core.errors import RefusedError


async def test_a_message_gets_the_room_and_its_author(world: World) -> None:
    """For a plain message the facts are the kind of room and what the author is in it, and no more."""
    alice, bob = await world.people(2)
    room = await world.room(alice, kind=RoomKind.PRIVATE)
    (created,) = await world.events(room)
    size = len(encode_body(created.body))
    member = Membership(alice, Role.OWNER)
    assert await world.facts(room, alice, message()) == RoomFacts(RoomKind.PRIVATE, member, room_bytes=size)
    size += len(encode_body(message()))
    assert await world.facts(room, bob, message()) == RoomFacts(RoomKind.PRIVATE, None, room_bytes=size)


async def test_there_are_no_facts_about_no_room(world: World) -> None:
    """For a room that does not exist the decision is asked all the same, with no kind and no member."""
    alice = await world.account("alice")
    seen: list[RoomFacts] = []

    def note(_event: AppendEvent, facts: RoomFacts) -> None:
        seen.append(facts)

    with pytest.raises(RefusedError):
        await world.store.log.append(world.event(new_room_id(), alice, message()), note)
    assert seen == [RoomFacts(None, None)]


@pytest.mark.parametrize("body", ["reply", "edit", "delete", "react"])
async def test_a_target_is_who_wrote_what(world: World, body: str) -> None:
    """Replies, edits, deletions and reactions see their target's author and kind, or that there is none."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    await world.append(room, bob, message())

    def about(seq: int) -> AnyBody:
        bodies: dict[str, AnyBody] = {
            "reply": Message(MessageText("yes"), reply_to=Seq(seq)),
            "edit": Edited(Seq(seq), MessageText("new")),
            "delete": Deleted(Seq(seq)),
            "react": Reacted(Seq(seq), Reaction("heart"), on=False),
        }
        return bodies[body]

    assert (await world.facts(room, alice, about(2))).target == Target(Seq(2), bob, "joined")
    assert (await world.facts(room, alice, about(3))).target == Target(Seq(3), bob, "message")
    assert (await world.facts(room, alice, about(99))).target is None


async def test_reactions_are_counted_by_text(world: World) -> None:
    """A reaction sees how many others are there, and whether this one of this author is."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    await world.append(room, alice, message())
    for user, text, on in ((alice, "a", True), (bob, "a", True), (bob, "b", True), (alice, "a", False)):
        await world.append(room, user, Reacted(Seq(3), Reaction(text), on=on))

    async def seen(text: str) -> tuple[int, bool]:
        target = (await world.facts(room, alice, Reacted(Seq(3), Reaction(text), on=False))).target
        assert target is not None
        return target.reactions, target.has_reaction

    assert await seen("a") == (1, False)
    assert await seen("new") == (2, False)
    await world.append(room, alice, Reacted(Seq(3), Reaction("c"), on=True))
    assert await seen("c") == (2, True)
    assert await seen("c") == (2, False)


async def test_a_subject_is_looked_up(world: World) -> None:
    """Bodies about someone see their membership, ban and existence."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, bob)
    await world.append(room, alice, Banned(carol, until=Millis(5)))
    await world.append(room, alice, Muted(bob, until=Millis(9)))
    about_bob: list[AnyBody] = [Muted(bob, until=Millis(9)), RoleSet(bob, Role.MEMBER)]
    for body in about_bob:
        facts = await world.facts(room, alice, body)
        assert facts.subject == Membership(bob, Role.MEMBER, Millis(9))
        assert facts.subject_exists
    about_carol: list[AnyBody] = [Unmuted(carol), Banned(carol, until=Millis(5)), Kicked(carol)]
    for body in about_carol:
        facts = await world.facts(room, alice, body)
        assert (facts.subject, facts.subject_exists, facts.subject_banned_until) == (None, True, 5)
    no_one = await world.facts(room, alice, Unbanned(parse_user_name("zoe")))
    assert (no_one.subject, no_one.subject_exists, no_one.subject_banned_until) == (None, False, None)


async def test_rooms_and_owners_are_counted_when_they_matter(world: World) -> None:
    """Joining sees in how many rooms the author is; what may take an owner away sees how many there are."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    await world.room(bob)
    assert (await world.facts(room, bob, Joined())).author_rooms == 2
    await world.append(room, alice, RoleSet(bob, Role.OWNER))
    for body in (RoleSet(bob, Role.OWNER), Kicked(parse_user_name("zoe")), Left()):
        assert (await world.facts(room, alice, body)).owners == 2
