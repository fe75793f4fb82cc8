"""The rule of links, on walks: what a server does to a log is told, and what honest devices do never is."""

from collections.abc import Callable, Sequence
from random import Random

import pytest
from tests.client.core.e2ee.link_world import Device, Event, Sealed, chance, device

from parlour_client.core.e2ee.group.order import joined_ranges
from parlour_client.core.model import NoteKind

WALKS = 12


def spoken(log: list[Event], one: Device) -> None:
    """Let a device that has processed everything send one message."""
    one.process(log)
    sealed = one.seal()
    one.known.add(sealed.request)
    log.append(Event(sealed))


def conversation(seed: int, devices: int, lines: int) -> tuple[list[Event], list[Device], Device]:
    """Return a log, its devices, and a reader who has processed none of it; each device speaks early."""
    random = chance(seed)
    people = [device(number, random, user=number // 2) for number in range(devices)]
    log: list[Event] = []
    for one in people:
        spoken(log, one)
    for _ in range(lines):
        spoken(log, random.choice(people))
    return log, people, device(99, random)


def told(reader: Device, log: Sequence[Event]) -> list[NoteKind]:
    """Return what a reader says of a log."""
    reader.process(log)
    return [note.kind for _, note in sorted(reader.notes.items())]


@pytest.mark.parametrize("devices", [1, 2, 3, 5])
def test_an_honest_log_tells_nothing(devices: int) -> None:
    """Read at once, or piece by piece, from its beginning or from the middle."""
    for seed in range(10):
        log, people, reader = conversation(seed, devices, 20)
        assert told(reader, log) == []
        late = device(98, chance(seed))
        late.processed = 7
        assert told(late, log) == []
        for one in people:
            assert told(one, log) == []


def _dropped(log: list[Event], random: Random, first: int) -> list[Event]:
    at = random.randrange(first, len(log))
    return log[:at] + log[at + 1 :]


def _cut(log: list[Event], random: Random, first: int) -> list[Event]:
    at = random.randrange(first, len(log))
    return log[:at] + log[random.randrange(at + 1, len(log) + 1) :]


def _swapped(log: list[Event], random: Random, first: int) -> list[Event]:
    at = random.randrange(first, len(log) - 1)
    return [*log[:at], log[at + 1], log[at], *log[at + 2 :]]


def _moved(log: list[Event], random: Random, first: int) -> list[Event]:
    at = random.randrange(first, len(log))
    rest = log[:at] + log[at + 1 :]
    to = random.randrange(first, len(log))
    return [*rest[:to], log[at], *rest[to:]]


def _truncated(log: list[Event], random: Random, first: int) -> list[Event]:
    return log[: random.randrange(first, len(log))]


@pytest.mark.parametrize("devices", [2, 3, 4, 5])
@pytest.mark.parametrize("act", [_dropped, _cut, _swapped, _moved, _truncated])
def test_what_a_server_does_to_a_log_is_reported_as_soon_as_someone_speaks(
    act: Callable[[list[Event], Random, int], list[Event]], devices: int
) -> None:
    """N1: it drops, swaps, moves or cuts off messages, renumbers the rest, and goes on."""
    for seed in range(WALKS):
        log, people, reader = conversation(seed, devices, 12)
        random = chance(seed)
        seen = act(log, random, devices)  # each device was heard once before
        honest = len(log)
        for one in people:
            spoken(log, one)
        assert seen != log[:honest] or act is _moved
        if seen != log[:honest]:
            assert told(reader, [*seen, *log[honest:]]), (seed, act)


@pytest.mark.parametrize("act", [_dropped, _swapped])
def test_one_device_is_enough(act: Callable[[list[Event], Random, int], list[Event]]) -> None:
    """Its own numbers tell what is missing of it, when its next message comes."""
    for seed in range(WALKS):
        log, people, reader = conversation(seed, 1, 12)
        seen = act(log, chance(seed), 1)
        spoken(log, people[0])
        assert told(reader, [*seen, log[-1]])


def test_what_was_withheld_from_everyone_and_is_the_newest_is_invisible() -> None:
    """By definition: who has it was not heard since."""
    log, _, reader = conversation(1, 3, 12)
    assert told(reader, log[:-1]) == []


def test_missing_messages_are_counted() -> None:
    """Three of one person, and the row says three."""
    log, _, reader = conversation(3, 1, 9)
    reader.process([*log[:4], *log[7:]])
    assert [note.detail for note in reader.notes.values()] == ["3 messages from user0 are missing here"]


def test_what_was_missing_and_comes_after_all_takes_the_row_back() -> None:
    """The row goes, and the message says that it was moved."""
    log, _, reader = conversation(3, 1, 9)
    early = [*log[:4], log[5]]
    assert told(reader, early) == [NoteKind.LEFT_OUT]
    assert told(reader, [*early, log[4], *log[6:]]) == [NoteKind.MOVED]
    assert list(reader.notes) == [6]


def test_a_message_that_was_seen_before_it_came_is_reported_as_moved() -> None:
    """Ben answers what ada has not got yet; then it comes."""
    log, (ada, ben), reader = conversation(5, 2, 0)
    reader.process(log)
    spoken(log, ada)
    spoken(log, ben)
    assert told(reader, [*log[:2], log[3]]) == [NoteKind.LEFT_OUT]
    assert "user0" in reader.notes[3].detail
    assert told(reader, [*log[:2], log[3], log[2]]) == [NoteKind.MOVED]
    for _ in range(3):
        spoken(log, ada)
        spoken(log, ben)
    assert told(reader, [*log[:2], log[3], log[2], *log[4:]]) == [NoteKind.MOVED]  # and nothing more


def test_one_drop_is_reported_once_by_all_who_saw_it() -> None:
    """Five devices have seen what is missing: the row of the first one that speaks says so."""
    for seed in range(WALKS):
        log, people, reader = conversation(seed, 5, 12)
        seen = _dropped(log, chance(seed), 5)
        honest = len(log)
        for one in people * 3:
            spoken(log, one)
        told(reader, [*seen, *log[honest:]])
        assert 1 <= len(reader.notes) <= 2, (seed, reader.notes)


def test_a_first_message_that_is_dropped_is_reported() -> None:
    """Where all of the room is known, a device that joined begins with number one."""
    random = chance(1)
    ada, reader = device(1, random), device(2, random)
    reader.members_joined([ada.name])
    first = ada.seal()
    second = ada.seal([first.request])  # encrypted together: neither was processed by then
    assert told(reader, [Event(second)]) == [NoteKind.LEFT_OUT]


def test_messages_of_people_who_had_not_seen_each_other_have_the_order_of_who_speaks_next() -> None:
    """N1: only the digest tells; no number and no count does."""
    log, (ada, ben, cora), reader = conversation(1, 3, 3)
    for one in (ada, ben, cora):
        one.process(log)
        spoken(log, one)
    for one in (ada, ben):
        one.process(log)
    first, second = ada.seal(), ben.seal()
    third = ada.seal([first.request])
    log += [Event(first), Event(second), Event(third)]
    spoken(log, cora)
    turned = [*log[:-4], Event(second), Event(first), *log[-2:]]
    assert told(reader, turned) == [NoteKind.MOVED]


def test_what_someone_else_was_not_shown_is_reported() -> None:
    """N1: a view that was split is told on both sides."""
    log, (ada, ben), reader = conversation(1, 2, 3)
    spoken(log, ada)
    ben.process(log[:-1])
    ben.processed = len(log)  # the server leaves ada's last message out for ben
    ada.process(log)
    sealed = ben.seal()
    log.append(Event(sealed))
    spoken(log, ben)
    assert told(reader, log) == [NoteKind.MOVED]
    assert "did not show" in next(iter(reader.notes.values())).detail


def test_what_was_given_up_after_it_was_promised_takes_the_row_back() -> None:
    """N2: the server said that it had it, and did not; its writer gives it up."""
    log, (ada,), reader = conversation(1, 1, 3)
    lost = ada.seal()
    ada.known.add(lost.request)
    spoken(log, ada)
    assert told(reader, log) == [NoteKind.LEFT_OUT]
    ada.give_up(lost.request, left=False)
    spoken(log, ada)
    assert told(reader, log) == []


def test_two_messages_of_one_number_are_reported() -> None:
    """A home that was restored, or is used twice, numbers twice."""
    random = chance(1)
    ada, reader = device(1, random), device(2, random)
    log: list[Event] = []
    spoken(log, ada)
    copy = device(1, random)
    copy.db.deserialize("main", ada.db.serialize("main"))
    copy.made = 50
    spoken(log, ada)
    twin = copy.seal()
    assert told(reader, [*log, Event(twin)]) == [NoteKind.OLDER_COPY]


class Home:
    """A device whose program does all that an honest one may do."""

    def __init__(self, one: Device, random: Random) -> None:
        self.one, self.random = one, random
        self.waiting: list[Sealed] = []
        """Sealed by another program of this home, or by one that is offline: it is sent at any time."""
        self.left: list[Sealed] = []
        """Given up when it had left: the server may store it, or not."""

    def act(self, log: list[Event]) -> None:
        """Do one thing."""
        acts = [self.read, self.say, self.hold, self.send, self.again, self.cancel, self.straggle]
        self.random.choice(acts)(log)

    def read(self, log: list[Event]) -> None:
        """Process a part of what is new."""
        self.one.process(log[: self.random.randrange(self.one.processed, len(log) + 1)])

    def say(self, log: list[Event]) -> None:
        """Send one message or more, one after the other, as a lane does."""
        lane: list[Sealed] = []
        for _ in range(self.random.randrange(1, 4)):
            lane.append(self.one.seal([sealed.request for sealed in lane]))
        for sealed in lane:
            self.store(log, sealed)

    def hold(self, _: list[Event]) -> None:
        """Seal what another program sends later."""
        self.waiting.append(self.one.seal())

    def send(self, log: list[Event]) -> None:
        """Send what waited."""
        if self.waiting:
            self.store(log, self.waiting.pop(self.random.randrange(len(self.waiting))))

    def again(self, _: list[Event]) -> None:
        """Seal for another epoch what waits."""
        for at, sealed in enumerate(self.waiting):
            self.waiting[at] = self.one.seal(again=sealed.request)

    def cancel(self, _: list[Event]) -> None:
        """Give up what waits; it may have left."""
        if self.waiting:
            sealed = self.waiting.pop(self.random.randrange(len(self.waiting)))
            left = self.random.random() < 0.5
            self.one.give_up(sealed.request, left=left)
            self.left += [sealed] * left

    def straggle(self, log: list[Event]) -> None:
        """Store something that was given up."""
        if self.left:
            log.append(Event(self.left.pop()))

    def store(self, log: list[Event], sealed: Sealed) -> None:
        """Let the server have it; its answer may be lost, until the event is read."""
        log.append(Event(sealed))
        if self.random.random() < 0.8:
            self.one.known.add(sealed.request)


@pytest.mark.parametrize("devices", [1, 2, 3, 5])
def test_nothing_that_honest_devices_do_is_reported(devices: int) -> None:
    """N2: offline, two programs on one home, encrypted again, given up, stored late, blanked, unreadable."""
    for seed in range(WALKS):
        random = chance(f"{seed} {devices}")
        homes = [Home(device(number, random, user=number // 2), random) for number in range(devices)]
        readers = [device(90 + number, random) for number in range(3)]
        readers[1].processed = readers[1].joined = 5  # began in the middle
        log: list[Event] = []
        for _ in range(60):
            random.choice(homes).act(log)
            if log and random.random() < 0.1:
                at = random.randrange(len(log))
                log[at] = Event(log[at].what, blank=True)
            if random.random() < 0.05:
                log.append(Event(device(77, random).seal(), garbage=True))
            reader = random.choice(readers)
            if random.random() < 0.3 and reader.processed <= len(log):
                reader.process(log)
                if reader is readers[2] and random.random() < 0.1:
                    reader.joined = len(log) + 5  # it is removed, and added again later
        for home in homes:
            for sealed in home.waiting:
                home.store(log, sealed)
            home.one.process(log)
            home.store(log, home.one.seal())
        for one in [*readers, *(home.one for home in homes)]:
            one.process(log)
            assert one.notes == {}, (seed, one.name, one.notes)


def test_ranges_are_joined_and_few() -> None:
    """Where they are too many, the nearest become one."""
    assert joined_ranges([(5, 6), (1, 2), (3, 3)], 8) == (1, 3, 5, 6)
    assert joined_ranges([(1, 1), (3, 3), (9, 9)], 2) == (1, 3, 9, 9)


@pytest.mark.parametrize("devices", [1, 2, 3, 5])
def test_removed_messages_tell_nothing(devices: int) -> None:
    """A device that was away while messages expired, from the beginning or in the middle, alarms no one."""
    for seed in range(WALKS):
        log, people, _ = conversation(seed, devices, 40)
        random = chance(seed)
        away = device(97, random)
        away.process(log[: random.randrange(devices, 20)])
        away.expire(random.randrange(1, 30 - away.processed))
        assert told(away, log) == []
        spoken(log, away)
        for one in (*people, away):
            spoken(log, one)
        for one in (*people, away):
            assert told(one, log) == []


@pytest.mark.parametrize("devices", [2, 3, 5])
def test_a_server_that_removes_more_than_it_says_is_reported(devices: int) -> None:
    """It says that some expired, and drops younger ones that follow: the counts of the others tell."""
    for seed in range(WALKS):
        log, people, _ = conversation(seed, devices, 40)
        away = device(97, chance(seed))
        away.process(log[:10])
        away.expire(10)
        for one in people:
            spoken(log, one)
        assert told(away, log[:20] + log[23:])


def test_a_device_that_had_processed_some_of_the_removed_messages_tells_nothing() -> None:
    """It wrote before it had read all of them: the newest event that it had processed was removed."""
    for seed in range(WALKS):
        log, people, _ = conversation(seed, 3, 10)
        random = chance(seed)
        away, slow = device(97, random), device(96, random)
        spoken(log, slow)
        away.process(log)
        for _ in range(8):
            spoken(log, random.choice(people))
        slow.process(log)
        written = slow.seal()
        for _ in range(8):
            spoken(log, random.choice(people))
        away.expire(len(log) - away.processed)
        log.append(Event(written))
        assert told(away, log) == []
        for one in (slow, people[0], slow):
            spoken(log, one)
        assert told(away, log) == []
