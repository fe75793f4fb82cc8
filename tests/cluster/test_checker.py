"""The checker: a history that breaks a rule is found out, and one that breaks none passes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from msgspec import structs
from tests.cluster.checker import check
from tests.cluster.records import (
    Agreement,
    Call,
    Connection,
    Device,
    Download,
    History,
    Opened,
    Outage,
    Outcome,
    Read,
    Redemption,
    Revocation,
    Seen,
    SessionEnd,
    Shown,
    Shut,
    StoredFile,
    View,
    kind_of,
)
from tests.cluster.verdict import MINIMA, Part, Verdict

from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import (
    AnyBody,
    Archived,
    Banned,
    Blank,
    Created,
    Deleted,
    Edited,
    EncryptedMessage,
    EncryptionOn,
    FileRef,
    GroupCreated,
    Handshake,
    Invited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Reacted,
    RoleSet,
    Unbanned,
    Uninvited,
    Unmuted,
)
from parlour_protocol.frames.fields import FileName, MessageText, Reaction
from parlour_protocol.frames.opaque import Ciphertext, Digest, HandshakeBytes, StatementBytes
from parlour_protocol.ids import Epoch, FileId, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.rooms import Role, RoomKind

ROOM = RoomId("AAAAAAAAAAAAAAAAAAAAAA")
OTHER_ROOM = RoomId("CCCCCCCCCCCCCCCCCCCCCC")
DEVICE = parse_device_name("laptop")
FILE = FileId("FFFFFFFFFFFFFFFFFFFFFF")
ADA, BEN, CAT = (parse_user_name(name) for name in ("ada", "ben", "cat"))
THUMB = Reaction("👍")
SIGNED = StatementBytes(b"signed")


@dataclass
class Simulated:
    """A correct server with one room: each act is done at a moment between its beginning and its answer."""

    kind: RoomKind = RoomKind.PUBLIC
    chance: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - to be repeated
    history: History = field(default_factory=History)
    log: list[LogEvent] = field(default_factory=list)
    now: float = 100.0
    members: set[str] = field(default_factory=set)
    banned: set[str] = field(default_factory=set)
    muted: set[str] = field(default_factory=set)
    requests: int = 0
    outcomes: tuple[Outcome, ...] = (Outcome.OK, Outcome.OK, Outcome.UNKNOWN)

    def __post_init__(self) -> None:
        self.history.log = {ROOM: self.log}
        self.history.operator = "house"
        for number, user in enumerate((ADA, BEN, CAT), 1):
            self.history.connections[number] = Connection(
                number, user, f"s-{user}", f"node{number}", self.now
            )
        self.append(ADA, Created(self.kind))
        for user in (BEN, CAT) if self.kind is RoomKind.PUBLIC else ():
            self.call(user, Joined(), outcome=Outcome.OK)

    def connection(self, user: str) -> int:
        return next(one.number for one in self.history.connections.values() if one.user == user)

    def call(self, user: str, body: AnyBody, *, outcome: Outcome | None = None) -> Call:
        """Do something, as a server does that keeps every rule."""
        began = self.tick()
        self.requests += 1
        seqs: tuple[int, ...] = ()
        outcome = outcome or self.chance.choice(self.outcomes)
        if code := self._why_not(user, body):
            outcome = Outcome.REFUSED
        elif outcome is Outcome.OK or self.chance.random() < 0.5:
            seq = self.append(user, body)
            if outcome is Outcome.OK and not isinstance(body, Joined):
                seqs = (seq,)
        call = Call(
            request=f"r{self.requests}",
            user=user,
            session=f"s-{user}",
            room=ROOM,
            began=began,
            ended=self.tick(),
            outcome=outcome,
            nodes=(f"node{self.connection(user)}",),
            body=body,
            seqs=seqs,
            code=code,
        )
        self.history.calls.append(call)
        return call

    def send(self, user: str, text: str, **more: Any) -> Call:
        return self.call(user, Message(MessageText(text)), **more)

    def operate(self, body: AnyBody) -> None:
        """Let the operator do something, whose command tells no number."""
        began = self.tick()
        self.append("house", body)
        self.requests += 1
        self.history.calls.append(
            Call(f"r{self.requests}", "house", "", ROOM, began, self.tick(), Outcome.OK, (), body)
        )

    def read(self, user: str) -> None:
        began = self.tick()
        node = f"node{self.chance.randrange(1, 4)}"
        page = tuple(self.log[-100:]) if user in self.members else ()
        self.history.reads.append(Read(user, f"s-{user}", node, ROOM, began, self.tick(), page))

    def store_file(self, user: str, text: str) -> Call:
        """Upload a file, and send a message with it."""
        self.history.files[FILE] = StoredFile(ROOM, user, "digest")
        named = FileRef(FILE, FileName("notes"), "text/plain", 5, Digest(bytes(32)))
        return self.call(user, Message(MessageText(text), file=named))

    def download(self, user: str, digest: str) -> None:
        """Record that someone got these bytes; without a digest, that they were refused."""
        began = self.tick()
        self.history.downloads.append(Download(user, f"s-{user}", "node1", FILE, began, self.tick(), digest))

    def finish(self) -> History:
        """Heal everything: whoever is in has seen everything."""
        for user in sorted(self.members):
            number = self.connection(user)
            first = 1 + max(
                one.head for one in self.history.heard if isinstance(one, Opened) and one.connection == number
            )
            self.history.views.append(View(user, f"node{number}", number, ROOM, first))
        return self.history

    def append(self, author: str, body: AnyBody) -> int:
        """Append an event, let it have its effect, and send it to whoever is in."""
        seq = len(self.log) + 1
        at = Millis(int(self.tick() * 1000))
        event = LogEvent(ROOM, Seq(seq), at, parse_user_name(author), DEVICE, _stamped(body, at))
        self.log.append(event)
        before = set(self.members)
        self._apply(author, body)
        if isinstance(body, Deleted):
            self._blank(body.target)
        for user in sorted(before):
            self.history.heard.append(Seen(self.connection(user), self.tick(), event))
        for user in sorted(before - self.members):
            self.history.heard.append(Shut(self.connection(user), self.tick(), ROOM))
        for user in sorted(self.members - before):
            self.history.heard.append(Opened(self.connection(user), self.tick(), ROOM, seq))
        return seq

    def tick(self) -> float:
        self.now += 0.01
        return self.now

    def _why_not(self, user: str, body: AnyBody) -> str:
        if isinstance(body, Joined):
            return "already" if user in self.members else "banned" if user in self.banned else ""
        if user not in self.members:
            return "forbidden"
        if isinstance(body, Message | Edited | Reacted) and user in self.muted:
            return "muted"
        if isinstance(body, Kicked | Muted | Unmuted) and body.who not in self.members:
            return "not_found"
        return ""

    def _apply(self, author: str, body: AnyBody) -> None:
        match body:
            case Created() | Joined():
                self.members.add(author)
            case Left():
                self.members.discard(author)
            case Kicked(who=who):
                self.members.discard(who)
            case Banned(who=who):
                self.members.discard(who)
                self.banned.add(who)
            case Unbanned(who=who):
                self.banned.discard(who)
            case Muted(who=who):
                self.muted.add(who)
            case Unmuted(who=who):
                self.muted.discard(who)
            case _:
                pass

    def _blank(self, target: int) -> None:
        for index, event in enumerate(self.log):
            body = event.body
            if event.seq == target or (isinstance(body, Edited | Reacted) and body.target == target):
                was = body.was if isinstance(body, Blank) else kind_of(body)
                self.log[index] = structs.replace(event, body=Blank(was))


def _stamped(body: AnyBody, at: Millis) -> AnyBody:
    """Return the body as a server stores it: with a time for a duration."""
    if isinstance(body, Banned | Muted) and body.until is not None:
        return structs.replace(body, until=Millis(at + body.until))
    return body


def correct() -> Simulated:
    """Return a history with one of everything, in which every request is answered with ok."""
    made = Simulated(outcomes=(Outcome.OK,))
    first = made.send("ben", "one").seqs[0]
    made.send("cat", "two")
    made.call("ben", Edited(Seq(first), MessageText("one again")))
    made.call("cat", Reacted(Seq(first), THUMB, on=True))
    made.call("ben", Deleted(Seq(first)))
    made.send("ada", "three")
    made.read("ada")
    made.call("ada", RoleSet(BEN, Role.MODERATOR))
    made.call("ben", Muted(CAT))
    made.send("cat", "unheard")
    made.call("ben", Unmuted(CAT))
    made.store_file("cat", "with a file")
    made.download("ben", "digest")
    made.call("ben", Banned(CAT))
    made.call("cat", Joined())
    made.call("ben", Unbanned(CAT))
    made.call("cat", Joined())
    made.operate(Archived(on=True))
    made.operate(Archived(on=False))
    made.call("ada", Kicked(CAT))
    made.send("ben", "four")
    made.history.redemptions.append(Redemption(1, "s-ben", "node2", made.now, made.now))
    return made


def found(made: Simulated) -> list[str]:
    """Heal everything, and return the violations."""
    return [str(violation) for violation in check(made.finish()).violations]


def by_text(made: Simulated, text: str) -> int:
    """Return the place of the request that wrote this."""
    return next(index for index, call in enumerate(made.history.calls) if call.text == text)


def of_kind(made: Simulated, kind: str) -> Call:
    """Return the first request of a kind that was stored."""
    return next(call for call in made.history.calls if call.kind == kind and call.seqs)


def test_a_correct_history_has_no_violations() -> None:
    """One of everything, done as it should be."""
    assert found(correct()) == []


@pytest.mark.parametrize("seed", range(40))
def test_correct_histories_at_random_have_no_violations(seed: int) -> None:
    """What people do, with lost answers, and what moderators do to them: never a false alarm."""
    made = Simulated(chance=Random(seed))  # noqa: S311 - to be repeated
    chance = Random(seed + 1000)  # noqa: S311 - as above
    for number in range(150):
        user, whom = chance.choice([ADA, BEN, CAT]), chance.choice([BEN, CAT])
        own = [event.seq for event in made.log if event.author == user and isinstance(event.body, Message)]
        target = Seq(chance.choice(own or [0]))
        text = MessageText(f"text {number}")
        about = [Edited(target, text), Deleted(target), Reacted(target, THUMB, on=True)]
        match chance.randrange(12):
            case 0 | 1 | 2 if own:
                made.call(user, chance.choice(about))
            case 3 | 4:
                acts = [Kicked(whom), Banned(whom), Unbanned(whom), Muted(whom), Unmuted(whom)]
                made.call("ada", chance.choice(acts))
            case 5 | 6 if user not in made.members:
                made.call(user, Joined())
            case 7:
                made.read(user)
            case 8:
                made.operate(Archived(on=True))
                made.operate(Archived(on=False))
            case _:
                made.call(user, Message(text))
    assert found(made) == []


# What breaks a rule. The words say what the server did.


def _lose_what_was_acknowledged(made: Simulated) -> None:
    seq = made.history.calls[by_text(made, "two")].seqs[0]
    made.log[seq - 1] = structs.replace(made.log[seq - 1], body=Message(MessageText("another")))


def _lose_the_last_that_was_acknowledged(made: Simulated) -> None:
    made.log.pop()


def _store_twice(made: Simulated) -> None:
    made.append("ben", Message(MessageText("three")))


def _store_what_was_refused(made: Simulated) -> None:
    index = by_text(made, "two")
    refused = replace(made.history.calls[index], outcome=Outcome.REFUSED, seqs=(), code="limit_reached")
    made.history.calls[index] = refused


def _number_twice(made: Simulated) -> None:
    index = by_text(made, "two")
    call = made.history.calls[index]
    made.history.calls[index] = replace(call, seqs=(*call.seqs, 9))


def _acknowledge_two_as_one(made: Simulated) -> None:
    made.history.calls.append(replace(made.history.calls[by_text(made, "four")], request="another"))


def _invent_a_message(made: Simulated) -> None:
    made.append("ben", Message(MessageText("never said")))


def _invent_a_kick(made: Simulated) -> None:
    made.append("ada", Kicked(BEN))


def _invent_a_deletion(made: Simulated) -> None:
    made.append("ben", Deleted(Seq(made.history.calls[by_text(made, "four")].seqs[0])))


def _forget_a_kick(made: Simulated) -> None:
    seq = of_kind(made, "kicked").seqs[0]
    made.log[seq - 1] = structs.replace(made.log[seq - 1], body=Message(MessageText("instead")))


def _store_no_joining(made: Simulated) -> None:
    call = replace(made.history.calls[0], request="join", user="cat", body=Joined())
    made.history.calls.append(replace(call, began=made.tick(), ended=made.tick()))


def _join_before_it_was_asked(made: Simulated) -> None:
    index = next(index for index, call in enumerate(made.history.calls) if call.kind == "joined")
    made.history.calls[index] = replace(made.history.calls[index], began=made.tick(), ended=made.tick())


def _do_not_what_the_operator_did(made: Simulated) -> None:
    call = next(call for call in made.history.calls if call.user == "house")
    made.history.calls.append(replace(call, request="once more", began=made.tick(), ended=made.tick()))


def _ban_for_another_time(made: Simulated) -> None:
    seq = of_kind(made, "banned").seqs[0]
    made.log[seq - 1] = structs.replace(made.log[seq - 1], body=Banned(CAT, Millis(2**50)))


def _lose_a_file(made: Simulated) -> None:
    made.download("ben", "")


def _change_a_file(made: Simulated) -> None:
    made.download("ben", "another")


def _open_two_direct_rooms(made: Simulated) -> None:
    made.history.pairs |= {ROOM: frozenset({"ada", "ben"}), OTHER_ROOM: frozenset({"ben", "ada"})}


def _make_a_hole(made: Simulated) -> None:
    made.log.pop(5)


def _swap_in_the_log(made: Simulated) -> None:
    made.log[5], made.log[6] = made.log[6], made.log[5]


def _show_what_is_not_there(made: Simulated) -> None:
    event = structs.replace(made.log[-1], seq=Seq(99))
    made.history.heard.append(Seen(2, made.now, event))


def _show_another_text(made: Simulated) -> None:
    index, seen = next(
        (index, one)
        for index, one in enumerate(made.history.heard)
        if isinstance(one, Seen) and one.event.body == Message(MessageText("two"))
    )
    event = structs.replace(seen.event, body=Message(MessageText("not this")))
    made.history.heard[index] = replace(seen, event=event)


def _show_two_readers_two_texts(made: Simulated) -> None:
    """Of a message that is deleted: the log does not know what it was."""
    first = made.history.calls[by_text(made, "one")].seqs[0]
    index, seen = next(
        (index, one)
        for index, one in enumerate(made.history.heard)
        if isinstance(one, Seen) and one.event.seq == first
    )
    event = structs.replace(seen.event, body=Message(MessageText("to you only")))
    made.history.heard[index] = replace(seen, event=event)


def _of_ben(made: Simulated) -> list[int]:
    return [
        index for index, one in enumerate(made.history.heard) if isinstance(one, Seen) and one.connection == 2
    ]


def _show_two_readers_two_orders(made: Simulated) -> None:
    heard, (first, second, *_) = made.history.heard, _of_ben(made)
    heard[first], heard[second] = heard[second], heard[first]


def _show_a_hole(made: Simulated) -> None:
    del made.history.heard[_of_ben(made)[3]]


def _show_a_hole_and_hang_up(made: Simulated) -> None:
    _show_a_hole(made)
    made.finish = lambda: made.history  # type: ignore[method-assign]


def _show_twice(made: Simulated) -> None:
    made.history.heard.append(made.history.heard[_of_ben(made)[-1]])


def _never_show_the_last(made: Simulated) -> None:
    del made.history.heard[_of_ben(made)[-1]]


def _read_a_hole(made: Simulated) -> None:
    page = (*made.log[:-3], made.log[-1])
    made.history.reads.append(Read("ada", "s-ada", "node3", ROOM, made.tick(), made.tick(), page))


def _swap_two_messages(made: Simulated) -> None:
    """Each is where its answer says, and the one that was acknowledged first has the larger number."""
    early, late = by_text(made, "two"), by_text(made, "three")
    calls = made.history.calls
    calls[early], calls[late] = (
        replace(calls[early], began=calls[late].began, ended=calls[late].ended),
        replace(calls[late], began=calls[early].began, ended=calls[early].ended),
    )


def _put_before_what_was_seen(made: Simulated) -> None:
    """Its answer was lost; its sender had been shown what has a larger number."""
    index = by_text(made, "two")
    call = made.history.calls[index]
    made.history.calls[index] = replace(
        call, outcome=Outcome.UNKNOWN, seqs=(), began=made.tick(), ended=made.tick()
    )


def _read_stale(made: Simulated) -> None:
    made.send("ben", "newest")
    page = tuple(made.log[:-1])
    made.history.reads.append(Read("ada", "s-ada", "node3", ROOM, made.tick(), made.tick(), page))


def _ignore_a_kick(made: Simulated) -> None:
    made.append("cat", Message(MessageText("still here")))


def _show_to_who_was_kicked(made: Simulated) -> None:
    made.history.heard.append(Seen(3, made.now + 5.5, made.log[-1]))


def _show_to_who_was_kicked_and_not_told(made: Simulated) -> None:
    made.history.heard = [one for one in made.history.heard if not isinstance(one, Shut)]
    made.history.heard.append(Seen(3, made.now + 5.5, made.log[-1]))


def _read_when_kicked(made: Simulated) -> None:
    at = made.tick()
    made.history.reads.append(Read("cat", "s-cat", "node1", ROOM, at, at, tuple(made.log)))


def _download_when_kicked(made: Simulated) -> None:
    made.download("cat", "digest")


def _ignore_a_ban(made: Simulated) -> None:
    made.call("ada", Banned(CAT))
    made.append("cat", Joined())


def _ignore_a_ban_for_a_while(made: Simulated) -> None:
    made.call("ada", Banned(CAT, Millis(60_000)))
    made.append("cat", Joined())


def _ignore_a_mute(made: Simulated) -> None:
    made.call("ada", Muted(BEN))
    made.append("ben", Message(MessageText("not silent")))


def _ignore_a_mute_for_a_reaction(made: Simulated) -> None:
    made.call("ada", Muted(BEN))
    made.append("ben", Reacted(Seq(made.history.calls[by_text(made, "three")].seqs[0]), THUMB, on=True))


def _ignore_a_role(made: Simulated) -> None:
    made.call("ada", RoleSet(BEN, Role.MEMBER))
    made.append("ben", Muted(ADA))


def _kick_an_equal(made: Simulated) -> None:
    made.append("ben", Kicked(ADA))


def _take_ownership(made: Simulated) -> None:
    made.append("ben", RoleSet(BEN, Role.OWNER))


def _edit_another_ones_message(made: Simulated) -> None:
    target = made.history.calls[by_text(made, "three")].seqs[0]
    made.append("ben", Edited(Seq(target), MessageText("not what she said")))


def _react_to_nothing(made: Simulated) -> None:
    made.append("ben", Reacted(Seq(99), THUMB, on=True))


def _write_in_an_archived_room(made: Simulated) -> None:
    made.operate(Archived(on=True))
    made.append("ben", Message(MessageText("after all")))


def _refuse(made: Simulated, text: str, code: str) -> None:
    call = made.history.calls[by_text(made, "four")]
    body = Message(MessageText(text))
    made.history.calls.append(
        replace(
            call,
            request="refused",
            began=made.tick(),
            ended=made.tick(),
            body=body,
            outcome=Outcome.REFUSED,
            seqs=(),
            code=code,
        )
    )


def _stay_muted(made: Simulated) -> None:
    made.call("ada", Muted(BEN))
    made.call("ada", Unmuted(BEN))
    _refuse(made, "heard again", "muted")


def _refuse_a_member(made: Simulated) -> None:
    _refuse(made, "I am in", "forbidden")


def _give_a_role_that_is_none(made: Simulated) -> None:
    made.call("cat", Joined())
    call = of_kind(made, "kicked")
    refused = replace(call, request="no", user="ben", outcome=Outcome.REFUSED, seqs=(), code="forbidden")
    made.history.calls.append(replace(refused, began=made.tick(), ended=made.tick()))


def _see_after_the_session(made: Simulated) -> None:
    made.history.session_ends.append(SessionEnd("s-ben", made.now, made.now + 9))
    made.now += 5
    made.send("ada", "secret")


def _read_after_the_session(made: Simulated) -> None:
    made.history.session_ends.append(SessionEnd("s-ada", made.now, made.now + 9))
    made.now += 5
    made.read("ada")


def _send_after_the_session(made: Simulated) -> None:
    made.history.session_ends.append(SessionEnd("s-ada", made.now, made.now + 9))
    made.now += 5
    made.send("ada", "late")
    made.history.heard = [one for one in made.history.heard if one.connection != 1]
    made.history.views.clear()
    made.finish = lambda: made.history  # type: ignore[method-assign]


def _redeem_after_the_session(made: Simulated) -> None:
    made.history.session_ends.append(SessionEnd("s-cat", made.now, made.now + 9))
    made.history.redemptions.append(Redemption(7, "s-cat", "node1", made.now + 0.1, made.now + 0.2))


def _redeem_twice(made: Simulated) -> None:
    made.history.redemptions.append(Redemption(1, "s-ben", "node3", made.now, made.now))


def _keep_the_deleted(made: Simulated) -> None:
    target = made.history.calls[by_text(made, "one")].seqs[0]
    made.log[target - 1] = structs.replace(made.log[target - 1], body=Message(MessageText("one")))


def _keep_the_edit(made: Simulated) -> None:
    edit = made.history.calls[by_text(made, "one again")]
    assert edit.body is not None
    made.log[edit.seqs[0] - 1] = structs.replace(made.log[edit.seqs[0] - 1], body=edit.body)


def _keep_the_reaction(made: Simulated) -> None:
    call = of_kind(made, "reacted")
    assert call.body is not None
    made.log[call.seqs[0] - 1] = structs.replace(made.log[call.seqs[0] - 1], body=call.body)


def _read_the_deleted(made: Simulated) -> None:
    target = made.history.calls[by_text(made, "one")].seqs[0]
    page = list(made.log)
    page[target - 1] = structs.replace(page[target - 1], body=Message(MessageText("one")))
    made.history.reads.append(Read("ada", "s-ada", "node1", ROOM, made.tick(), made.tick(), tuple(page)))


def _leave_the_deleted_in_the_database(made: Simulated) -> None:
    made.history.stored = "… one again …"


def _download_the_deleted(made: Simulated) -> None:
    call = made.history.calls[by_text(made, "with a file")]
    made.call("ada", Deleted(Seq(call.seqs[0])))
    made.now += 5
    made.download("ben", "digest")


def _commit_twice(made: Simulated) -> None:
    body = Handshake(GroupId("G" * 43), Epoch(3), HandshakeBytes(b"data"))
    for user in ("ada", "ben"):
        made.append(user, body)


BROKEN: list[tuple[int, Callable[[Simulated], None]]] = [
    (1, _lose_what_was_acknowledged),
    (1, _lose_the_last_that_was_acknowledged),
    (1, _store_twice),
    (1, _store_what_was_refused),
    (1, _number_twice),
    (1, _acknowledge_two_as_one),
    (1, _invent_a_message),
    (1, _invent_a_kick),
    (1, _invent_a_deletion),
    (1, _forget_a_kick),
    (1, _store_no_joining),
    (1, _join_before_it_was_asked),
    (1, _do_not_what_the_operator_did),
    (1, _ban_for_another_time),
    (1, _lose_a_file),
    (1, _change_a_file),
    (1, _open_two_direct_rooms),
    (2, _make_a_hole),
    (2, _swap_in_the_log),
    (2, _show_what_is_not_there),
    (2, _show_another_text),
    (2, _show_two_readers_two_texts),
    (2, _show_two_readers_two_orders),
    (2, _show_a_hole),
    (2, _show_a_hole_and_hang_up),
    (2, _show_twice),
    (2, _never_show_the_last),
    (2, _read_a_hole),
    (3, _swap_two_messages),
    (3, _put_before_what_was_seen),
    (3, _read_stale),
    (4, _ignore_a_kick),
    (4, _show_to_who_was_kicked),
    (4, _show_to_who_was_kicked_and_not_told),
    (4, _read_when_kicked),
    (4, _download_when_kicked),
    (4, _ignore_a_ban),
    (4, _ignore_a_ban_for_a_while),
    (4, _ignore_a_mute),
    (4, _ignore_a_mute_for_a_reaction),
    (4, _ignore_a_role),
    (4, _kick_an_equal),
    (4, _take_ownership),
    (4, _edit_another_ones_message),
    (4, _react_to_nothing),
    (4, _write_in_an_archived_room),
    (4, _stay_muted),
    (4, _refuse_a_member),
    (4, _give_a_role_that_is_none),
    (4, _see_after_the_session),
    (4, _read_after_the_session),
    (4, _send_after_the_session),
    (4, _redeem_after_the_session),
    (5, _redeem_twice),
    (5, _keep_the_deleted),
    (5, _keep_the_edit),
    (5, _keep_the_reaction),
    (5, _read_the_deleted),
    (5, _leave_the_deleted_in_the_database),
    (5, _download_the_deleted),
    (5, _commit_twice),
]


@pytest.mark.parametrize(("rule", "breaks"), BROKEN, ids=[breaks.__name__[1:] for _, breaks in BROKEN])
def test_what_breaks_a_rule_is_found(rule: int, breaks: Callable[[Simulated], None]) -> None:
    """One thing wrong in a history that was correct: found, under the number of its rule."""
    made = correct()
    breaks(made)
    assert any(text.startswith(f"[{rule}]") for text in found(made)), found(made)


def _acknowledge_in_no_room(made: Simulated) -> None:
    made.history.calls.append(
        replace(made.history.calls[by_text(made, "four")], request="elsewhere", room=OTHER_ROOM)
    )


def _refuse_what_was_stored(made: Simulated) -> None:
    again = replace(made.history.calls[by_text(made, "four")], request="again", code="limit_reached")
    made.history.calls.append(replace(again, outcome=Outcome.REFUSED, seqs=()))


def _show_before_the_greeting(made: Simulated) -> None:
    made.history.connections[9] = Connection(9, "ben", "s-ben", "node2", made.tick())
    made.history.heard.append(Seen(9, made.tick(), made.log[-1]))


@pytest.mark.parametrize(
    ("words", "breaks"),
    [
        ("[1] acknowledged, and there is no such room", _acknowledge_in_no_room),
        ("[1] acknowledged, and something else is in its place", _lose_what_was_acknowledged),
        ("[1] refused, and in the log:", _refuse_what_was_stored),
        ("[2] shown, and not so in the log", _show_another_text),
        ("[4] shown where the room is not open", _show_before_the_greeting),
    ],
)
def test_a_violation_says_what_is_wrong(words: str, breaks: Callable[[Simulated], None]) -> None:
    """Where another sentence would have been true as well."""
    made = correct()
    breaks(made)
    assert any(text.startswith(words) for text in found(made)), found(made)


# A private room, and a direct one.


def invited() -> Simulated:
    """Return a private room into which ben was invited."""
    made = Simulated(RoomKind.PRIVATE, outcomes=(Outcome.OK,))
    made.call("ada", Invited(BEN))
    return made


def test_who_was_invited_may_join() -> None:
    """And write."""
    made = invited()
    made.call("ben", Joined())
    made.send("ben", "here I am")
    assert found(made) == []


def _withdraw(made: Simulated) -> None:
    made.call("ada", Uninvited(BEN))


def _ban(made: Simulated) -> None:
    made.call("ada", Banned(BEN))
    made.call("ada", Unbanned(BEN))


def _use_it(made: Simulated) -> None:
    made.call("ben", Joined())
    made.call("ben", Left())


def _lose_the_inviter(made: Simulated) -> None:
    made.call("ben", Joined())
    made.call("ben", Invited(CAT))
    made.call("ada", Kicked(BEN))
    made.call("cat", Joined())


@pytest.mark.parametrize(
    ("is_encrypted", "statement", "is_fault"),
    [(True, SIGNED, False), (True, None, True), (False, SIGNED, True), (False, None, True)],
)
def test_a_member_joins_again_only_by_a_statement_for_an_encrypted_room(
    *, is_encrypted: bool, statement: StatementBytes | None, is_fault: bool
) -> None:
    """Its members decide by what was signed; a server's list may be from before a restore (section 5.6)."""
    made = Simulated()
    if is_encrypted:
        made.append("ada", EncryptionOn())
    made.append("ben", Joined(statement=statement))
    faults = found(made)
    assert any(text.startswith("[4]") and "joins, and is in" in text for text in faults) == is_fault


