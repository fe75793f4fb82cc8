"""The rule's verdict on every code point of one line.

A code point is shown as itself only if it is visible, or if it is an invisible character in the one context
where an orthography or an RGI emoji needs it; the verdicts cover the whole line, so nothing is dropped.
`sanitiser.safe_text` turns the verdicts into text, `inspector.inspect_text` into a table.
"""

import unicodedata
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import islice
from typing import ClassVar, Final

from parlour_protocol.kit.text import unicode_data
from parlour_protocol.kit.text.unicode_data import Kind

MAX_NONSPACING: Final = 4  # UTS #39 section 5.4
MAX_MARKS: Final = 4  # spacing marks included
MAX_MARKS_BURMESE: Final = 6  # words such as U+1019 103B 103E 1031 102C 103A need 5; so does Tai Tham
MAX_MARKS_TIBETAN: Final = 8
MAX_EMOJI_JOINERS: Final = 3  # the longest RGI sequences, family and kiss
MAX_JAMO: Final = 3  # of one kind in a syllable; modern Korean has 1, older text up to 3
MAX_LINKS: Final = 6  # letters linked by a virama are one cluster (UAX #29 GB9c); Sanskrit needs 4
RTL_WINDOW: Final = 8
WORD_WINDOW: Final = 128
"""Code points in which a direction mark finds the words beside it; a name has up to 32."""
WORDS_BESIDE: Final = 3
EDGE_WINDOW: Final = 4
RUN_WINDOW: Final = 32
DOTTED_CIRCLE: Final = "\u25cc"

_DOUBLED_MARKS: Final = frozenset({0x11128})  # CHAKMA VOWEL SIGN II is written as a doubled sign
_TIBETAN: Final = range(0x0F00, 0x1000)
_BURMESE: Final = frozenset({
    *range(0x1000, 0x10A0), *range(0x1A20, 0x1AB0), *range(0xA9E0, 0xAA00), *range(0xAA60, 0xAA80),
})  # fmt: skip
_HANGUL_SYLLABLES: Final = range(0xAC00, 0xD7A4)
_ZWJ: Final = "\u200d"
_ZWNJ: Final = "\u200c"
_DIGITS: Final = frozenset(chr(zero + digit) for zero in (0x30, 0x660, 0x6F0) for digit in range(10))
"""The digits that are written with Arabic letters."""
_KINDS: Final = tuple(Kind)


class Verdict(Enum):
    """The verdict on a code point."""

    SHOWN = "visible"
    IN_CONTEXT = "let through in context"
    ON_CIRCLE = "visible on a dotted circle"
    SPACES = "shown as spaces"
    ESCAPED = "escaped"
    LINE_BREAK = "line break"

    def __init__(self, _value: str) -> None:
        # Plain attributes: the rule asks for them once per code point.
        self.is_escaped = self._name_ == "ESCAPED"
        self.is_space = self._name_ == "SPACES"
        self.prefix = DOTTED_CIRCLE if self._name_ == "ON_CIRCLE" else ""


Run = tuple[int, int, Verdict]


