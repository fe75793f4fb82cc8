"""The state machine: its table, each refusal, and two sides run against each other over a fake wire."""

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.replies import AnyPush, Error, Hello, Ok, StatusUpdate
from parlour_protocol.frames.requests import ListRooms
from parlour_protocol.frames.wire import decode_request, decode_server_frame
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.connection_state import TRANSITIONS, ConnectionState, Kind, Side, State, kind_of
from parlour_protocol.kit.errors import OutOfOrderError
from parlour_protocol.kit.frames import Frame, Request
from parlour_protocol.kit.ids import Millis, RequestId, SessionId, new_incarnation, new_request_id
from parlour_protocol.kit.limits import IN_FLIGHT
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.rooms import Status

ADA = parse_user_name("ada")
HELLO = Hello(
    server="chat.example",
    user=ADA,
    device=parse_device_name("laptop"),
    session=SessionId("s" * 22),
    now=Millis(1),
    incarnation=new_incarnation(),
    rooms=(),
)
PUSH = StatusUpdate(user=ADA, status=Status.AWAY)
SAMPLES: dict[Kind, Frame] = {
    Kind.HELLO: HELLO,
    Kind.REQUEST: ListRooms(id=RequestId("q" * 22)),
    Kind.ANSWER: Error(code=ErrorCode.MALFORMED),
    Kind.PUSH: PUSH,
}


def ready(side: Side) -> ConnectionState:
    """Return a side after the hello."""
    session = ConnectionState(side)
    (session.sent if side is Side.SERVER else session.received)(HELLO)
    return session


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("sender", Side)
@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("state", State)
def test_what_is_not_in_the_table_is_out_of_order(side: Side, sender: Side, kind: Kind, state: State):
    """Both sides run one table: every state, sender and kind of frame."""
    session = ready(side)
    session.state = state
    step = session.sent if sender is side else session.received
    if (state, sender, kind) in TRANSITIONS:
        step(SAMPLES[kind])
        assert session.state is TRANSITIONS[state, sender, kind]
    else:
        with pytest.raises(OutOfOrderError):
            step(SAMPLES[kind])
        assert session.state is state


def test_nothing_leads_out_of_closed():
    """A connection that ended stays ended."""
    assert State.CLOSED not in {state for state, _, _ in TRANSITIONS}


@pytest.mark.parametrize("side", Side)
def test_a_second_hello_is_out_of_order(side: Side):
    """The hello is sent once."""
    session = ready(side)
    with pytest.raises(OutOfOrderError):
        (session.sent if side is Side.SERVER else session.received)(HELLO)


@pytest.mark.parametrize("side", Side)
def test_an_id_in_flight_cannot_be_used_again_until_it_is_answered(side: Side):
    """One id, one answer; afterwards it may come again (M6: a repeated send)."""
    session, request = ready(side), ListRooms(id=new_request_id())
    ask, answer = (
        (session.received, session.sent) if side is Side.SERVER else (session.sent, session.received)
    )
    ask(request)
    with pytest.raises(OutOfOrderError):
        ask(request)
    answer(Ok(re=request.id))
    ask(request)


@pytest.mark.parametrize("side", Side)
def test_as_many_in_flight_as_the_limit_and_not_one_more(side: Side):
    """At the limit it goes, one past it it does not, and an answer makes room."""
    session = ready(side)
    ask, answer = (
        (session.received, session.sent) if side is Side.SERVER else (session.sent, session.received)
    )
    requests = [ListRooms(id=new_request_id()) for _ in range(IN_FLIGHT.value)]
    for request in requests:
        ask(request)
    with pytest.raises(OutOfOrderError):
        ask(ListRooms(id=new_request_id()))
    answer(Error(code=ErrorCode.FORBIDDEN, re=requests[0].id))
    ask(ListRooms(id=new_request_id()))