@pytest.mark.parametrize("end", [_withdraw, _ban, _use_it, _lose_the_inviter])
def test_an_invitation_that_is_over_lets_no_one_in(end: Callable[[Simulated], None]) -> None:
    """It was withdrawn, ended by a ban, used, or its author is gone."""
    made = invited()
    end(made)
    made.call("ben", Joined())
    assert any(text.startswith("[4]") for text in found(made))


def test_someone_invited_is_refused_for_a_reason() -> None:
    """An invitation that is pending is one."""
    made = invited()
    call = made.call("ben", Joined())
    made.history.calls[-1] = replace(call, outcome=Outcome.REFUSED, code="not_found")
    made.log.pop()
    made.members.discard("ben")
    assert any("for no reason" in text for text in found(made))


def test_a_direct_room_is_for_two() -> None:
    """Nobody else writes in it, reads it, or is shown it."""

    def direct() -> Simulated:
        made = Simulated(RoomKind.DIRECT, outcomes=(Outcome.OK,))
        made.history.pairs[ROOM] = frozenset({"ada", "ben"})
        made.members.add("ben")
        made.history.heard.append(Opened(2, made.tick(), ROOM, 1))
        made.send("ben", "between us")
        return made

    assert found(direct()) == []
    for breaks in (
        lambda made: made.append("cat", Message(MessageText("me too"))),
        lambda made: made.history.heard.append(Seen(3, made.tick(), made.log[-1])),
        lambda made: made.history.reads.append(
            Read("cat", "s-cat", "node1", ROOM, made.tick(), made.tick(), tuple(made.log))
        ),
    ):
        made = direct()
        breaks(made)
        assert any(text.startswith("[4]") for text in found(made))


