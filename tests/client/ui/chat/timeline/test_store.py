"""Heights, rows and entries, without a widget."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, LAPTOP, LOBBY, START, raw_text

from parlour_client.core.model import Delivery, Entry, ReactionCount
from parlour_client.ui.chat.timeline.heights import Heights
from parlour_client.ui.chat.timeline.holes import Run
from parlour_client.ui.chat.timeline.layout import Layout
from parlour_client.ui.chat.timeline.pieces import Look, Row
from parlour_client.ui.chat.timeline.rows import (
    FIRST_GUTTER,
    FOLD_AT,
    GUTTER,
    QUOTE_GUTTER,
    REACTIONS_GUTTER,
    Setting,
    rows_of,
)
from parlour_client.ui.chat.timeline.store import Store, seq_of
from parlour_client.ui.chat.timeline.wrap import wrapped
from parlour_protocol.frames import bodies
from parlour_protocol.frames.fields import Reaction, TopicText
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.text import BLANK_LABEL, safe_text
from parlour_protocol.kit.text.cell_width import cell_width
from parlour_protocol.kit.text.forbidden import FORBIDDEN


def message(seq: int | None, text: str = "hello", author: object = BOB, minutes: int = 0) -> Entry:
    """Make a message; without a number it is one of ours on its way."""
    body = bodies.Message(raw_text(text))
    at = Millis(START + minutes * 60_000)
    request = None if seq is not None else RequestId("q" * 22)
    number = Seq(seq) if seq is not None else None
    delivery = Delivery.STORED if seq is not None else Delivery.QUEUED
    return Entry(
        LOBBY, at, author, LAPTOP, body, seq=number, request=request, text=body.text, delivery=delivery  # type: ignore[arg-type]
    )  # fmt: skip


PLAIN = Layout("cosy", timestamps="off")
"""Without times and names beside them: what is left is the text's own rows."""


def plain(rows: tuple[Row, ...]) -> list[str]:
    """Return rows as they read."""
    return ["".join(piece.text for piece in row) for row in rows]


@given(st.lists(st.tuples(st.sampled_from(["append", "set", "pop"]), st.integers(0, 50), st.integers(1, 9))))
def test_heights_agree_with_a_plain_list(steps: list[tuple[str, int, int]]) -> None:
    """After any changes, sums and look-ups are those of a list."""
    heights, model = Heights([3, 1]), [3, 1]
    for step, index, value in steps:
        if step == "append" or not model:
            heights.append(value)
            model.append(value)
        elif step == "set":
            heights.set(index % len(model), value)
            model[index % len(model)] = value
        else:
            assert heights.pop() == model.pop()
    assert heights.total == sum(model)
    assert [heights.before(i) for i in range(len(model) + 1)] == [
        sum(model[:i]) for i in range(len(model) + 1)
    ]
    rows = [(i, row) for i, height in enumerate(model) for row in range(height)]
    assert [heights.find(row) for row in range(len(rows))] == rows


FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
DISPUTED = ("👨‍👩‍👧‍👦", "🇸🇪", "👋🏽", "☃️", "1️⃣", "தமிழ்", "नमस्ते", "မြန်မာ", "a", " ", "日", "\u202e")


@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(DISPUTED)).map("".join)), st.integers(8, 30))
def test_no_row_is_wider_than_asked_by_either_measure(text: str, width: int) -> None:
    """A row fits on terminals that count like Textual and on those that count mark by mark."""
    for row in wrapped(safe_text(text), width):
        joined = "".join(span.text for span in row)
        assert cell_len(joined) <= width
        assert cell_width(joined) <= width


@given(st.lists(st.sampled_from((*DISPUTED, FLAG))).map("".join), st.integers(12, 30))
def test_a_quote_is_cut_between_clusters(text: str, width: int) -> None:
    """Bare tags are never drawn, and the quote fits by either measure."""
    reply = replace(message(2), reply_to=Seq(1))
    quote = plain(rows_of(reply, Setting(width, ALICE, parent=message(1, text), layout=PLAIN)))[1]
    assert not FORBIDDEN.search(quote)
    assert max(cell_len(quote), cell_width(quote)) <= width


@given(st.text(max_size=80), st.integers(4, 30))
def test_wrapping_drops_nothing_but_spaces(text: str, width: int) -> None:
    """Every visible character of the safe text is on some row."""
    safe = safe_text(text)
    shown = "".join(span.text for row in wrapped(safe, width) for span in row)
    assert shown.replace(" ", "") == "".join(safe.lines).replace(" ", "")


