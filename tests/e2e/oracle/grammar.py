"""A strict reader of what the client writes to its terminal: what it does not know is a violation.

It knows the few sequences that Textual is allowed to emit and asks Python's own Unicode tables about every
other code point, so that it shares no table with the code that it judges. It never guesses: half a sequence
waits for the rest. The terminal feeds it every byte.
"""

import base64
import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<parameters>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x1b\x9c]*)(?:\x07|\x1b\\)"
    r"|(?P<line>\r|\n)"
    r"|(?P<unknown>.)",
    re.DOTALL,
)
UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b\x9c]{0,20000}\x1b?)?\Z")
ALLOWED = re.compile(
    r"\d+;\d+H|\d*G|[\d;]*m"
    r"|\?(?:25|1000|1002|1003|1004|1006|1015|1016|2004|2026|2048)[hl]|\?1049h|\?7l"
    r"|\?(?:2026|2048)\$p|>\d+u|<u"
)
AT_THE_END = re.compile(r"\?1049l|\?7h|8h")
BIDI = "8l"
OWN_OSC = re.compile(r"22;[a-z-]*")
"""The shape of the mouse pointer."""
NEWS = re.compile(
    r"(?:9;|777;notify;Parlour;|99;i=parlour:d=1;)"
    r"(?:New message|[1-9]\d{0,2} new messages|You were removed from a room) in Parlour"
)
"""A notification: it holds nothing but a number."""
CLIPBOARD = "52;c;"
REPLACEMENT = "\ufffd"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

_IN_CONTEXT = frozenset(
    [0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x061C, 0x180B, 0x180C, 0x180D, 0x180E, 0x180F]
)
_VISIBLE_FORMATS = frozenset([*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD])
_FILLERS = frozenset([0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0xFE03, 0xFE0E), 0xFFFC])
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_FLAGS = re.compile(
    "\U0001f3f4(?:\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    "|\U000e0077\U000e006c\U000e0073)\U000e007f)"
)


def _class(points: Iterator[int]) -> str:
    return "".join(f"\\U{point:08X}" for point in points)


def _forbidden() -> Iterator[int]:
    for point in range(0x110000):
        may_pass = point in _IN_CONTEXT or point in _VISIBLE_FORMATS
        if point in _FILLERS or (unicodedata.category(chr(point)) in _HIDDEN and not may_pass):
            yield point


_POINTS = [point for point in _forbidden() if point < 0xD800 or 0xF8FF < point < 0xF0000]
FORBIDDEN = re.compile(f"[{_class(iter(_POINTS))}\ud800-\uf8ff\U000f0000-\U0010ffff]")
RUN = re.compile("[\u200b-\u200f\u061c\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]{3}")
"""Nothing that the rule lets through in context stands three times in a row."""


@dataclass(frozen=True)
class Token:
    """One thing that the terminal was told: ``kind`` is T (text), H, G, N (line feed) or R (return)."""

    kind: str
    text: str = ""
    row: int = 0
    column: int = 0


class Reader:
    """Bytes in, tokens and violations out."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Read; ``texts`` that hold U+FFFD may show it, beside the characters that it stands beside there."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._rest = ""
        self._neighbours = {
            (text[: at.start()][-1:], text[at.end() :][:1])
            for text in texts
            for at in re.finditer(REPLACEMENT, text)
        }
        self.closing = False
        """Whether the client was told to end: then it may give the terminal back."""
        self.news = 0
        """Notifications that came."""
        self.clipboard: list[str] = []
        """What was copied."""
        self.clipboard_allowed = False
        """Whether the person pressed the key that copies."""
        self.violations: list[tuple[int, str]] = []
        """Each with the row of the screen (from 1) where it happened."""
        self.frames = 0
        """Synchronised updates that are complete."""
        self.in_frame = False
        """Whether an update has begun and is not complete: the screen is then partly the old one."""
        self._row = 1

    def feed(self, data: bytes) -> list[Token]:
        """Take bytes; return what they say."""
        try:
            text = self._rest + self._decoder.decode(data)
        except UnicodeDecodeError as error:
            self._violation(f"no UTF-8: {data[error.start : error.end]!r}")
            text = self._rest + data.decode("utf-8", "replace")
            self._decoder.reset()
        end = found.start() if (found := UNFINISHED.search(text)) else len(text)
        matches = list(TOKEN.finditer(text[:end]))
        if matches and end == len(text) and matches[-1]["text"] is not None:
            end = matches.pop().start()  # it may go on: a cluster is judged and measured whole
        self._rest = text[end:]
        return [token for match in matches if (token := self._token(match)) is not None]

    def _token(self, match: re.Match[str]) -> Token | None:
        if (text := match["text"]) is not None:
            self._judge(text)
            return Token("T", text)
        if match["line"] is not None:
            self._row += match["line"] == "\n"
            return Token("N" if match["line"] == "\n" else "R")
        if match["final"] is not None:
            return self._sequence(match["parameters"] + match["between"] + match["final"])
        if match["osc"] is not None:
            self._osc(match["osc"])
        else:
            self._violation(f"control {match['unknown']!a}")
        return None

    def _sequence(self, sequence: str) -> Token | None:
        known = ALLOWED.fullmatch(sequence) or sequence == BIDI
        if sequence in {"?2026h", "?2026l"}:
            self.in_frame = sequence == "?2026h"
            self.frames += not self.in_frame
        if not known and not (self.closing and AT_THE_END.fullmatch(sequence)):
            self._violation(f"sequence CSI {sequence!a}")
        if sequence[-1] == "H" and known:
            row, column = (int(number) for number in sequence[:-1].split(";"))
            self._row = row
            return Token("H", row=row, column=column)
        if sequence[-1] == "G" and known:
            return Token("G", column=int(sequence[:-1] or 1))
        return None

    def _osc(self, body: str) -> None:
        if body.startswith(CLIPBOARD) and self.clipboard_allowed:
            self._copied(body.removeprefix(CLIPBOARD))
        elif NEWS.fullmatch(body):
            self.news += 1
        elif not OWN_OSC.fullmatch(body):
            self._violation(f"operating system command {body[:40]!a}")

    def _copied(self, payload: str) -> None:
        """Judge what would be pasted as what is shown: only line feeds are more."""
        try:
            text = base64.b64decode(payload, validate=True).decode()
        except ValueError:
            self._violation("the clipboard gets no UTF-8 in base64")
            return
        self.clipboard.append(text)
        for line in text.split("\n"):
            if control := _CONTROL.search(line):
                self._violation(f"the clipboard gets the control {control[0]!a}")
            self._judge(line)

    def _judge(self, text: str) -> None:
        if text.isascii():
            return
        for wrong in FORBIDDEN.findall(_FLAGS.sub("", text)):
            self._violation(f"code point U+{ord(wrong):04X}")
        for at in re.finditer(REPLACEMENT, text):
            if not self._is_sent(text[: at.start()][-1:], text[at.end() :][:1]):
                self._violation("U+FFFD: the last wall had to act")
        if RUN.search(text):
            self._violation("a run of invisible characters")

    def _is_sent(self, before: str, after: str) -> bool:
        """Tell whether a text has U+FFFD there; rows are cut and padded, and a piece begins anywhere."""
        return any(
            (not left or before in {"", " ", left}) and (not right or after in {"", " ", "\u2026", right})
            for left, right in self._neighbours
        )

    def _violation(self, what: str) -> None:
        self.violations.append((self._row, what))
