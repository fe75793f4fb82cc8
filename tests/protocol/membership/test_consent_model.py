"""No state of the model has a hole, an honest server raises no alarm, and without any rule there is a hole.

``PARLOUR_SOAK=20`` searches twenty times as many states.
"""

import os

import pytest
from tests.protocol.membership.consent_model import Model, Rules, World, mutated, search

from parlour_protocol.rooms import RoomKind

SOAK = int(os.environ.get("PARLOUR_SOAK", "1"))
STATES = 1_000
"""Of each world; one in which less can happen is searched whole."""

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
        World("two bans", "admit accept ban ben-bans", days=3, moderator=True, late=True),
        World("a ban is lifted", "admit accept ban ben-bans unban", moderator=True, late=True),
        World("a moderator is demoted", "admit accept ban ben-bans demote", days=1, moderator=True),
        World("a role", "ben-admits accept withdraw role", evil=True),
        World("an old ban", "admit accept ban", days=4, evil=True),
        World("a member bans", "admit accept ben-bans", evil=True),
        World("a new key", "admit accept rekey kick"),
        World("a made-up key", "ben-admits fake accept", evil=True),
        World("rolled back", "admit accept withdraw again"),
        World("rolled back, banned", "admit accept ban again", days=1),
        World("an accomplice", "admit ben-admits accept withdraw ban", days=1, evil=True),
        World("two devices", "admit accept withdraw revoke", phone=True),
        World("a revoked device", "phone-admits accept revoke", phone=True),
    )
}
HONEST = [
    World("an invitation", "admit withdraw accept", depth=99),
    World("clocks a day apart", "admit withdraw accept", depth=99, days=3, clocks=(0, 1, 0)),
    World("two invitations", "admit ben-admits withdraw accept", depth=99),
    World("kicked", "admit ben-admits accept kick", depth=99),
    World("the inviter leaves", "ben-admits accept leave", depth=99),
    World("banned", "admit accept ban", depth=99, days=4, clocks=(0, 1, 0)),
    World("a wrong clock", "admit ben-admits accept ban", depth=99, days=4, clocks=(-4, 0, 0)),
    World("a slow moderator", "admit accept ban", depth=99, days=4, clocks=(0, -4, 0), moderator=True),
    World("a public room", "request kick", depth=99, days=1, kind=RoomKind.PUBLIC),
    World("two bans", "admit accept ban ben-bans unban", depth=99, days=3, moderator=True),
    World("a moderator is demoted", "admit accept ban ben-bans demote", depth=99, moderator=True),
    World("a role", "ben-admits accept withdraw role", depth=99),
    World("a new key", "admit accept rekey kick", depth=99),
    World("two devices", "admit accept withdraw revoke", depth=99, phone=True),
]
WITHOUT = {
    "acceptance": (
        "an invitation",
        "READS: someone who never accepted",
        "        if not accepted:\n",
        "        if False:\n",
    ),
    "withdrawals": (
        "an invitation",
        "ADDS: someone whose invitation this device saw withdrawn",
        " or statement.digest in by.withdrawn:",
        ":",
    ),
    "late withdrawals": (
        "an invitation",
        "READS: someone whose invitation this device saw withdrawn",
        "            if now.given or not self._undoes(statement, about, signer, now, execution):",
        "            if True:",
    ),
    "an end": (
        "time passes",
        "ADDS: by an invitation that has ended",
        "        if execution.at > act.until:",
        "        if False:",
    ),
    "an inviter who stays": (
        "the inviter leaves",
        "ADDS: by an invitation whose inviter has left since",
        "if act.serial < max(by.since, by.void)",
        "if act.serial < by.void",
    ),
    "removals that void": (
        "kicked",
        "ADDS: by something that was used before",
        "if act.after != self.removal_digest(act.who):\n            _refuse(f",
        "if False:\n            _refuse(f",
    ),
    "kicks of those who are not in yet": (
        "kicked",
        "ADDS: someone whom this device saw kicked since",
        "if again or act.serial < _reaches_back_to(now, before):",
        "if now is None or again or act.serial < _reaches_back_to(now, before):",
    ),
    "kicks that win a race": (
        "kicked",
        "READS: someone whom this device saw kicked since",
        "if again or act.serial < _reaches_back_to(now, before):",
        "if again or act.serial < (now.since if now else _reaches_back_to(now, before)):",
    ),
    "bans": (
        "banned there",
        "ADDS: someone whose ban still runs by this device's clock",
        "        if before is not None and before.is_banned(execution.at):",
        "        if False:",
    ),
    "bans that win a race": (
        "banned, a race",
        "READS: someone whose ban still runs by this device's clock",
        "            if not _ends_after(act.until, execution.at + (MARGIN if again else 0)):",
        "            if True:",
    ),
    "bans that only those execute who may": (
        "an old ban",
        "EVICTS: someone by a ban that has ended",
        "            if execution.by is not None and not self.may_remove(execution.by, act.who):",
        "            if False:",
    ),
    "bans by those who may": (
        "a member bans",
        "BANS: someone by someone who may not",
        "        if not (act.ban and again):",
        "        if False:",
    ),
    "a second ban": (
        "two bans",
        "ADDS: someone whose ban still runs by this device's clock",
        "if before is not None and before.banned and not _ends_later(act, before):",
        "if before is not None and before.banned:",
    ),
    "lifting": (
        "a ban is lifted",
        "BANS: someone by a ban that was lifted",
        "        if act.ban and before is not None and act.serial < before.lifted:",
        "        if False:",
    ),
    "the removal that a request names": (
        "a public room",
        "ADDS: by something that was used before",
        "if act.after != self.removal_digest(act.who):\n            _refuse(f",
        "if False:\n            _refuse(f",
    ),
    "the key log": (
        "a made-up key",
        "EVICTS: someone with a key that was made up",
        "        if not execution.succeeds(act.who, now.account_key, act.account_key):",
        "        if False:",
    ),
    "roles that settle": (
        "a role",
        "EVICTS: someone who was given a role",
        "            if now.given or not self._undoes",
        "            if not self._undoes",
    ),
    "what the inviter knew": (
        "a role",
        "EVICTS: someone whom their inviter knew to be in",
        "        knew = now.since <= statement.act.serial <= self.serial",
        "        knew = False",
    ),
    "devices in the group": (
        "a revoked device",
        "ADDS: by an invitation of a device that was revoked",
        "        if statement.device not in execution.devices:",
        "        if False:",
    ),
}
"""Rules of the roster: the world in which its absence is a hole, which, the rule, and what stands instead."""
CARELESS = {
    "clock": ("time passes", "ADDS: by an invitation that has ended"),
    "memory": ("rolled back", "READS: someone whose invitation this device saw withdrawn"),
    "first": ("an invitation", "ADDS: someone whose invitation this device saw withdrawn"),
    "heal": ("an invitation", "READS: someone whose invitation this device saw withdrawn"),
    "gossip": ("an invitation", "READS ON: a message proves what was withheld, and nothing is said"),
    "log": ("a made-up key", "EVICTS: someone with a key that was made up"),
}
"""The same for the rules of a device."""


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
def test_a_hostile_server_lets_nobody_in(world: World) -> None:
    """Whatever it shows, withholds and rolls back, with an accomplice in the room where the world has one."""
    found = search(Model(world), STATES * SOAK)
    assert found.holes == {}
    assert found.states > 10