def test_every_row_of_peer_text_has_the_gutter() -> None:
    """No row of a message can imitate a header or a system line."""
    text = "one\n· carol left  12:00\nbob  12:01\n" + "word " * 40
    rows = plain(rows_of(message(5, text), Setting(width=30, me=ALICE, layout=PLAIN)))
    assert rows[0] == "bob"
    assert rows[1] == FIRST_GUTTER + "one"
    assert all(row.startswith(GUTTER) for row in rows[2:])


def test_a_reason_with_escapes_stands_behind_the_gutter() -> None:
    """A stranger's words in a system line are on a row of their own."""
    entry = replace(message(5), text=None, body=bodies.Kicked(CAROL, str.__new__(ReasonText, "x\x1b[2J")))
    rows = plain(rows_of(entry, Setting(width=40, me=ALICE, layout=PLAIN)))
    assert rows[0].startswith("· bob removed carol")
    assert rows[1] == GUTTER + "x⟦ESC⟧[2J"


@pytest.mark.parametrize("blank", ["\u2800", "\u00a0\u3000", "\u2003", "\U0001d159", " \n "], ids=ascii)
def test_words_without_ink_are_a_row_that_says_so(blank: str) -> None:
    """A reason, a topic, why something failed, a file's name, a reaction: none of them is an empty row."""
    setting = Setting(width=60, me=ALICE, layout=PLAIN)
    wordings = [
        replace(message(5), text=None, body=bodies.Kicked(CAROL, str.__new__(ReasonText, blank))),
        replace(message(5), text=None, body=bodies.TopicSet(str.__new__(TopicText, blank))),
        replace(message(None), delivery=Delivery.FAILED, problem=blank),
    ]
    for entry in wordings:
        assert "· blank" in plain(rows_of(entry, setting))
    reacted = replace(message(5), reactions=(ReactionCount(str.__new__(Reaction, blank), (BOB,)),))
    assert REACTIONS_GUTTER + f"{BLANK_LABEL} 1" in plain(rows_of(reacted, setting))


def test_a_mention_has_a_gutter_of_another_form() -> None:
    """Colour is not the only sign of a mention."""
    rows = plain(rows_of(message(5, "hi @alice"), Setting(width=40, me=ALICE, layout=PLAIN)))
    assert rows[1] == "┣ hi @alice"
    answer = replace(message(5, "hi @alice"), reply_to=Seq(1))
    rows = plain(rows_of(answer, Setting(width=40, me=ALICE, layout=PLAIN, parent=message(1))))
    assert rows[1:] == ["╭ bob: hello", "┣ hi @alice"]


@pytest.mark.parametrize("formatting", ["on", "markers", "off"])
def test_a_typed_quote_never_looks_like_a_reply(formatting: str) -> None:
    """What a message replies to has a gutter of its own, which no text can begin with."""
    setting = Setting(width=40, me=ALICE, layout=replace(PLAIN, formatting=formatting), parent=message(1))
    real = plain(rows_of(replace(message(5, "yes"), reply_to=Seq(1)), setting))
    assert real[1:] == [f"{QUOTE_GUTTER}bob: hello", f"{FIRST_GUTTER}yes"]
    typed = plain(rows_of(message(5, f"{QUOTE_GUTTER}bob: hello\n> bob: hello\nyes"), setting))
    assert not [row for row in typed if row.startswith(QUOTE_GUTTER)]


def test_long_messages_are_folded_with_a_count_and_open() -> None:
    """A flood takes a bounded number of rows until it is opened."""
    entry = message(5, "\n".join(str(i) for i in range(100)))
    folded = plain(rows_of(entry, Setting(width=40, me=ALICE, layout=PLAIN)))
    assert len(folded) == FOLD_AT + 1
    assert folded[-1] == "· … 77 more lines (Enter: show)"
    assert len(rows_of(entry, Setting(width=40, me=ALICE, layout=PLAIN, opened=True))) == 101


