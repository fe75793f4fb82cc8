"""The checker: a history that breaks a rule is found out, and one that breaks none passes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from msgspec import structs
from tests.cluster.checker import check
from tests.cluster.records import (
    Act,
    Agreement,
    Call,
    Connection,
    Device,
    History,
    Lag,
    Outage,
    Outcome,
    Read,
    Redeemed,
    Revocation,
    Seen,
    SessionEnd,
    Shown,
    View,
)

from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import (
    AnyBody,
    Blank,
    Created,
    Deleted,
    Edited,
    EncryptedMessage,
    GroupCreated,
    Handshake,
    Joined,
    Kicked,
    Message,
)
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.opaque import Ciphertext, HandshakeBytes
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.rooms import RoomKind

ROOM = RoomId("AAAAAAAAAAAAAAAAAAAAAA")
DEVICE = parse_device_name("laptop")


@dataclass
class Simulated:
    """A correct server with one room: each act is done at a moment between its beginning and its answer."""

    chance: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - to be repeated
    history: History = field(default_factory=History)
    log: list[LogEvent] = field(default_factory=list)
    now: float = 100.0
    members: set[str] = field(default_factory=set)
    requests: int = 0
    outcomes: tuple[Outcome, ...] = (Outcome.OK, Outcome.OK, Outcome.UNKNOWN)

    def __post_init__(self) -> None:
        self.history.log = {ROOM: self.log}
        self._append("ada", Created(RoomKind.PUBLIC))
        for number, user in enumerate(("ada", "ben", "cat"), 1):
            self.history.connections[number] = Connection(
                number, user, f"s-{user}", f"node{number}", self.now
            )
            self.members.add(user)
            if user != "ada":
                self._append(user, Joined())
        self.joined = len(self.log)

    def connection(self, user: str) -> int:
        return next(one.number for one in self.history.connections.values() if one.user == user)

    def call(self, act: Act, user: str, text: str = "", target: int = 0, whom: str = "") -> Call:
        """Do something, as a server does that keeps every rule."""
        began = self._tick()
        self.requests += 1
        seqs: tuple[int, ...] = ()
        outcome = self.chance.choice(self.outcomes)
        if user not in self.members and act is not Act.JOIN:
            outcome = Outcome.REFUSED
        elif outcome is Outcome.OK or self.chance.random() < 0.5:
            seq = self._do(act, user, text, target, whom)
            if outcome is Outcome.OK and act is not Act.JOIN:
                seqs = (seq,)
        call = Call(
            request=f"r{self.requests}",
            act=act,
            user=user,
            session=f"s-{user}",
            room=ROOM,
            began=began,
            ended=self._tick(),
            outcome=outcome,
            nodes=(f"node{self.connection(user)}",),
            seqs=seqs,
            text=text,
            target=target,
            whom=whom,
        )
        self.history.calls.append(call)
        return call

    def send(self, user: str, text: str) -> Call:
        return self.call(Act.SEND, user, text)

    def read(self, user: str) -> None:
        began = self._tick()
        node = f"node{self.chance.randrange(1, 4)}"
        if user in self.members:
            page = tuple(self.log[-100:])
            self.history.reads.append(Read(user, f"s-{user}", node, ROOM, began, self._tick(), page))

    def finish(self) -> History:
        """Heal everything: whoever is in has seen everything."""
        for user in sorted(self.members):
            number = self.connection(user)
            shown = {seen.event.seq for seen in self.history.seen if seen.connection == number}
            for event in self.log[max(shown, default=self.joined) :]:
                self.history.seen.append(Seen(number, self._tick(), event))
            self.history.views.append(View(user, f"node{number}", number, ROOM, self.joined + 1))
        return self.history

    def _do(self, act: Act, user: str, text: str, target: int, whom: str) -> int:
        match act:
            case Act.SEND:
                return self._append(user, Message(MessageText(text)))
            case Act.EDIT:
                return self._append(user, Edited(Seq(target), MessageText(text)))
            case Act.DELETE:
                for index, event in enumerate(self.log):
                    body = event.body
                    if event.seq == target or (isinstance(body, Edited) and body.target == target):
                        self.log[index] = structs.replace(event, body=Blank(str(body.__struct_config__.tag)))
                return self._append(user, Deleted(Seq(target)))
            case Act.KICK:
                seq = self._append(user, Kicked(parse_user_name(whom)))
                self.members.discard(whom)
                return seq
            case _:
                self.members.add(user)
                return self._append(user, Joined())

    def _append(self, author: str, body: AnyBody) -> int:
        at = Millis(int(self._tick() * 1000))
        event = LogEvent(ROOM, Seq(len(self.log) + 1), at, parse_user_name(author), DEVICE, body)
        self.log.append(event)
        for user in sorted(self.members) if event.seq > 3 else ():
            self.history.seen.append(Seen(self.connection(user), self._tick(), event))
        return event.seq

    def _tick(self) -> float:
        self.now += 0.01
        return self.now


def correct() -> Simulated:
    """Return a history with one of everything, in which every request is answered with ok."""
    made = Simulated(outcomes=(Outcome.OK,))
    first = made.send("ben", "one")
    made.send("cat", "two")
    made.call(Act.EDIT, "ben", "one again", first.seqs[0])
    made.call(Act.DELETE, "ben", target=first.seqs[0])
    made.send("ada", "three")
    made.read("ada")
    made.call(Act.KICK, "ada", whom="cat")
    made.send("ben", "four")
    made.history.redeemed.append(Redeemed(1, "s-ben", "node2", made.now, made.now))
    return made


def found(made: Simulated) -> list[str]:
    """Heal everything, and return the violations."""
    return [str(violation) for violation in check(made.finish())]


def test_a_correct_history_has_no_violations() -> None:
    """One of everything, done as it should be."""
    assert found(correct()) == []


@pytest.mark.parametrize("seed", range(40))
def test_correct_histories_at_random_have_no_violations(seed: int) -> None:
    """Sends, edits, deletions, kicks and joins with lost answers: never a false alarm."""
    made = Simulated(Random(seed))  # noqa: S311 - to be repeated
    chance = Random(seed + 1000)  # noqa: S311 - as above
    for number in range(150):
        user = chance.choice(["ada", "ben", "cat"])
        own = [event.seq for event in made.log if event.author == user and isinstance(event.body, Message)]
        match chance.randrange(10):
            case 0 if own:
                made.call(Act.EDIT, user, f"edit {number}", chance.choice(own))
            case 1 if own:
                made.call(Act.DELETE, user, target=chance.choice(own))
            case 2:
                made.call(Act.KICK, "ada", whom=chance.choice(["ben", "cat"]))
                made.now += 2
            case 3 | 4 if user not in made.members:
                made.call(Act.JOIN, user)
            case 5:
                made.read(user)
            case _:
                made.send(user, f"text {number}")
    made.history.views.clear()
    assert [str(violation) for violation in check(made.history)] == []


def _lose(made: Simulated) -> None:
    made.log[4] = structs.replace(made.log[4], body=Message(MessageText("another")))


def _store_twice(made: Simulated) -> None:
    made._append("cat", Message(MessageText("two")))


def _store_refused(made: Simulated) -> None:
    refused = replace(made.history.calls[1], outcome=Outcome.REFUSED, seqs=())
    made.history.calls[1] = refused


def _number_twice(made: Simulated) -> None:
    made.history.calls[1] = replace(made.history.calls[1], seqs=(*made.history.calls[1].seqs, 9))


def _forget_a_kick(made: Simulated) -> None:
    kick = next(call for call in made.history.calls if call.act is Act.KICK)
    seq = kick.seqs[0]
    made.log[seq - 1] = structs.replace(made.log[seq - 1], body=Message(MessageText("instead")))


def _make_a_hole(made: Simulated) -> None:
    made.log.pop(5)


def _show_what_is_not_there(made: Simulated) -> None:
    event = structs.replace(made.log[-1], seq=Seq(99))
    made.history.seen.append(Seen(2, made.now, event))


def _show_another_text(made: Simulated) -> None:
    seen = made.history.seen[2]
    event = structs.replace(seen.event, body=Message(MessageText("not this")))
    made.history.seen[2] = replace(seen, event=event)


def _show_backwards(made: Simulated) -> None:
    seen = made.history.seen
    mine = [index for index, one in enumerate(seen) if one.connection == 2][:2]
    seen[mine[0]], seen[mine[1]] = seen[mine[1]], seen[mine[0]]


def _show_twice(made: Simulated) -> None:
    made.history.seen.append(made.history.seen[-1])


def _lose_the_last(made: Simulated) -> None:
    made.finish()
    last = made.history.seen[-1]
    made.history.seen.remove(last)
    made.finish = lambda: made.history  # type: ignore[method-assign]


def _put_before(made: Simulated) -> None:
    late = made.send("ben", "later")
    made.history.calls[-1] = replace(late, began=late.ended + 5, ended=late.ended + 6)
    early = made.history.calls[1]
    made.history.calls[1] = replace(early, began=late.ended + 1, ended=late.ended + 2)
    made.history.calls[0] = replace(made.history.calls[0], ended=made.now)


def _read_stale(made: Simulated) -> None:
    made.send("ben", "newest")
    page = tuple(made.log[:-1])
    made.history.reads.append(Read("ada", "s-ada", "node3", ROOM, made._tick(), made._tick(), page))


def _send_when_removed(made: Simulated) -> None:
    made._append("cat", Message(MessageText("still here")))


def _see_when_removed(made: Simulated) -> None:
    made.history.seen.append(Seen(3, made.now + 5, made.log[-1]))


def _read_when_removed(made: Simulated) -> None:
    at = made.now + 5
    made.history.reads.append(Read("cat", "s-cat", "node1", ROOM, at, at, tuple(made.log)))


def _see_after_the_session(made: Simulated) -> None:
    made.history.session_ends.append(SessionEnd("s-ben", made.now))
    made.now += 5
    made.send("ada", "secret")


def _read_after_the_session(made: Simulated) -> None:
    made.history.session_ends.append(SessionEnd("s-ada", made.now))
    made.now += 5
    made.read("ada")


def _send_after_the_session(made: Simulated) -> None:
    made.history.session_ends.append(SessionEnd("s-ada", made.now))
    made.now += 5
    made.members.discard("ben")
    made.members.discard("ada")
    made.history.views.clear()
    made.members.add("ada")
    made.send("ada", "late")


def _redeem_after_the_session(made: Simulated) -> None:
    made.history.session_ends.append(SessionEnd("s-cat", made.now))
    made.history.redeemed.append(Redeemed(7, "s-cat", "node1", made.now + 5, made.now + 5))


def _redeem_twice(made: Simulated) -> None:
    made.history.redeemed.append(Redeemed(1, "s-ben", "node3", made.now, made.now))


def _keep_the_deleted(made: Simulated) -> None:
    target = made.history.calls[0].seqs[0]
    made.log[target - 1] = structs.replace(made.log[target - 1], body=Message(MessageText("one")))


def _keep_the_edit(made: Simulated) -> None:
    edit = made.history.calls[2]
    body = Edited(Seq(edit.target), MessageText(edit.text))
    made.log[edit.seqs[0] - 1] = structs.replace(made.log[edit.seqs[0] - 1], body=body)


def _read_the_deleted(made: Simulated) -> None:
    target = made.history.calls[0].seqs[0]
    page = list(made.log)
    page[target - 1] = structs.replace(page[target - 1], body=Message(MessageText("one")))
    made.history.reads.append(Read("ada", "s-ada", "node1", ROOM, made._tick(), made._tick(), page))


def _leave_the_deleted_in_the_database(made: Simulated) -> None:
    made.history.stored = "… one again …"


def _commit_twice(made: Simulated) -> None:
    body = Handshake(GroupId("G" * 43), Epoch(3), HandshakeBytes(b"data"))
    for user in ("ada", "ben"):
        made._append(user, body)


BROKEN: list[tuple[int, Callable[[Simulated], None]]] = [
    (1, _lose),
    (1, _store_twice),
    (1, _store_refused),
    (1, _number_twice),
    (1, _forget_a_kick),
    (2, _make_a_hole),
    (2, _show_what_is_not_there),
    (2, _show_another_text),
    (2, _show_backwards),
    (2, _show_twice),
    (2, _lose_the_last),
    (3, _put_before),
    (3, _read_stale),
    (4, _send_when_removed),
    (4, _see_when_removed),
    (4, _read_when_removed),
    (4, _see_after_the_session),
    (4, _read_after_the_session),
    (4, _send_after_the_session),
    (4, _redeem_after_the_session),
    (5, _redeem_twice),
    (5, _keep_the_deleted),
    (5, _keep_the_edit),
    (5, _read_the_deleted),
    (5, _leave_the_deleted_in_the_database),
    (5, _commit_twice),
]


@pytest.mark.parametrize(("rule", "breaks"), BROKEN, ids=[breaks.__name__[1:] for _, breaks in BROKEN])
def test_what_breaks_a_rule_is_found(rule: int, breaks: Callable[[Simulated], None]) -> None:
    """One thing wrong in a history that was correct: found, under the number of its rule."""
    made = correct()
    breaks(made)
    assert any(text.startswith(f"[{rule}]") for text in found(made)), found(made)


def test_what_was_on_its_way_may_arrive() -> None:
    """An event that arrives within the grace, or after an outage of that node, is no violation."""
    made = correct()
    made.history.seen.append(Seen(3, made.now + 0.5, made.log[-1]))
    assert found(made) == []
    made = correct()
    made.history.seen.append(Seen(3, made.now + 5, made.log[-1]))
    made.history.outages.append(Outage("node3", made.now - 1, made.now + 4.5))
    assert found(made) == []


def test_time_in_which_the_checker_itself_was_late_does_not_count() -> None:
    """What arrived meanwhile was recorded too late; but no more than that much too late."""
    for lag, expected in ((0.6, False), (0.4, True)):
        made = correct()
        made.history.seen.append(Seen(3, made.now + 1.5, made.log[-1]))
        made.history.lags.append(Lag(made.now + 0.2, made.now + 0.2 + lag))
        assert any(text.startswith("[4]") for text in found(made)) is expected


def test_someone_who_is_back_may_see_what_was_missed() -> None:
    """Members may read what was before they came: being sent it is no violation."""
    made = correct()
    made.now += 5
    made.call(Act.JOIN, "cat")
    made.history.seen.append(Seen(3, made.now, made.log[-2]))
    made.history.seen.sort(key=lambda seen: seen.event.seq)
    assert not [text for text in found(made) if text.startswith("[4]")]


def test_a_request_without_an_answer_may_be_done_or_not() -> None:
    """Unknown is neither ok nor refused."""
    made = correct()
    made.history.calls[1] = replace(made.history.calls[1], outcome=Outcome.UNKNOWN, seqs=())
    made.history.calls.append(
        replace(made.history.calls[1], request="lost", text="lost", outcome=Outcome.UNKNOWN, seqs=())
    )
    assert found(made) == []


WHISPERS = RoomId("BBBBBBBBBBBBBBBBBBBBBB")
GROUP = GroupId("G" * 43)


@dataclass
class Whispering:
    """An encrypted room: what three people with a device each, and ben's second one, wrote and show."""

    history: History = field(default_factory=History)
    log: list[LogEvent] = field(default_factory=list)
    now: float = 100.0
    epoch: int = 0
    members: list[set[str]] = field(default_factory=lambda: [{"ada"}])
    devices: dict[str, DeviceId] = field(
        default_factory=lambda: {
            name: DeviceId(letter * 22)
            for name, letter in (("ada", "A"), ("ben", "B"), ("cat", "C"), ("ben-2", "D"))
        }
    )

    def __post_init__(self) -> None:
        self.history.log = {WHISPERS: self.log}
        self.history.devices = {
            device: Device(name.partition("-")[0], f"{name}-session") for name, device in self.devices.items()
        }
        self.append("ada", Created(RoomKind.PUBLIC))
        self.append("ada", GroupCreated(GROUP, self.devices["ada"]))

    def append(self, author: str, body: AnyBody) -> int:
        self.now += 0.01
        at = Millis(int(self.now * 1000))
        self.log.append(LogEvent(WHISPERS, Seq(len(self.log) + 1), at, parse_user_name(author), DEVICE, body))
        return len(self.log)

    def commit(self, author: str, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()) -> None:
        """Begin the next epoch, and let everyone in it take the same keys."""
        ins, outs = (tuple(self.devices[name] for name in names) for names in (added, removed))
        body = Handshake(GROUP, Epoch(self.epoch), HandshakeBytes(b"data"), ins, outs)
        self.append(author, body)
        self.epoch += 1
        self.members.append(self.members[-1].union(added).difference(removed))
        for name in sorted(self.members[-1]):
            keys = f"the keys of {self.epoch}"
            self.history.agreements.append(
                Agreement(self.devices[name], WHISPERS, GROUP, Epoch(self.epoch), keys)
            )

    def whisper(self, name: str, text: str) -> Call:
        """Send, and show it on every device of the epoch."""
        began = self.now = self.now + 0.01
        user = name.partition("-")[0]
        seq = self.append(user, EncryptedMessage(GROUP, Epoch(self.epoch), Ciphertext(b"data")))
        call = Call(
            request=text,
            act=Act.WHISPER,
            user=user,
            session=f"{name}-session",
            room=WHISPERS,
            began=began,
            ended=self.now + 0.01,
            outcome=Outcome.OK,
            nodes=("node1",),
            seqs=(seq,),
            text=text,
        )
        self.history.calls.append(call)
        for reader in sorted(self.members[-1]):
            self.history.shown.append(Shown(self.devices[reader], WHISPERS, seq, user, text))
        return call

    def found(self) -> list[str]:
        """Return the violations."""
        return [str(violation) for violation in check(self.history)]