class LineClassifier:
    """Goes over one line once, left to right; a line holds no LF.

    Invariants: ``_base`` is the code point that a mark would attach to, or -1 when that would be the client's
    own text; ``_kind`` and ``_shown`` tell about the code point just before; ``_emoji`` says that an emoji
    cluster is open, so that a joiner may continue it.
    """

    def __init__(self, line: str) -> None:
        self._line = line
        self._kinds = unicode_data.kinds()
        self._scripts = unicode_data.scripts()
        self._kind = Kind.HIDDEN
        self._shown = False
        self._base = -1
        self._emoji = False
        self._joiners = 0
        self._jamo = 0
        self._marks = self._nonspacing = self._enclosing = self._last_mark = 0
        self._saturated = False
        self._links = 0
        self._linked = False

    def runs(self) -> Iterator[Run]:
        """Yield (start, end, verdict) for the whole line."""
        line, plain, kinds = self._line, unicode_data.plain_run().match, self._kinds
        position, end = 0, len(line)
        while position < end:
            if match := plain(line, position):
                start, position = position, match.end()
                links = self._links if self._linked and position - start == 1 else 0
                self._start_cluster(ord(line[position - 1]), Kind.PLAIN)
                self._links = links
                yield start, position, Verdict.SHOWN
                continue
            point = ord(line[position])
            kind = _KINDS[kinds(point)]
            length, verdict = self._HANDLERS[kind](self, position, point, kind)
            self._shown = verdict is not Verdict.ESCAPED
            self._kind = kind
            yield position, position + length, verdict
            position += length

    def _start_cluster(self, base: int, kind: Kind) -> None:
        self._base = base
        self._kind = kind
        self._shown = True
        self._emoji = False
        self._joiners = self._jamo = 0
        self._marks = self._nonspacing = self._enclosing = self._last_mark = 0
        self._saturated = self._linked = False
        self._links = 0

    def _escape(self) -> tuple[int, Verdict]:
        """Escape one code point: what follows must not attach to the escape."""
        self._start_cluster(-1, Kind.HIDDEN)
        return 1, Verdict.ESCAPED

    def _if(self, allowed: bool) -> tuple[int, Verdict]:  # noqa: FBT001 - the one thing it is about
        return (1, Verdict.IN_CONTEXT) if allowed else self._escape()

    # --- visible characters that need limits

    def _hidden(self, _position: int, _point: int, _kind: Kind) -> tuple[int, Verdict]:
        return self._escape()

    def _visible(self, _position: int, point: int, kind: Kind) -> tuple[int, Verdict]:
        self._start_cluster(point, kind)
        return 1, Verdict.SHOWN

    def _tab(self, _position: int, _point: int, _kind: Kind) -> tuple[int, Verdict]:
        self._start_cluster(0x20, Kind.TAB)
        return 1, Verdict.SPACES

    def _prepended(self, _position: int, point: int, kind: Kind) -> tuple[int, Verdict]:
        """Show one, not a run: a run is one cluster of any width (UAX #29 Prepend)."""
        if self._kind is Kind.PREPENDED:
            return self._escape()
        self._start_cluster(point, kind)
        return 1, Verdict.SHOWN

    def _mark(self, _position: int, point: int, kind: Kind) -> tuple[int, Verdict]:
        verdict = Verdict.SHOWN
        if self._base < 0:  # the mark would attach to the client's own gutter, name or escape
            self._start_cluster(ord(DOTTED_CIRCLE), kind)
            verdict = Verdict.ON_CIRCLE
        if not self._marks:
            self._last_mark = _own_mark(self._base)
        is_spacing = kind is Kind.SPACING
        most, most_nonspacing = _mark_limits(self._base)
        self._saturated = (
            self._saturated
            or self._marks >= most
            or (not is_spacing and self._nonspacing >= most_nonspacing)
            or (kind is Kind.ENCLOSING and self._enclosing >= 1)
            or (kind is Kind.NONSPACING and point == self._last_mark and point not in _DOUBLED_MARKS)
        )
        self._linked = self._is(point, "LINKERS")
        self._links += self._linked
        self._saturated = self._saturated or self._links > MAX_LINKS
        if self._saturated:  # and so is every further mark of this base: it would attach to the escape
            self._emoji = self._linked = False
            return 1, Verdict.ESCAPED
        self._marks += 1
        self._nonspacing += not is_spacing
        self._enclosing += kind is Kind.ENCLOSING
        self._last_mark = point
        return 1, verdict

    def _inkless(self, position: int, point: int, _kind: Kind) -> tuple[int, Verdict]:
        """Show it where it joins or changes letters of its own script; elsewhere no one would see it."""
        script = self._scripts(point)
        allowed = self._shown and self._base >= 0 and self._scripts(self._base) == script
        if allowed and self._is(point, "JOINERS"):
            follows = self._line[position + 1 : position + 2]
            allowed = bool(follows) and self._scripts(ord(follows)) == script
            allowed = allowed and self._kinds(ord(follows)) == Kind.PLAIN
        return self._mark(position, point, Kind.NONSPACING) if allowed else self._escape()

    def _conjoining(self, position: int, point: int, kind: Kind) -> tuple[int, Verdict]:
        """Cap the letters of one Korean syllable; a vowel or final without its syllable has no width."""
        count = self._jamo + 1 if self._kind is kind else 1
        may_follow = kind is Kind.JAMO_L or (self._shown and self._continues_syllable(position, kind))
        if count > MAX_JAMO or not may_follow:
            self._escape()
            self._jamo = count
            return 1, Verdict.ESCAPED
        if kind is Kind.JAMO_L:
            self._start_cluster(point, kind)
        self._jamo = count
        return 1, Verdict.SHOWN

    def _continues_syllable(self, position: int, kind: Kind) -> bool:
        if self._kind is Kind.PLAIN:
            before = ord(self._line[position - 1])
            is_open = (before - _HANGUL_SYLLABLES.start) % 28 == 0  # LV, not LVT
            return before in _HANGUL_SYLLABLES and (is_open or kind is Kind.JAMO_T)
        allowed = (Kind.JAMO_L, Kind.JAMO_V) if kind is Kind.JAMO_V else (Kind.JAMO_V, Kind.JAMO_T)
        return self._kind in allowed

    # --- emoji

    def _pictograph(self, position: int, point: int, kind: Kind) -> tuple[int, Verdict]:
        joiners = self._joiners if self._emoji and self._kind is Kind.JOINER and self._shown else 0
        self._start_cluster(point, kind)
        self._emoji = True
        self._joiners = joiners
        if point == ord(unicode_data.BLACK_FLAG):
            for tail in unicode_data.FLAG_TAGS:
                if self._line.startswith(tail, position + 1):
                    self._emoji = False
                    return 1 + len(tail), Verdict.IN_CONTEXT
        return 1, Verdict.SHOWN

    def _tone(self, position: int, point: int, kind: Kind) -> tuple[int, Verdict]:
        """Show one after a pictograph, or by itself as a swatch; elsewhere it would attach to any base."""
        if self._emoji and self._kind in {Kind.PICTOGRAPH, Kind.EMOJI_VARIATION}:
            return 1, Verdict.IN_CONTEXT
        if position == 0 or self._before(position, "SPACES"):
            self._start_cluster(point, kind)
            return 1, Verdict.SHOWN
        return self._escape()

    def _emoji_variation(self, position: int, _point: int, _kind: Kind) -> tuple[int, Verdict]:
        return self._if(self._shown and self._before(position, "EMOJI_BASES"))

    # --- invisible characters of orthographies

    def _variation(self, position: int, point: int, _kind: Kind) -> tuple[int, Verdict]:
        """Let a registered sequence through: a selector that asks for nothing carries data no one sees."""
        base = ord(self._line[position - 1]) if position else 0
        return self._if(self._shown and unicode_data.is_registered(base, point))

    def _mongolian_variation(self, position: int, _point: int, _kind: Kind) -> tuple[int, Verdict]:
        return self._if(self._shown and self._script(position - 1) == unicode_data.mongolian())

    def _mongolian_separator(self, position: int, _point: int, _kind: Kind) -> tuple[int, Verdict]:
        beside = (self._script(position - 1), self._script(position + 1))
        allowed = self._kind is not Kind.MONGOLIAN_SEPARATOR and unicode_data.mongolian() in beside
        return self._if(allowed)

    def _joiner(self, position: int, _point: int, _kind: Kind) -> tuple[int, Verdict]:
        if self._continues_emoji(position):
            self._joiners += 1
            return 1, Verdict.IN_CONTEXT
        self._emoji = False
        return self._if(self._shown and (self._joins_letters(position) or self._ends_digits(position)))

    def _continues_emoji(self, position: int) -> bool:
        follows = self._line[position + 1 : position + 2]
        return (
            self._line[position] == _ZWJ
            and self._emoji
            and self._shown
            and self._kind in {Kind.PICTOGRAPH, Kind.TONE, Kind.EMOJI_VARIATION}
            and self._joiners < MAX_EMOJI_JOINERS
            and bool(follows)
            and self._kinds(ord(follows)) == Kind.PICTOGRAPH
        )

    def _joins_letters(self, position: int) -> bool:
        """RFC 5892 appendix A.1 and A.2, widened: the end of a word counts as well."""
        script = self._script_before(position)
        if script not in unicode_data.joining_scripts() or self._before(position, "NOT_LETTERS"):
            return False
        if position + 1 == len(self._line):
            return True
        follows = ord(self._line[position + 1])
        kind = self._kinds(follows)
        if kind in {Kind.TAB, Kind.DIRECTION_MARK} or self._is(follows, "NOT_LETTERS"):
            return True
        is_shared_mark = kind == Kind.NONSPACING and not self._scripts(follows)
        return self._scripts(follows) == script or is_shared_mark

    def _ends_digits(self, position: int) -> bool:
        """Tell whether a ZWNJ is between a number and its suffix, as Persian writes a plural of ten."""
        if not 0 < position < len(self._line) - 1 or self._line[position] != _ZWNJ:
            return False
        before, follows = self._line[position - 1], self._line[position + 1]
        return (
            before in _DIGITS and follows.isalpha() and self._scripts(ord(follows)) == unicode_data.arabic()
        )

    def _zero_width_space(self, position: int, _point: int, _kind: Kind) -> tuple[int, Verdict]:
        """Let it through where a word ends in a script without spaces, or beside its quotes and commas."""
        before, after = self._script_before(position), self._script(position + 1)
        if not {before, after} & unicode_data.spaceless_scripts() and not self._among_spaces(position):
            before, after = self._beyond_edge(position, -1), self._beyond_edge(position, +1)
            if not before and not after and self._is_between_words(position):
                before, after = self._beyond_word(position, -1), self._beyond_word(position, +1)
        ends = {
            before,
            after,
        } & unicode_data.spaceless_scripts()  # with letters of two of them, no word of either
        result = self._if(
            self._shown and position > 0 and self._kind is not Kind.ZERO_WIDTH_SPACE and len(ends) == 1
        )
        self._base = -1  # it ends the cluster: a mark behind it has no base
        return result

    def _among_spaces(self, position: int) -> bool:
        """Tell a ZWSP that no word is beside."""
        after = self._line[position + 1 : position + 2]
        return self._before(position, "SPACES") and (not after or self._is(ord(after), "SPACES"))

    def _beyond_edge(self, position: int, step: int) -> int:
        """Return the script behind the spaces, quotation marks and brackets on this side; 0 for none."""
        for distance in range(1, EDGE_WINDOW + 1):
            place = position + step * distance
            if not 0 <= place < len(self._line):
                return 0
            point = ord(self._line[place])
            passes = self._is(point, "WORD_EDGES") or self._is(point, "SPACES")
            if not passes and (distance == 1 or self._kinds(point) != Kind.ZERO_WIDTH_SPACE):
                return self._scripts(point)
        return 0

    def _is_between_words(self, position: int) -> bool:
        """Tell a ZWSP between a word, a number and a sign: never one inside of a word or a number."""
        before, after = (self._part(place) for place in (position - 1, position + 1))
        return "" not in {before, after} and before != after

    def _part(self, place: int) -> str:
        """Tell what a character is a part of; empty for what ends a run of words."""
        char = self._line[place : place + 1]
        if char.isalpha():
            return "word"
        if char.isdigit():
            return "number"
        return "sign" if char and self._is(ord(char), "WORD_EDGES") else ""

    def _beyond_word(self, position: int, step: int) -> int:
        """Return the script behind the run of words and signs on this side that only ZWSP divide."""
        before, after = self._line[max(0, position - RUN_WINDOW) : position], self._line[position + 1 :]
        run = unicode_data.run_to_spaceless().match(after[:RUN_WINDOW] if step > 0 else before[::-1])
        return self._scripts(ord(run[1])) if run is not None else 0

    def _direction_mark(self, position: int, _point: int, _kind: Kind) -> tuple[int, Verdict]:
        """Let one through by text from right to left: near it, in the words beside it, or in its line."""
        allowed = self._kind is not Kind.DIRECTION_MARK and (
            self._near_rtl(position) or self._leads_rtl(position) or self._edges_rtl(position)
        )
        result = self._if(allowed)
        self._base = -1
        return result

    def _near_rtl(self, position: int) -> bool:
        start, end = max(0, position - RTL_WINDOW), position + RTL_WINDOW + 1
        return unicode_data.one_of("STRONG_RTL").search(self._line, start, end) is not None

    def _leads_rtl(self, position: int) -> bool:
        """Tell a mark that sets the direction of the whole line, which begins with a name or a number."""
        return position == 0 and unicode_data.one_of("STRONG_RTL").search(self._line) is not None

    def _edges_rtl(self, position: int) -> bool:
        """Tell a mark beside a name or number among words from right to left."""
        before = self._line[max(0, position - WORD_WINDOW) : position]
        after = self._line[position + 1 : position + 1 + WORD_WINDOW]
        if before[-1:].isalnum() and after[:1].isalnum():
            return False
        words = (*_nearest_words(before.split(" ")[-2::-1]), *_nearest_words(after.split(" ")[1:]))
        return any(unicode_data.one_of("STRONG_RTL").search(word) is not None for word in words)

    # --- queries around

    def _is(self, point: int, table: str) -> bool:
        return unicode_data.one_of(table).match(chr(point)) is not None

    def _before(self, position: int, table: str) -> bool:
        return position > 0 and self._is(ord(self._line[position - 1]), table)

    def _script(self, position: int) -> int:
        return self._scripts(ord(self._line[position])) if 0 <= position < len(self._line) else 0

    def _script_before(self, position: int) -> int:
        """Return the script of what is before; a mark that many scripts share has its base's."""
        before = self._script(position - 1)
        shared = {Kind.NONSPACING, Kind.SPACING, Kind.MONGOLIAN_VARIATION, Kind.VARIATION}
        if not before and self._kind in shared and self._base >= 0:
            return self._scripts(self._base)
        return before

    _HANDLERS: ClassVar[dict[Kind, "_Handler"]] = {
        Kind.HIDDEN: _hidden,
        Kind.PLAIN: _visible,
        Kind.NONSPACING: _mark,
        Kind.SPACING: _mark,
        Kind.ENCLOSING: _mark,
        Kind.PICTOGRAPH: _pictograph,
        Kind.TONE: _tone,
        Kind.JAMO_L: _conjoining,
        Kind.JAMO_V: _conjoining,
        Kind.JAMO_T: _conjoining,
        Kind.PREPENDED: _prepended,
        Kind.EMOJI_VARIATION: _emoji_variation,
        Kind.VARIATION: _variation,
        Kind.INKLESS: _inkless,
        Kind.MONGOLIAN_VARIATION: _mongolian_variation,
        Kind.MONGOLIAN_SEPARATOR: _mongolian_separator,
        Kind.JOINER: _joiner,
        Kind.ZERO_WIDTH_SPACE: _zero_width_space,
        Kind.DIRECTION_MARK: _direction_mark,
        Kind.TAB: _tab,
        Kind.REGIONAL: _visible,
    }


def _mark_limits(base: int) -> tuple[int, int]:
    """Return how many marks, and how many nonspacing ones, a base may carry."""
    if base in _TIBETAN:
        return MAX_MARKS_TIBETAN, MAX_MARKS_TIBETAN
    return (MAX_MARKS_BURMESE if base in _BURMESE else MAX_MARKS), MAX_NONSPACING


def _nearest_words(words: list[str]) -> Iterator[str]:
    """Yield the first words with letters: a number has no direction, and a name may have two words."""
    return islice((word for word in words if any(map(str.isalpha, word))), WORDS_BESIDE)


def _own_mark(base: int) -> int:
    """Return the last mark inside a composed letter, or the letter: acute on e-acute is one mark twice."""
    return ord(unicodedata.normalize("NFD", chr(base))[-1])


_Handler = Callable[[LineClassifier, int, int, Kind], tuple[int, Verdict]]
