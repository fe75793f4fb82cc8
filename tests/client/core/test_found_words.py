"""Where the words of a search stand: what the index finds is marked, and nothing else."""

import apsw
import pytest

from parlour_client.core.archive import schema
from parlour_client.core.found_words import FoundWords
from parlour_client.core.search_query import QueryError, parse
from parlour_protocol.kit.ids import Millis

TEXTS = (
    "Who does the watering from Friday on?",
    "WATERING, watering; water",
    "e\u0301te\u0301 and été and ete",
    "Die Stra\u00dfe ist na\u00df, STRASSE",
    "\u0130stanbul istanbul \u1eaew",
    "wat\u202eering",
    "👍🏽 yes 👍 👨\u200d👩\u200d👧 no",
    "漢字かな交じり文 한국어 שלום עולם नमस्ते ไทย",
    "a-b a_b a.b A B",
    '"quoted" it\'s x' + "\u0300" * 9 + "y",
    "",
)
SEARCHES = (
    "water", '"water"', "watering after:30d", "ete", "ÉTÉ", "e\u0301te", "strasse", "straße", "istanbul", "x",
    "wat", "👍", "漢字", "שלום", "a-b", '"a b"', "it's", "from:bob the", "has:", "nothing", "was:", "नम",
)  # fmt: skip


@pytest.fixture(scope="module")
def index() -> apsw.Connection:
    """Return an archive with these texts in its index."""
    connection = apsw.Connection(":memory:")
    schema.create(connection)
    for number, text in enumerate(TEXTS, 1):
        connection.execute("INSERT INTO words (rowid, text, facts) VALUES (?, ?, 'any')", (number, text))
    return connection


@pytest.mark.parametrize("search", SEARCHES)
def test_it_is_what_the_index_finds(index: apsw.Connection, search: str) -> None:
    """Case, accents, other scripts, phrases and a last word that goes on: the database's own highlighting."""
    marked = FoundWords(search)
    try:
        query = parse(search, lambda _name: [], Millis(0))
    except QueryError:  # not complete yet
        query = None
    for number, text in enumerate(TEXTS, 1):
        found = marked(text)
        if query is None or not query.phrases:
            assert found == ()
            continue
        words = " AND ".join('"' + phrase.replace('"', '""') + '"' for phrase in query.phrases)
        wanted = f"{{text}} : ({words}{' *' if query.unfinished else ''})"
        rows = index.execute(
            "SELECT highlight(words, 0, char(1), char(2)) FROM words WHERE words MATCH ? AND rowid = ?",
            (wanted, number),
        )
        shown = [str(shown) for (shown,) in rows]
        if shown:
            assert with_marks(text, found) == shown[0]


def with_marks(text: str, places: object) -> str:
    """Return a text with marks around these places."""
    assert isinstance(places, list)
    for start, end in reversed(places):
        text = f"{text[:start]}\x01{text[start:end]}\x02{text[end:]}"
    return text


def test_a_word_that_was_typed_twice_is_found_once() -> None:
    """Else each of them costs as much again in every text."""
    assert FoundWords("see see see ")("I see") == [(2, 5)]