def test_the_server_may_appoint_an_owner_where_there_is_none() -> None:
    """Nobody asks for that; where there is one, it may not."""
    made = Simulated(outcomes=(Outcome.OK,))
    made.call("ada", Left())
    made.append("ada", RoleSet(BEN, Role.OWNER))
    assert found(made) == []
    made.append("ada", RoleSet(CAT, Role.OWNER))
    assert any(text.startswith("[4]") for text in found(made))


# What is no fault.


def test_what_was_sent_before_a_session_ended_may_arrive_late() -> None:
    """What counts is when it was sent, not when it came: however late it, or the checker, was."""
    made = correct()
    at = made.now
    made.send("ada", "before")
    made.history.session_ends.append(SessionEnd("s-ben", at, at + 9))
    made.history.heard[-1] = replace(made.history.heard[-1], at=at + 60)
    assert found(made) == []


@pytest.mark.parametrize(("end_of_outage", "is_fault"), [(4.5, False), (3.5, True)])
def test_a_session_may_go_on_at_a_node_that_can_not_know(end_of_outage: float, *, is_fault: bool) -> None:
    """The second begins again with the end of an outage of that node."""
    made = correct()
    at = made.now
    made.history.session_ends.append(SessionEnd("s-ben", at, at + 9))
    made.history.outages.append(Outage("node2", at - 1, at + end_of_outage))
    made.now += 5
    made.send("ada", "sent five seconds later")
    assert bool(found(made)) is is_fault


