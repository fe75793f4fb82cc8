"""The real app in a real pseudo-terminal: the bytes that it writes, and the columns that they draw."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from unicodedata import category

import pyte
import pytest
from tests.client.ui.corpus import samples
from tests.client.ui.pseudo_terminal import Terminal
from tests.client.ui.test_defences import WORST

from parlour_protocol.kit.text.forbidden import FORBIDDEN

HERE = Path(__file__).parents[2] / "ui"
SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[P_^X][^\x1b]*\x1b\\|\x1b[ -/]*[0-~]"
)
COLUMNS, ROWS = 120, 60
WIDE = (
    "नमस्ते दुनिया, क्या हाल है", "தமிழ் மொழி இனிமையானது", "မြန်မာဘာသာစကား", "👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "🇸🇪🇳🇴🇩🇰",
    "👋🏽👋🏽", "☃️☃️ 1️⃣2️⃣", "සිංහල භාෂාව", "ꦧꦱꦗꦮ", "שלום עולם", "العربية جميلة", "日本語と한국어",
)  # fmt: skip

Run = Callable[[list[str]], bytes]


@pytest.fixture
def written(tmp_path: Path) -> Run:
    """Return what gives the bytes that the app writes for some messages."""

    def run(texts: list[str], rows: int = ROWS, until: bytes = b"END OF ALL") -> bytes:
        file = tmp_path / "texts.json"
        file.write_text(json.dumps(texts))
        terminal = Terminal(HERE / "in_terminal.py", str(file), columns=COLUMNS, rows=rows)
        terminal.read_until(b"END OF ALL")
        terminal.read_until(until)  # older messages come page by page
        assert terminal.finish() == 0
        return terminal.output

    return run


def kinds(output: str) -> set[str]:
    """Return the escape sequences without their numbers."""
    found = set()
    for sequence in SEQUENCE.findall(output):
        plain = sequence.startswith("\x1b[") and sequence[-1] in "mGH"
        found.add(f"CSI {sequence[-1]}" if plain else sequence)
    return found


def test_hostile_messages_add_no_byte_that_acts(written: Run) -> None:
    """With the worst texts the app writes the kinds of sequences that it writes with harmless ones."""
    harmless = written(["hello"]).decode()
    hostile = written([*WORST, *(f"x{text}y" for text in WORST)]).decode()
    assert kinds(hostile) <= kinds(harmless)
    rest = SEQUENCE.sub("", hostile).replace("\r", "").replace("\n", "")
    assert not FORBIDDEN.findall(rest)
    assert "⟦ESC⟧]52;c;ZXZpbA==" in rest


@pytest.mark.long
def test_the_whole_corpus_adds_no_byte_that_acts(written: Run) -> None:
    """The same for the corpus's hostile texts, cut to a row or two, on a terminal high enough for all."""
    texts = [sample.text[:120].replace("\n", " ") for sample in samples() if sample.kind == "hostile"]
    harmless = kinds(written(["hello"]).decode())
    output = written(["THE OLDEST", *texts], rows=900, until=b"THE OLDEST").decode()  # type: ignore[call-arg]
    assert kinds(output) <= harmless
    rest = SEQUENCE.sub("", output).replace("\r", "").replace("\n", "")
    assert not FORBIDDEN.findall(rest)
    assert rest.count("hidden character") > 250


class OneCellEach(pyte.Screen):
    """A terminal that gives every code point a cell of its own: as wide as any can be."""

    def draw(self, data: str) -> None:
        """Put each code point in a cell; at the right edge stay there, as with ?7l."""
        for char in data:
            column = min(self.cursor.x, self.columns - 1)
            self.buffer[self.cursor.y][column] = self.cursor.attrs._replace(data=char)
            self.cursor.x = column + 1


class NarrowMarks(pyte.Screen):
    """A terminal that draws marks, joiners and whole emoji clusters in no cell at all."""

    def draw(self, data: str) -> None:
        """Leave out marks, invisible characters and pictographs."""
        super().draw(
            "".join(c for c in data if category(c)[0] != "M" and category(c) != "Cf" and ord(c) < 0x1F000)
        )


@pytest.mark.parametrize("kind", [OneCellEach, NarrowMarks, pyte.Screen])
def test_borders_stay_where_they_are_when_widths_disagree(kind: type[pyte.Screen], drawn: str) -> None:
    """On terminals that count cells differently, the panes beside the timeline do not move."""
    screen = kind(COLUMNS, ROWS)
    pyte.Stream(screen).feed(drawn)
    rooms = [screen.buffer[y][22].data for y in range(ROWS - 2)]
    people = [screen.buffer[y][COLUMNS - 19].data for y in range(ROWS - 2)]
    assert set(rooms[1:]) == {"│"}  # below the title
    assert set(people[1:]) == {"│"}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what the app draws for texts whose width is disputed, up to where it gives the screen back."""
    file = tmp_path_factory.mktemp("wide") / "texts.json"
    file.write_text(json.dumps(list(WIDE)))
    terminal = Terminal(HERE / "in_terminal.py", str(file), columns=COLUMNS, rows=ROWS)
    terminal.read_until(b"END OF ALL")
    assert terminal.finish() == 0
    return _until_exit(terminal.output.decode())


def _until_exit(output: str) -> str:
    """Leave out the end, where the app gives the screen back."""
    return output[: output.rindex("\x1b[?1049l")]