def test_states_are_shown_in_words() -> None:
    """Edited, deleted, blank, hidden, queued and failed are readable without colour."""
    setting = Setting(width=70, me=ALICE, layout=PLAIN)
    assert "· edited" in plain(rows_of(replace(message(5), edited=True), setting))
    assert "· deleted" in plain(rows_of(replace(message(5), deleted=True, text=None), setting))
    assert "· blank" in plain(rows_of(message(5, " \u3000"), setting))
    assert any(
        row == "· 1 hidden character (i: which)" for row in plain(rows_of(message(5, "a\u202eb"), setting))
    )
    assert any("queued" in row for row in plain(rows_of(message(None), setting)))
    held = plain(rows_of(replace(message(None), problem="ben has another key."), setting))
    assert GUTTER + "ben has another key." in held
    assert not [row for row in held if "connection" in row]  # that is not what it waits for
    failed = replace(message(None), delivery=Delivery.FAILED, problem="too fast\x1b")
    assert [row for row in plain(rows_of(failed, setting)) if "not sent" in row]
    assert GUTTER + "too fast⟦ESC⟧" in plain(rows_of(failed, setting))


def test_reactions_show_counts_and_stay_behind_the_gutter() -> None:
    """A reaction is a stranger's text."""
    reaction = ReactionCount(str.__new__(Reaction, "👍\u202e"), (BOB, CAROL))
    rows = rows_of(replace(message(5), reactions=(reaction,)), Setting(width=40, me=ALICE, layout=PLAIN))
    assert plain(rows)[-1] == REACTIONS_GUTTER + "👍⟦U+202E⟧ 2"
    assert rows[-1][-2].look is Look.ESCAPE


def test_unread_and_day_lines_stand_before_the_entry() -> None:
    """Dividers are the client's own rows."""
    rows = plain(rows_of(message(5), Setting(width=40, me=ALICE, layout=PLAIN, new_day=True, new=4)))
    assert rows[0].startswith("── ")
    assert "2026" in rows[0]
    assert rows[1].startswith("── 4 new ──")
    assert plain(rows_of(message(5), Setting(width=40, me=ALICE, new=0)))[0].startswith("── new ──")


def test_a_message_goes_on_under_the_same_header_for_five_minutes() -> None:
    """Rows of one person in a row have one header."""
    store = Store(ALICE, [message(1), message(2, minutes=1), message(3, minutes=20)])
    store.layout = PLAIN
    store.estimate(40)
    assert [len(store.rows(i)) for i in range(3)] == [3, 1, 2]


def test_an_event_is_never_there_twice() -> None:
    """The same number again changes the entry."""
    store = Store(ALICE, [message(1), message(2)])
    assert not store.put(message(2, "again"))
    assert [entry.text for entry in store.entries] == ["hello", "again"]


def test_a_sent_message_takes_its_place_when_it_is_stored() -> None:
    """Our message moves from the end to its number, and stays one."""
    store = Store(ALICE, [message(1)])
    store.put(message(None, "mine"))
    store.put(message(3, "later"))
    assert [entry.text for entry in store.entries] == ["hello", "later", "mine"]
    store.put(replace(message(2, "mine"), request=RequestId("q" * 22)))
    assert [entry.text for entry in store.entries] == ["hello", "mine", "later"]


@pytest.mark.parametrize("how", ["a message that is stored", "a page above", "a page below"])
def test_a_receipt_waits_for_the_message_that_it_is_about(how: str) -> None:
    """It is not stored, so it overtakes the event; who sent it sees that it was read all the same."""
    mine, later = message(5, author=ALICE), message(9, author=ALICE)
    above = how == "a page above"
    store = Store(ALICE, [message(7)] if above else [mine])
    wanted = mine if above else later
    store.estimate(60)
    store.receive({BOB: seq_of(wanted)})
    if above:
        store.prepend([mine])
    elif how == "a page below":
        store.merge([later], Run(Seq(8), Seq(10)))
    else:
        store.put(later)
    index = store.index_of(seq_of(wanted))
    assert index is not None
    read = [any("read by bob" in row for row in plain(store.rows(at))) for at in range(len(store.entries))]
    assert read == [at == index for at in range(len(store.entries))]


def test_edits_and_reactions_are_no_rows_of_their_own() -> None:
    """They are shown at their message."""
    store = Store(ALICE, [message(1), replace(message(2), text=None, body=bodies.Deleted(Seq(1)))])
    assert len(store) == 1


def test_dropping_the_oldest_keeps_the_rest() -> None:
    """Memory is bounded; what is kept is found by its number."""
    store = Store(ALICE, [message(i, minutes=i) for i in range(1, 101)])
    store.estimate(40)
    store.drop_oldest(60)
    assert len(store) == 40
    assert store.index_of(Seq(61)) == 0
    assert store.index_of(Seq(60)) is None