def test_someone_who_is_back_may_see_what_was_missed() -> None:
    """Members may read what was before they came: being sent it is no violation."""
    made = correct()
    missed = made.log[-1]
    made.call("cat", Joined())
    made.history.heard.append(Seen(3, made.now, missed))
    assert not [text for text in found(made) if text.startswith("[4]")]


def test_someone_who_was_removed_while_they_read_may_have_read() -> None:
    """They were in at one of the moments in between."""
    made = correct()
    kick = of_kind(made, "kicked")
    page = tuple(made.log[: kick.seqs[0] - 1])
    made.history.reads.append(Read("cat", "s-cat", "node1", ROOM, kick.began - 0.001, kick.ended + 1, page))
    assert found(made) == []


def test_a_request_without_an_answer_may_be_done_or_not() -> None:
    """Unknown is neither ok nor refused."""
    made = correct()
    index = by_text(made, "two")
    unknown = replace(made.history.calls[index], outcome=Outcome.UNKNOWN, seqs=())
    made.history.calls[index] = unknown
    lost = replace(unknown, request="lost", body=Message(MessageText("lost")))
    made.history.calls.append(lost)
    assert found(made) == []


# How much was judged.


def test_a_run_in_which_nothing_happened_is_inconclusive() -> None:
    """It breaks no rule, and each rule says what it has not seen."""
    verdict = check(History())
    assert verdict.violations == []
    assert len(verdict.too_little()) == len(MINIMA)