@pytest.mark.parametrize("side", Side)
def test_an_answer_to_no_request_is_out_of_order(side: Side):
    """Also the second answer to the same request; an error without a name answers nothing."""
    session, request = ready(side), ListRooms(id=new_request_id())
    ask, answer = (
        (session.received, session.sent) if side is Side.SERVER else (session.sent, session.received)
    )
    with pytest.raises(OutOfOrderError):
        answer(Ok(re=new_request_id()))
    ask(request)
    answer(Error(code=ErrorCode.MALFORMED))
    assert session.in_flight == {request.id}
    answer(Ok(re=request.id))
    with pytest.raises(OutOfOrderError):
        answer(Ok(re=request.id))


def test_a_closed_session_forgets_what_was_in_flight():
    """Answers can no longer arrive; the sender keeps the requests in the outbox."""
    session = ready(Side.CLIENT)
    session.sent(ListRooms(id=new_request_id()))
    session.close()
    assert session.in_flight == frozenset()
    assert session.state is State.CLOSED


def test_a_bare_frame_is_of_no_kind():
    """Only what the schema names has a kind."""
    with pytest.raises(OutOfOrderError):
        kind_of(Frame())


class TwoSides(RuleBasedStateMachine):
    """A client and a server over a wire that delays: bytes, as they would cross it.

    Each side does only what its own session allows; then the other's must allow it too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.client, self.server = ConnectionState(Side.CLIENT), ConnectionState(Side.SERVER)
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.asked: list[RequestId] = []
        self.unanswered: list[RequestId] = []

    def say(self, frame: Frame) -> None:
        """Let the server send."""
        self.server.sent(frame)
        self.down.append(encode(frame))

    @precondition(lambda self: self.server.state is State.OPENING)
    @rule()
    def greet(self) -> None:
        self.say(HELLO)

    @precondition(
        lambda self: self.client.state is State.READY and len(self.client.in_flight) < IN_FLIGHT.value
    )
    @rule()
    def ask(self) -> None:
        request: Request = ListRooms(id=new_request_id())
        self.client.sent(request)
        self.asked.append(request.id)
        self.up.append(encode(request))

    @precondition(lambda self: self.up)
    @rule()
    def carry_up(self) -> None:
        request = decode_request(self.up.popleft())
        self.server.received(request)
        self.unanswered.append(request.id)

    @precondition(lambda self: self.unanswered)
    @rule(data=st.data(), good=st.booleans())
    def answer(self, data: st.DataObject, good: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        request = data.draw(st.sampled_from(self.unanswered))
        self.unanswered.remove(request)
        self.say(Ok(re=request) if good else Error(code=ErrorCode.FORBIDDEN, re=request))

    @precondition(lambda self: self.server.state is State.READY)
    @rule()
    def push(self) -> None:
        self.say(PUSH)

    @precondition(lambda self: self.down)
    @rule()
    def carry_down(self) -> None:
        self.client.received(decode_server_frame(self.down.popleft()))

    @precondition(lambda self: self.server.state is State.READY)
    @rule()
    def a_cheating_server_is_found_out(self) -> None:
        with pytest.raises(OutOfOrderError):
            self.client.received(Ok(re=new_request_id()))

    @invariant()
    def the_server_knows_no_request_that_the_client_does_not(self) -> None:
        assert self.server.in_flight <= self.client.in_flight <= set(self.asked)

    @invariant()
    def what_is_in_flight_is_bounded(self) -> None:
        assert len(self.client.in_flight) <= IN_FLIGHT.value

    def teardown(self) -> None:
        """Whatever happened: when everything is answered and carried, nothing is in flight."""
        while self.up:
            self.carry_up()
        while self.unanswered:
            self.say(Ok(re=self.unanswered.pop()))
        while self.down:
            self.carry_down()
        assert self.client.in_flight == self.server.in_flight == frozenset()
        assert self.client.state is self.server.state


TwoSides.TestCase.settings = settings(max_examples=50, stateful_step_count=40)
test_two_sides_never_disagree = TwoSides.TestCase


def test_every_push_is_a_push():
    """The union of what is pushed and the table's kind agree."""
    assert kind_of(PUSH) is Kind.PUSH
    assert isinstance(PUSH, AnyPush)
