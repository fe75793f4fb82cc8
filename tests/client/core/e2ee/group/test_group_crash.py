"""The program dies at every write, and before and after every answer of the server: no fork, nothing lost.

After each crash the program begins again on what is on the disk. In the end all devices agree, every
acknowledged message is readable by everyone who was in the group, nothing stands anywhere twice, and no key
has encrypted two things.
"""

import itertools
from collections.abc import Callable, Sequence

import pytest
from tests.client.core.e2ee.crash_world import Crasher, Mortal, Program
from tests.client.core.e2ee.group_world import Device, Log, agree

from parlour_client.core.e2ee.group import commit
from parlour_protocol.frames.bodies import Created

_numbers = itertools.count()
Goal = Callable[[Program], None]


class Once:
    """Someone else acts, a single time however often the program begins again."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act, self.done = act, False

    def __call__(self, _program: Program) -> None:
        """Act."""
        if not self.done:
            self.done = True
            self.act()


def catch_up_and_commit(
    device: Device, log: Log, number: int, add: Sequence[Device] = (), remove: Sequence[Device] = ()
) -> None:
    """Let someone else change the group."""
    device.sync(log)
    device.commit(log, number, add, remove)


def story(crasher: Crasher) -> tuple[Program, Log, Sequence[Device]]:
    """Found a room, invite, talk, lose a race, send into a moved epoch, and put someone out."""
    alice, bobby, carol = Mortal("alice", crasher, next(_numbers)), Device("bobby"), Device("carol")
    log = Log()
    log.add(alice.user, Created(room_kind=log.kind, encrypted=True))
    program = Program(alice, log, crasher)

    def race() -> None:
        """Let bobby win an epoch while a commit of alice's may be on its way."""
        bobby.sync(log)
        bobby.commit(log, 600)
        bobby.say(log, 601, "from bobby")

    goals: list[Goal] = [
        lambda p: p.create_group(),
        lambda p: p.settle(bobby),
        lambda p: p.say(1, "one"),
        lambda p: stage_only(p, carol),
        Once(race),
        lambda p: p.settle(bobby, carol),
        lambda p: seal_only(p, 2, "two"),
        Once(lambda: catch_up_and_commit(bobby, log, 602)),
        lambda p: p.say(2, "two"),
        lambda p: p.settle(bobby),
        lambda p: p.say(3, "three"),
    ]
    program.run(goals)
    return program, log, (alice, bobby)


def stage_only(program: Program, carol: Device) -> None:
    """Stage a commit that is sent only later, when another one has won."""
    device, log = program.device, program.log
    program.sync()
    if commit.staged(device.connection, log.room) is None:
        device.stage(log, int(next(program.numbers)), [carol])


def seal_only(program: Program, number: int, words: str) -> None:
    """Seal a message that is sent only later, when the epoch has moved."""
    program.sync()
    program.device.seal(program.log, number, words)


def verify(program: Program, log: Log, devices: Sequence[Device]) -> None:
    """Look at the end."""
    for device in devices:
        device.sync(log)
        words = [what for what in device.texts(log) if what in {"one", "two", "three", "from bobby"}]
        assert words == ["one", "from bobby", "two", "three"], (device.user, device.texts(log))
    agree(log, *devices)
    assert program.acknowledged == {1, 2, 3}
    assert {member.device for member in devices[0].status(log).members} == {device.id for device in devices}
    rows = program.device.connection.execute("SELECT count(*) FROM mls_sealed")
    assert next(rows) == (0,)


def steps() -> int:
    """Count the steps of the story."""
    crasher = Crasher()
    verify(*story(crasher))
    return crasher.steps


STEPS = 192
"""About as many as the story has; a test sees to it that none is left out."""


def test_the_story_is_not_longer_than_what_is_tried() -> None:
    """Every step is tried: in the parts below, and not one is left out."""
    assert 100 < steps() <= STEPS


@pytest.mark.parametrize("part", range(8))
def test_a_crash_at_any_step_loses_nothing_and_forks_nothing(part: int) -> None:
    """One crash, at each step in turn."""
    for at in range(part * STEPS // 8 + 1, (part + 1) * STEPS // 8 + 1):
        crasher = Crasher(at)
        verify(*story(crasher))


@pytest.mark.parametrize("every", [13, 15, 17, 23, 31, 47])
def test_many_crashes_lose_nothing_and_fork_nothing(every: int) -> None:
    """A program that hardly gets anywhere still gets there."""
    crasher = Crasher(every=every)
    verify(*story(crasher))
    assert crasher.crashes > 1


def joiner_story(crasher: Crasher) -> tuple[Log, Mortal, Device]:
    """Join, read, write, be removed, and join again."""
    alice, bobby = Device("alice"), Mortal("bobby", crasher, next(_numbers))
    log = Log()
    log.add(alice.user, Created(room_kind=log.kind, encrypted=True))
    alice.create_group(log)
    program = Program(bobby, log, crasher)

    def invite(number: int) -> Callable[[], None]:
        def act() -> None:
            catch_up_and_commit(alice, log, number, [bobby])
            alice.say(log, number + 1, f"hi {number}")

        return act

    program.run(
        [
            Once(invite_safely(crasher, invite(700))),
            lambda p: p.sync(),
            lambda p: p.say(1, "one"),
            Once(lambda: catch_up_and_commit(alice, log, 710, [], [bobby])),
            lambda p: p.sync(),
            Once(invite_safely(crasher, invite(720))),
            lambda p: p.say(2, "two"),
        ]
    )
    return log, bobby, alice


def invite_safely(crasher: Crasher, act: Callable[[], object]) -> Callable[[], object]:
    """Let someone else act on the device's behalf (publish a key package) without dying of it."""

    def safely() -> None:
        at, every = crasher.at, crasher.every
        crasher.at = crasher.every = 0
        act()
        crasher.at, crasher.every = at, every

    return safely


@pytest.mark.parametrize("every", [0, 17, 23, 29])
def test_a_new_member_that_crashes_joins_once(every: int) -> None:
    """At every step in turn, and again and again: the key package is spent, the divider drawn, once."""
    total = Crasher()
    joiner_story(total)
    for at in range(1, total.steps + 1) if not every else (0,):
        log, bobby, alice = joiner_story(Crasher(at, every))
        alice.sync(log)
        agree(log, alice, bobby)
        words = [what for what in bobby.texts(log) if what not in {"", "founded"}]
        assert words == [
            "history-starts",
            "hi 700",
            "one",
            "device-removed",
            "history-starts",
            "hi 720",
            "two",
        ]
        assert len(bobby.packages()) == 0