def test_what_a_run_leaves_out_is_not_demanded() -> None:
    """Only that."""
    left = Verdict().too_little({Part.ENCRYPTED})
    assert len(left) == sum(one.part is not Part.ENCRYPTED for one in MINIMA)
    enough = Verdict()
    for one in MINIMA:
        enough.judged[one.what] = one.least
    assert enough.too_little() == []
    enough.judged["kicked stored"] -= 1
    assert enough.too_little() == ["[1] kicked stored: 1 of 2"]


def test_each_minimum_is_of_something_that_is_judged() -> None:
    """A misspelt one would never be reached."""
    made = correct()
    made.history.stored = "…"
    made.history.without_bus = [(0, math.inf)]
    made.read("cat")
    made.send("cat", "out")
    made.download("cat", "")
    made.send("ben", "kept from her")
    kick = replace(of_kind(made, "kicked"), user="ben", outcome=Outcome.REFUSED, code="forbidden", seqs=())
    made.history.calls.append(kick)
    made.call("cat", Joined())
    made.operate(Archived(on=True))
    _refuse(made, "archived", "archived")
    made.history.session_ends.append(SessionEnd("s-dan", made.now, made.now + 60))
    call = made.history.calls[by_text(made, "four")]
    lost = replace(call, session="s-dan", outcome=Outcome.UNKNOWN, seqs=(), began=made.tick())
    made.history.calls.append(lost)
    made.history.connections[4] = Connection(4, "dan", "s-dan", "node1", 0, made.now + 1)
    made.history.heard.append(Opened(4, 0, ROOM, 0))
    made.operate(Archived(on=False))
    made.now += 9
    made.send("ben", "after the session")
    for number in (1, 2):
        made.history.redemptions.append(
            Redemption(9, "s-dan", f"node{number}", made.tick(), made.tick(), taken=False)
        )
    made.history.pairs[OTHER_ROOM] = frozenset({"ada", "ben"})
    twice = of_kind(made, "message")
    made.history.calls[made.history.calls.index(twice)] = replace(twice, seqs=twice.seqs * 2)
    judged = check(made.finish()).judged + check(withdrawn().finish()).judged
    judged += whispering().verdict().judged
    assert {one.what for one in MINIMA} <= set(+judged)


