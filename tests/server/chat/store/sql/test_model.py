"""Random runs of events against a model that fits on one screen."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.server.chat.store.world import FakeClock, World, message

from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    Blank,
    Deleted,
    Joined,
    Kicked,
    Left,
    MembershipChange,
    Message,
    RoleSet,
)
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role
from parlour_server.chat.program import CHAT

PEOPLE = 4
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "join", "leave", "kick", "ban", "role", "delete"]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, PEOPLE - 1),
        st.sampled_from(list(Role)),
        st.integers(1, 12),
    ),
    max_size=25,
)
Step = tuple[str, int, int, Role, int]


class Model:
    """A room as it should be: who is in it since when, and the bodies of its log."""

    def __init__(self, owner: UserName, first: AnyBody) -> None:
        """Begin with an owner and event 1."""
        self.members: dict[UserName, tuple[Role, int]] = {owner: (Role.OWNER, 1)}
        self.log: list[AnyBody] = [first]

    def append(self, author: UserName, body: AnyBody) -> None:
        """Apply the body, and choose the next owner if there is none."""
        self.log.append(body)
        match body:
            case Joined():
                self.members.setdefault(author, (Role.MEMBER, len(self.log)))
            case Left():
                self.members.pop(author, None)
            case Kicked(who=who) | Banned(who=who):
                self.members.pop(who, None)
            case RoleSet(who=who, role=role) if who in self.members:
                self.members[who] = (role, self.members[who][1])
            case Deleted(target=target) if isinstance(self.log[target - 1], Message):
                self.log[target - 1] = Blank("message")
            case _:
                pass
        if isinstance(body, MembershipChange):
            self.log[-1] = replace(body, members=len(self.members))
        self._name_heir(body)

    def _name_heir(self, cause: AnyBody) -> None:
        roles = [role for role, _ in self.members.values()]
        if Role.OWNER in roles or not roles or isinstance(cause, Message | Deleted):
            return
        best = Role.MODERATOR if Role.MODERATOR in roles else Role.MEMBER
        _, who = min((since, who) for who, (role, since) in self.members.items() if role is best)
        self.members[who] = (Role.OWNER, self.members[who][1])
        self.log.append(RoleSet(who, Role.OWNER))


def body_of(step: Step, model: Model, people: list[UserName]) -> AnyBody:
    """Return the body that a step appends; a deletion is always of a message."""
    what, _, subject, role, seq = step
    who = people[subject]
    bodies: dict[str, AnyBody] = {
        "join": Joined(),
        "leave": Left(),
        "kick": Kicked(who),
        "ban": Banned(who),
        "role": RoleSet(who, role),
    }
    if what == "delete" and seq <= len(model.log) and isinstance(model.log[seq - 1], Message):
        return Deleted(Seq(seq))
    return bodies.get(what, message(f"{seq}"))


async def run(path: Path, steps: list[Step]) -> None:
    """Do the steps in a new store and in the model, and compare."""
    clock = FakeClock()
    store = CHAT.make_store(path, clock)
    await store.open()
    world = World(store, clock)
    people = await world.people(PEOPLE)
    # in an order that is not that of their names, so that one cannot stand for the other
    room = await world.room(people[0], *reversed(people[1:]))
    model = Model(people[0], (await world.events(room))[0].body)
    for person in reversed(people[1:]):
        model.append(person, Joined())
    for step in steps:
        body = body_of(step, model, people)
        await world.append(room, people[step[1]], body)
        model.append(people[step[1]], body)
    events = await world.events(room)
    found, _ = await store.rooms.members(room, after=None, limit=PEOPLE)
    await store.close()
    assert [event.body for event in events] == model.log
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert {each.user: each.role for each in found} == {who: role for who, (role, _) in model.members.items()}


@settings(max_examples=40)
@given(steps=STEPS)
def test_a_room_is_what_the_model_says(new_database: Path, steps: list[Step]) -> None:
    """After any run of events, members, roles and the log are those of the model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parlour.db"
        path.write_bytes(new_database.read_bytes())
        asyncio.run(run(path, steps))
