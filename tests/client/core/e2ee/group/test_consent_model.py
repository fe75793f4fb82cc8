"""The model of consent with the real client: what it plans, and when it sends nothing.

A device's archive is filled with what it knows, and its planner asked for the next commit.
``PARLOUR_SOAK=20`` searches twenty times as many states.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any, Final, cast

import apsw
import pytest
from tests.protocol.identity.signing import NOW, SERVER
from tests.protocol.membership.consent_model import (
    KEYS,
    MALLORY,
    OWNERS,
    Model,
    State,
    World,
    certified,
    device_id,
    search,
)
from tests.protocol.membership.people import DAY, ROOM, account, name

from parlour_client.core.archive import key_log_copy
from parlour_client.core.archive.schema import create
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.group import plan, statements
from parlour_client.core.e2ee.group.rules import RoomRules
from parlour_client.core.e2ee.group.store import Groups, StoredGroup
from parlour_client.core.e2ee.identity.keys import CERTIFICATE
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_mls import Extension
from parlour_protocol.delivery import DeviceStatus, GroupState
from parlour_protocol.ids import Epoch
from parlour_protocol.kit.ids import Incarnation, Millis
from parlour_protocol.membership import Admit, Remove, Request, Withdraw
from parlour_protocol.rooms import RoomKind

SOAK = int(os.environ.get("PARLOUR_SOAK", "1"))
STATES = 250
_STATE: Final = GroupState(epoch=Epoch(1), incarnation=Incarnation("i" * 22))
_SUBTRACTS: Final = (Withdraw, Remove)


@cache
def leaf(user: str, device: str) -> Any:
    """Return what the client reads of a leaf: its certificate."""
    return SimpleNamespace(extensions=(Extension(CERTIFICATE, certified(user, device=device)),))


@dataclass
class ClientModel(Model):
    """The model, in which honest devices do what the client does."""

    connection: apsw.Connection = field(default_factory=lambda: apsw.Connection(":memory:"))
    _plans: dict[Any, tuple[tuple[int, ...], bool, frozenset[int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        create(self.connection)
        for position, user in enumerate(("ada", "ben", "mallory")):
            key_log_copy.set_account(self.connection, name(user), account(user), NOW, position)

    def holds(self, state: State, device: int) -> bool:
        """Return whether the client sends nothing."""
        return self._decides_what(state, device)[1]

    def lacks(self, state: State, device: int, those: frozenset[int]) -> frozenset[int]:
        """Return what the client's messages tell of, when asked for that."""
        if those == state.devices[device].known and self.rules.gossip:
            return self._decides_what(state, device)[2]
        return super().lacks(state, device, those)

    def _planned(self, state: State, device: int) -> Iterator[tuple[tuple[int, ...], int]]:
        if self._is_evil(device):
            yield from super()._planned(state, device)
        elif evidence := self._decides_what(state, device)[0]:
            now, roster = self.now(state, device), self.nodes[state.devices[device].node].roster
            assert self.after(state, roster, evidence, now, OWNERS[device]) is not None  # the others follow
            yield evidence, now

    def _decides_what(self, state: State, device: int) -> tuple[tuple[int, ...], bool, frozenset[int]]:
        """Return what the client executes, whether it sends nothing, and what its messages tell."""
        d = state.devices[device]
        adds = frozenset(one for one in state.signed if not isinstance(self.act(one), _SUBTRACTS))
        when = self.now(state, device), self.servers_time(state, device)
        asked = d.node, d.known, adds, device, when, state.revoked
        if asked not in self._plans:
            self.connection.execute("BEGIN")
            self._plans[asked] = self._asked(state, device, sorted(d.known | adds), *when)
            self.connection.execute("ROLLBACK")
        return self._plans[asked]

    def _asked(
        self, state: State, device: int, known: list[int], here: int, server: int
    ) -> tuple[tuple[int, ...], bool, frozenset[int]]:
        for one in known:
            statements.learn(self.connection, ROOM, self.statements[one].data)
        node, done = self.nodes[state.devices[device].node], list[int]()
        while node.parent is not None:
            done = [*node.evidence, *done]
            node = self.nodes[node.parent]
        statements.executed(self.connection, ROOM, [self.statements[one] for one in done])
        if state.revoked:
            key_log_copy.revoke(self.connection, device_id("ada", device="phone"), b"")
        stored, own = self._group(state, device), self._own(device)
        clocks = plan.Clocks(_time(here), Millis(_time(server) + 1))  # less than a day away
        planned = plan.plan_commit(self.connection, Groups(own), stored, _STATE, None, clocks)
        evidence = tuple(self.statements.number(data, None) for data in planned.statements)
        try:
            told = statements.require_healed(self.connection, stored, _time(here))
        except NotReadyError:
            return evidence, True, frozenset()
        return evidence, False, frozenset(self.statements.number(one.statement, None) for one in told)

    def _own(self, device: int) -> OwnIdentity:
        certificate = certified(str(OWNERS[device]), device=KEYS[device])
        key = cast("Any", SimpleNamespace(id=device_id(str(OWNERS[device]), device=KEYS[device])))
        return OwnIdentity(OWNERS[device], SERVER, key, None, None, certificate, DeviceStatus.ACTIVE)

    def _group(self, state: State, device: int) -> StoredGroup:
        """Return the group of a device, of which the client looks only at the leaves' certificates."""
        roster = self.roster(state.devices[device])
        leaves = [leaf(str(one.user), "device") for one in roster.people]
        leaves += [leaf("ada", "phone")] if self.world.phone and not state.revoked else []
        members = SimpleNamespace(members=lambda: enumerate(leaves), nodes=())
        group = cast("Any", SimpleNamespace(tree=members))
        return StoredGroup(
            cast("Any", "g"), ROOM, "active", b"", group, RoomRules(roster, self._succeeds), NOW
        )