def whispering() -> Whispering:
    """Return a correct history: people join, write, are removed, and a device is revoked."""
    made = Whispering()
    for user in ("ben", "cat"):
        made.append(user, Joined())
    made.commit("ada", added=("ben", "cat"))
    made.whisper("ben", "to three")
    made.append("ada", Kicked(parse_user_name("cat")))
    made.commit("ada", removed=("cat",))
    made.whisper("ada", "to two")
    made.commit("ben", added=("ben-2",))
    made.whisper("ben-2", "from a phone")
    made.now += 1
    made.history.revocations.append(Revocation(made.devices["ben-2"], made.now))
    made.commit("ben", removed=("ben-2",))
    made.whisper("ben", "to two again")
    made.history.screens = {(made.devices[name], WHISPERS) for name in ("ada", "ben")}
    return made


def test_a_correct_encrypted_room_has_no_violations() -> None:
    """Whoever was in an epoch reads its messages, and nobody else does."""
    assert whispering().found() == []


def _replace_shown(made: Whispering, name: str, text: str, /, **change: Any) -> None:
    shown = made.history.shown
    index = next(
        number for number, one in enumerate(shown) if (one.device, one.text) == (made.devices[name], text)
    )
    shown[index] = replace(shown[index], **change)


def _lose_a_whisper(made: Whispering) -> None:
    seq = made.history.calls[1].seqs[0]
    made.log[seq - 1] = structs.replace(made.log[seq - 1], body=Message(MessageText("instead")))