def withdrawn() -> Simulated:
    """Return a private room whose invitation was withdrawn, and of no use."""
    made = invited()
    made.call("ada", Uninvited(BEN))
    made.history.calls.append(
        Call(
            "late",
            "ben",
            "s-ben",
            ROOM,
            made.tick(),
            made.tick(),
            Outcome.REFUSED,
            ("node2",),
            Joined(),
            code="not_found",
        )
    )
    return made


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
    asked: list[Call] = field(default_factory=list)
    """What else than messages; behind them in the history."""
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

    def call(self, user: str, body: AnyBody) -> None:
        """Ask for something that is done."""
        began = self.now
        seq = self.append(user, body)
        seqs = () if isinstance(body, Joined) else (seq,)
        self.asked.append(
            Call(f"r{seq}", user, "", WHISPERS, began, self.now + 0.01, Outcome.OK, ("node1",), body, seqs)
        )

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
            user=user,
            session=f"{name}-session",
            room=WHISPERS,
            began=began,
            ended=self.now + 0.01,
            outcome=Outcome.OK,
            nodes=("node1",),
            seqs=(seq,),
            whisper=text,
        )
        self.history.calls.append(call)
        for reader in sorted(self.members[-1]):
            self.history.shown.append(Shown(self.devices[reader], WHISPERS, seq, user, text))
        return call

    def found(self) -> list[str]:
        """Return the violations."""
        return [str(violation) for violation in self.verdict().violations]

    def verdict(self) -> Verdict:
        """Check it."""
        return check(replace(self.history, calls=[*self.history.calls, *self.asked]))


