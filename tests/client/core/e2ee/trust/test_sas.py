"""The SAS words: two honest sides, and everything that someone in between can do."""

import hashlib
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as with_field
from nacl import bindings

from parlour_client.core.e2ee.trust.compare import Party
from parlour_client.core.e2ee.trust.sas import TRANSITIONS, VERIFIED, Act, Context, Exchange, State
from parlour_client.kit.errors import SetupError
from parlour_protocol.encrypted import Share, VerifyContent, VerifyStep
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.names import parse_user_name

ANA = Party(parse_user_name("ana"), "here", b"a" * 32)
BEN = Party(parse_user_name("ben"), "here", b"b" * 32)
CONTEXT = Context(RequestId("process-00000001"), RoomId("r" * 22), starter=ANA, other=BEN)

SMALL_ORDER = (
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
)


def begun(ours: Context = CONTEXT, theirs: Context = CONTEXT) -> tuple[Exchange, Exchange]:
    """Return both sides after the start."""
    ana, start = Exchange.begin(ours)
    return ana, Exchange.asked(theirs, start)


def comparing(ours: Context = CONTEXT, theirs: Context = CONTEXT) -> tuple[Exchange, Exchange]:
    """Return both sides as they show the words."""
    ana, ben = begun(ours, theirs)
    (answer,) = ben.answer()
    (reveal,) = ana.receive(answer)
    assert not ben.receive(reveal)
    return ana, ben


def step_of(exchange: Exchange, step: VerifyStep, share: bytes | None = None) -> VerifyContent:
    """Return a step of this process."""
    made = Share(share) if share is not None else None
    return VerifyContent(process=exchange.context.process, step=step, share=made)


def said(exchange: Exchange) -> str:
    """Return what our person types: the words on their own screen."""
    return " ".join(exchange.words)


def test_all_five_words_are_typed():
    """One of them is found by trying keys 2,048 times; capitals and spaces mean nothing."""
    ana, ben = comparing()
    five = list(ana.words)
    wrong = ["", five[-1], " ".join(five[:4]), " ".join([*five, five[0]]), " ".join(reversed(five)), "no"]
    wrong += [" ".join([*five[:place], "zoo", *five[place + 1 :]]) for place in range(5)]
    for typed in wrong:
        with pytest.raises(SetupError, match="type all five in order"):
            ana.confirm(typed)
        assert ana.state is State.COMPARING
    assert ana.confirm("  " + "   ".join(five).upper() + "\n")
    assert ben.words


def test_two_honest_sides_see_the_same_words():
    """Five words, the same on both sides; after both persons agree both sides say verified."""
    ana, ben = comparing()
    assert ana.words == ben.words
    assert len(ana.words) == 5
    (confirm,) = ana.confirm(said(ana))
    assert (ana.state, ana.ended) == (State.CONFIRMED, "")
    assert not ben.receive(confirm)
    assert ben.state is State.AWAITED
    (back,) = ben.confirm(said(ben))
    assert not ana.receive(back)
    assert (ana.ended, ben.ended) == (VERIFIED, VERIFIED)