def _acknowledge_two_as_one(made: Whispering) -> None:
    first, second, *_ = made.history.calls
    made.history.calls[1] = replace(second, seqs=first.seqs, user=first.user)


def _show_a_whisper_twice(made: Whispering) -> None:
    made.history.shown.append(replace(made.history.shown[0], seq=99))


def _show_what_nobody_whispered(made: Whispering) -> None:
    _replace_shown(made, "ada", "to three", text="to nobody")


def _show_it_of_another(made: Whispering) -> None:
    _replace_shown(made, "ada", "to three", author="cat")


def _cannot_read(made: Whispering) -> None:
    ada = made.devices["ada"]
    made.history.shown = [one for one in made.history.shown if (one.device, one.text) != (ada, "to three")]


def _read_after_the_removal(made: Whispering) -> None:
    call = made.history.calls[1]
    made.history.shown.append(Shown(made.devices["cat"], WHISPERS, call.seqs[0], "ada", call.text))


def _write_before_the_removal(made: Whispering) -> None:
    kick = next(number for number, event in enumerate(made.log) if isinstance(event.body, Kicked))
    commit, message = made.log[kick + 1], made.log[kick + 2]
    early = EncryptedMessage(GROUP, Epoch(1), Ciphertext(b"data"))
    made.log[kick + 1] = structs.replace(message, seq=commit.seq, body=early)
    made.log[kick + 2] = structs.replace(commit, seq=message.seq)