@pytest.mark.parametrize("world", HONEST, ids=lambda world: world.name)
def test_an_honest_server_raises_no_alarm(world: World) -> None:
    """No commit is refused, and nothing is told of the server, however late the devices are."""
    found = search(Model(world, honest=True), STATES * SOAK)
    assert found.holes == {}
    assert found.states > STATES


@pytest.mark.parametrize("what", WITHOUT)
def test_a_roster_without_a_rule_has_a_hole(what: str) -> None:
    """So the model would notice if that rule were lost."""
    world, hole, text, replacement = WITHOUT[what]
    found = search(Model(WORLDS[world], module=mutated(text, replacement)), 10 * STATES, until=hole)
    assert hole in found.holes


@pytest.mark.parametrize("rule", CARELESS)
def test_a_device_without_a_rule_has_a_hole(rule: str) -> None:
    """The roster is not enough: what only one device knows is that device's to act on."""
    world, hole = CARELESS[rule]
    found = search(Model(WORLDS[world], Rules()._replace(**{rule: False})), 10 * STATES, until=hole)
    assert hole in found.holes


IGNORES_THE_SERVER = {
    "ADDS: by an invitation that has ended by the time of an honest server": World(
        "a wrong clock", "admit accept", depth=99, days=4, clocks=(-4, 0, 0)
    ),
    "EVICTS: someone by a ban that has ended": World(
        "a slow moderator", "admit accept ban", depth=99, days=4, clocks=(0, -4, 0), moderator=True
    ),
}


@pytest.mark.parametrize("hole", IGNORES_THE_SERVER)
def test_a_device_that_ignores_the_servers_time(hole: str) -> None:
    """With a clock that is four days behind it would add people, and remove some, who must not be."""
    careless = Model(IGNORES_THE_SERVER[hole], Rules(server=False), honest=True)
    assert hole in search(careless, 20 * STATES, until=hole).holes