def _time(day: int) -> Millis:
    return Millis(NOW + day * DAY)


WORLDS = {
    world.name: world
    for world in (
        World("an invitation", "admit withdraw accept"),
        World("mallory takes it back", "admit accept mallory-withdraws"),
        World("time passes", "admit accept", days=3),
        World("ben's clock is behind", "admit withdraw accept", days=4, clocks=(0, -4, 0)),
        World("two invitations", "admit ben-admits withdraw accept"),
        World("kicked", "admit ben-admits accept kick"),
        World("the inviter leaves", "ben-admits accept leave"),
        World("banned, a race", "admit accept ban", days=1),
        World("banned, ben's clock is ahead", "ben-admits accept ban", clocks=(0, 9, 0)),
        World("a public room", "request kick", days=1, kind=RoomKind.PUBLIC),
        World("banned there", "request ban", days=4, clocks=(0, 1, 0), kind=RoomKind.PUBLIC),
        World("two bans", "admit accept ban ben-bans unban", days=3, moderator=True),
        World("a role", "ben-admits accept withdraw role", evil=True),
        World("a member bans", "admit accept ben-bans", evil=True),
        World("an accomplice", "admit ben-admits accept withdraw ban", days=1, evil=True),
        World("two devices", "admit accept withdraw revoke", phone=True),
        World("a revoked device", "phone-admits accept revoke", phone=True),
    )
}
HONEST = [
    World("an invitation", "admit withdraw accept", depth=99, days=1, clocks=(0, 1, 0)),
    World("two invitations", "admit ben-admits withdraw accept", depth=99),
    World("kicked", "admit ben-admits accept kick", depth=99),
    World("banned", "admit accept ban", depth=99, days=4, clocks=(0, 1, 0)),
    World("a wrong clock", "admit ben-admits accept ban", depth=99, days=4, clocks=(-4, 0, 0)),
    World("a slow moderator", "admit accept ban", depth=99, days=4, clocks=(0, -4, 0), moderator=True),
    World("a public room", "request kick", depth=99, days=1, kind=RoomKind.PUBLIC),
    World("two bans", "admit accept ban ben-bans unban", depth=99, days=3, moderator=True),
    World("two devices", "admit accept withdraw revoke", depth=99, phone=True),
]


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
def test_a_hostile_server_lets_nobody_in(world: World) -> None:
    """The client adds nobody and sends to nobody who must not be in, and passes on what it knows."""
    assert search(ClientModel(world), STATES * SOAK).holes == {}


@pytest.mark.parametrize("world", HONEST, ids=lambda world: world.name)
def test_an_honest_server_raises_no_alarm(world: World) -> None:
    """What the client plans is never refused, and no one accuses the server."""
    assert search(ClientModel(world, honest=True), STATES * SOAK).holes == {}


def test_the_client_adds_those_whom_it_should() -> None:
    """Else a client that does nothing would pass."""
    model = ClientModel(WORLDS["an invitation"])
    search(model, STATES)
    rosters = [model.rosters[node.roster] for node in model.nodes.values]
    assert any(roster.person(MALLORY) is not None for roster in rosters)
    model = ClientModel(WORLDS["a public room"])
    search(model, STATES)
    executed = {type(model.act(one)) for node in model.nodes.values for one in node.evidence}
    assert {Request, Remove} <= executed
    assert Admit not in executed