def whispering() -> Whispering:
    """Return a correct history: people join, write, are removed, and a device is revoked."""
    made = Whispering()
    for user in ("ben", "cat"):
        made.call(user, Joined())
    made.commit("ada", added=("ben", "cat"))
    made.whisper("ben", "to three")
    made.call("ada", Kicked(CAT))
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


def _acknowledge_two_as_one_whisper(made: Whispering) -> None:
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


def _invent_a_whisper(made: Whispering) -> None:
    made.append("ben", EncryptedMessage(GROUP, Epoch(made.epoch), Ciphertext(b"data")))


BROKEN_WHISPERS: list[tuple[int, Callable[[Whispering], None]]] = [
    (1, _lose_a_whisper),
    (1, _invent_a_whisper),
    (1, _acknowledge_two_as_one_whisper),
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


def _show_a_whisper_of_no_number(made: Whispering) -> None:
    whisper = made.history.calls[0]
    made.history.calls[0] = replace(whisper, outcome=Outcome.UNKNOWN, seqs=())
    _replace_shown(made, "ada", "to three", seq=99)


@pytest.mark.parametrize(
    ("words", "breaks"),
    [
        ("[1] acknowledged, and not in the log: whisper", _lose_a_whisper),
        ("[1] two messages are acknowledged as one", _acknowledge_two_as_one_whisper),
        ("[2] ada-session shows 'to three' as", _show_a_whisper_of_no_number),
    ],
)
def test_a_violation_of_encryption_says_what_is_wrong(
    words: str, breaks: Callable[[Whispering], None]
) -> None:
    """Where another sentence would have been true as well."""
    made = whispering()
    breaks(made)
    assert any(text.startswith(words) for text in made.found()), made.found()


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
    made.call("cat", Joined())
    made.commit("ada", added=("cat",))
    made.history.screens.add((made.devices["cat"], WHISPERS))
    made.history.shown = [one for one in made.history.shown if one.device != made.devices["cat"]]
    assert made.found() == []