def _write_to_the_revoked(made: Whispering) -> None:
    revoked = made.history.revocations[0]
    made.history.revocations[0] = replace(revoked, at=made.history.calls[2].began - 0.001)


def _disagree(made: Whispering) -> None:
    made.history.agreements[-1] = replace(made.history.agreements[-1], authenticator="other keys")


def _commit_an_epoch_twice(made: Whispering) -> None:
    made.append("ada", next(event.body for event in made.log if isinstance(event.body, Handshake)))


def _keep_the_plain_text(made: Whispering) -> None:
    made.history.stored = "… to three …"


BROKEN_WHISPERS: list[tuple[int, Callable[[Whispering], None]]] = [
    (1, _lose_a_whisper),
    (1, _acknowledge_two_as_one),
    (1, _show_a_whisper_twice),
    (2, _show_what_nobody_whispered),
    (2, _show_it_of_another),
    (2, _cannot_read),
    (4, _read_after_the_removal),
    (4, _write_before_the_removal),
    (4, _write_to_the_revoked),
    (5, _disagree),
    (5, _commit_an_epoch_twice),
    (5, _keep_the_plain_text),
]


@pytest.mark.parametrize(
    ("rule", "breaks"), BROKEN_WHISPERS, ids=[breaks.__name__[1:] for _, breaks in BROKEN_WHISPERS]
)
def test_what_breaks_a_rule_of_encryption_is_found(rule: int, breaks: Callable[[Whispering], None]) -> None:
    """One thing wrong in a history that was correct: found, under the number of its rule."""
    made = whispering()
    breaks(made)
    assert any(text.startswith(f"[{rule}]") for text in made.found()), made.found()


def test_a_whisper_without_an_answer_may_be_shown_or_not() -> None:
    """It was stored, or not."""
    made = whispering()
    made.history.calls[0] = replace(made.history.calls[0], outcome=Outcome.UNKNOWN, seqs=())
    assert made.found() == []
    _cannot_read(made)
    assert made.found() == []


def test_someone_who_was_removed_need_not_read_what_was_before() -> None:
    """Their device forgot the keys, even if they are back."""
    made = whispering()
    made.append("cat", Joined())
    made.commit("ada", added=("cat",))
    made.history.screens.add((made.devices["cat"], WHISPERS))
    made.history.shown = [one for one in made.history.shown if one.device != made.devices["cat"]]
    assert made.found() == []