def test_each_process_has_its_own_words():
    """Words that were overheard once are of no use later."""
    assert len({tuple(comparing()[0].words) for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "other",
    [
        replace(CONTEXT, starter=replace(ANA, key=b"x" * 32)),
        replace(CONTEXT, other=replace(BEN, key=b"x" * 32)),
        replace(CONTEXT, other=replace(BEN, server="there")),
        replace(CONTEXT, starter=BEN, other=ANA),
        replace(CONTEXT, room=RoomId("s" * 22)),
    ],
)
def test_a_swapped_account_key_gives_other_words(other: Context):
    """The words differ when the two sides do not know the same keys, names and room; confirming fails."""
    ana, ben = comparing(theirs=other)
    assert ana.words != ben.words
    (confirm,) = ana.confirm(said(ana))
    (cancel,) = ben.receive(confirm)
    assert cancel.step is VerifyStep.CANCEL
    assert "someone may be intercepting" in ben.ended
    assert not ben.words


def test_someone_in_between_gets_other_words_on_each_side():
    """A third person who runs one exchange with each side sees that the two show different words."""
    ana, to_ana = begun()
    (answer,) = to_ana.answer()
    ana.receive(answer)
    to_ben, start = Exchange.begin(CONTEXT)
    ben = Exchange.asked(CONTEXT, start)
    (answer,) = ben.answer()
    (reveal,) = to_ben.receive(answer)
    ben.receive(reveal)
    assert ana.words != ben.words


def test_the_starter_cannot_choose_its_key_late():
    """A key that is not the committed one is refused: else a starter could try keys until the words fit."""
    _, ben = begun()
    ben.answer()
    other = bindings.crypto_scalarmult_base(b"\7" * 32)
    (cancel,) = ben.receive(step_of(ben, VerifyStep.REVEAL, other))
    assert cancel.step is VerifyStep.CANCEL
    assert "not the one that it promised" in ben.ended


def test_a_commitment_is_for_one_process():
    """A commitment that was taken over from another process does not fit its key."""
    ana, start = Exchange.begin(CONTEXT)
    elsewhere = replace(CONTEXT, process=RequestId("process-00000002"))
    ben = Exchange.asked(elsewhere, start)
    (answer,) = ben.answer()
    (reveal,) = ana.receive(answer)
    ben.receive(reveal)
    assert ben.state is State.FAILED


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_points_of_small_order_are_refused(point: bytes):
    """A key that makes the shared secret known to everyone ends it, from either side."""
    ana, _ = begun()
    assert [one.step for one in ana.receive(step_of(ana, VerifyStep.ANSWER, point))] == [VerifyStep.CANCEL]
    promised = hashlib.sha256(
        b"parlour words commitment v1\0" + CONTEXT.process.encode() + b"\0" + point
    ).digest()
    ben = Exchange.asked(CONTEXT, step_of(ana, VerifyStep.START, promised))
    ben.answer()
    ben.receive(step_of(ben, VerifyStep.REVEAL, point))
    assert ben.ended == "The other side's key cannot be used."


def test_a_reflected_key_is_refused():
    """Our own key sent back to us would make both ends ours."""
    ana, _ = Exchange.begin(CONTEXT)
    ana.receive(step_of(ana, VerifyStep.ANSWER, ana._share))
    assert ana.state is State.FAILED


def test_a_reflected_confirmation_is_refused():
    """Our own confirmation sent back proves nothing."""
    ana, _ = comparing()
    (confirm,) = ana.confirm(said(ana))
    ana.receive(confirm)
    assert (ana.state, "different words" in ana.ended) == (State.FAILED, True)


@pytest.mark.parametrize("share", [None, b"\0", bytes(32), bytes(64)])
def test_a_confirmation_needs_its_proof(share: bytes | None):
    """A confirmation without the proof that the words were the same is no confirmation."""
    ana, _ = comparing()
    ana.confirm(said(ana))
    ana.receive(step_of(ana, VerifyStep.CONFIRM, share))
    assert ana.state is State.FAILED


@pytest.mark.parametrize("share", [None, b"\1", bytes(31), bytes(33)])
def test_shares_of_another_size_are_refused(share: bytes | None):
    """A commitment or a key that is too short, too long or missing ends it."""
    ana, _ = begun()
    ana.receive(step_of(ana, VerifyStep.ANSWER, share))
    assert ana.state is State.FAILED
    with pytest.raises(SetupError):
        Exchange.asked(CONTEXT, step_of(ana, VerifyStep.START, share))


def reached(state: State) -> Exchange:
    """Return an exchange in a live state."""
    ana, ben = begun() if state in {State.WAITING, State.ASKED, State.ANSWERED} else comparing()
    match state:
        case State.ASKED:
            return ben
        case State.ANSWERED:
            ben.answer()
            return ben
        case State.CONFIRMED:
            ana.confirm(said(ana))
        case State.AWAITED:
            ana.receive(*ben.confirm(said(ben)))
        case _:
            pass
    assert ana.state is state
    return ana


LIVE = [state for state in State if state not in {State.DONE, State.FAILED}]
HEARD = {
    VerifyStep.START: None,
    VerifyStep.ANSWER: Act.HEAR_ANSWER,
    VerifyStep.REVEAL: Act.HEAR_REVEAL,
    VerifyStep.CONFIRM: Act.HEAR_CONFIRM,
}


WRONG = [(state, step) for state in LIVE for step, act in HEARD.items() if (state, act) not in TRANSITIONS]
MOMENTS = {"answer": {State.ASKED}, "confirm": {State.COMPARING, State.AWAITED}}


@pytest.mark.parametrize(("state", "step"), WRONG)
def test_every_wrong_order_ends_it(state: State, step: VerifyStep):
    """A step that the table does not have, a repeated one among them, ends the process and is told."""
    exchange = reached(state)
    (cancel,) = exchange.receive(step_of(exchange, step, bindings.crypto_scalarmult_base(b"\7" * 32)))
    assert cancel.step is VerifyStep.CANCEL
    assert exchange.state is State.FAILED
    assert "wrong order" in exchange.ended
    assert not exchange.words


@pytest.mark.parametrize("state", LIVE)
def test_a_cancellation_ends_it_without_an_answer(state: State):
    """Two sides that cancel do not go on telling each other."""
    exchange = reached(state)
    assert not exchange.receive(step_of(exchange, VerifyStep.CANCEL))
    assert "differ" in exchange.ended


@pytest.mark.parametrize(
    ("state", "decide"), [(s, act) for s in LIVE for act, right in MOMENTS.items() if s not in right]
)
def test_a_person_cannot_decide_too_early_or_twice(state: State, decide: str):
    """A key press that comes at the wrong moment changes nothing, and does not end it either."""
    exchange = reached(state)
    act = {"answer": exchange.answer, "confirm": lambda: exchange.confirm(said(exchange))}[decide]
    with pytest.raises(SetupError):
        act()
    assert exchange.state is state


def test_differing_words_are_reported():
    """The person who sees other words cancels, and both sides show why."""
    ana, ben = comparing()
    (cancel,) = ana.cancel()
    ben.receive(cancel)
    assert ana.state is ben.state is State.FAILED
    assert not ana.cancel()


@given(st.lists(st.sampled_from([*HEARD, VerifyStep.CANCEL]), max_size=8))
def test_no_sequence_of_steps_verifies_without_our_person(steps: list[VerifyStep]):
    """Whatever the other side sends, it is never verified before our person confirmed."""
    ana, ben = comparing()
    (proof,) = ben.confirm(said(ben))
    for step in steps:
        ana.receive(with_field(proof, step=step))
    assert ana.ended != VERIFIED


def test_the_table_ends_where_it_should():
    """Nothing leads out of the end, and each live state can be cancelled by both sides."""
    assert not any(state in {State.DONE, State.FAILED} for state, _ in TRANSITIONS)
    for state in LIVE:
        assert TRANSITIONS[state, Act.CANCEL] is TRANSITIONS[state, Act.HEAR_CANCEL] is State.FAILED


def test_the_five_words_are_55_bits():
    """Each of the eleven bits of each word counts: neighbouring numbers give neighbouring words."""
    from parlour_client.core.e2ee.identity.keys import word_list  # noqa: PLC0415
    from parlour_client.core.e2ee.trust.sas import _words  # noqa: PLC0415

    numbers = [(1 << bit) << 1 for bit in range(55)]
    made = [_words(number.to_bytes(7, "big")) for number in (0, *numbers)]
    assert len(set(made)) == 56
    assert all(one != other for one, other in pairwise(made))
    assert made[0] == (word_list()[0],) * 5
