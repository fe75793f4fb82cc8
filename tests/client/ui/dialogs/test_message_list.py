"""A message on one row of a list, and what was searched for in it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.content import Content

from parlour_client.core.found_words import FoundWords
from parlour_client.core.model import Entry
from parlour_client.ui.dialogs.message_list import message_rows, text_of
from parlour_protocol.kit.ids import Millis

pytestmark = pytest.mark.usefixtures("in_utc")


def said(text: str) -> Entry:
    """Return a message."""
    return FakeClient.peopled().say(LOBBY, BOB, text)


def test_no_list_shows_a_spoiler() -> None:
    """Search and threads show one text: covered, with every other marker as it was sent."""
    entry = said("**ben** ||wins||\nand **you**")
    assert text_of(entry).plain.startswith("│ **ben** ||[spoiler]||")
    (row,) = message_rows([entry], entry.at, 80)
    assert text_of(entry).plain in row.plain
    assert not marked(text_of(entry, FoundWords("wins")))


def marked(shown: Content) -> list[str]:
    """Return what is marked as found."""
    return [shown.plain[span.start : span.end] for span in shown.spans if "underline" in str(span.style)]


@pytest.mark.parametrize(
    ("text", "search", "found"),
    [
        ("The shed, the SHED: sheds", "shed", ["shed", "SHED", "sheds"]),
        ('The "shed key" and a key', '"shed key"', ["shed key"]),
        ("e\u0301te\u0301 été", "ete", ["e\u0301te\u0301", "été"]),
        ("\u202e 202e u \u202d", "202", ["202e"]),  # an escape is ours: ⟦U+202E⟧ was not written by anyone
        ("\u200bwatering\u200b", '"watering"', ["watering"]),
        ("漢字 漢字かな", "漢字", ["漢字", "漢字かな"]),
        ("👍🏽 👍", "👍", ["👍🏽", "👍"]),
        ("x\u0363y and x", '"x"', ["x\u0363", "x"]),  # a letter with its marks is one cell
        ("from:ben is no word", "from:ben has:link no", ["no"]),
        ("İstanbul", "istanbul", ["İstanbul"]),
    ],
)
def test_what_was_found_is_marked_as_it_is_shown(text: str, search: str, found: list[str]) -> None:
    """Whatever is shown in place of what was sent, and by the words of the index."""
    assert marked(text_of(said(text), FoundWords(search))) == found


def test_a_long_text_begins_near_what_was_found() -> None:
    """At a word, with what was found in sight; a text that shows it anyway is not cut."""
    entry = said("It rained all night, so I only did the pots, and that was the last watering of the year.")
    shown = text_of(entry, FoundWords("watering"), cells=62)
    assert shown.plain == "│ …and that was the last watering of the year."
    assert text_of(entry, FoundWords("watering"), cells=80).plain.startswith("│ It rained")
    joined = said("x" * 300 + "\u0301" * 40 + "needle")
    assert marked(text_of(joined, FoundWords("x"), cells=20))


@pytest.mark.parametrize(
    ("at", "width", "row"),
    [
        ("2026-12-01T07:31", 80, "today   07:31  bob      │ hello"),
        ("2026-11-30T07:31", 80, "Mon 30  07:31  bob      │ hello"),
        ("2026-11-25T23:59", 80, "Wed 25  23:59  bob      │ hello"),
        ("2026-11-24T23:59", 80, "24 Nov  23:59  bob      │ hello"),
        ("2025-12-01T07:31", 80, "1 Dec 2025 07:31  bob      │ hello"),
        ("2026-12-02T07:31", 80, "2 Dec   07:31  bob      │ hello"),  # a server's clock is its own
        ("2026-11-30T07:31", 40, "Mon 30  bob    │ hello"),
    ],
)
def test_days_are_short(at: str, width: int, row: str) -> None:
    """As short as it is clear; below 60 cells there is no time."""
    entry = said("hello")
    then = Millis(int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000))
    now = Millis(int(datetime(2026, 12, 1, 8, tzinfo=UTC).timestamp() * 1000))
    (shown,) = message_rows([replace(entry, at=then)], now, width)
    assert shown.plain == row
