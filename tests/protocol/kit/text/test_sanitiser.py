"""The rule, clause by clause: what is let through, what is escaped, and how an escape looks."""

import copy
import unicodedata

import pytest

from parlour_protocol.kit.text import SafeText, Span, safe_text
from parlour_protocol.kit.text.sanitiser import MAX_SHOWN

FLAG = "\U0001f3f4"
HAND, TONE = "\U0001f44b", "\U0001f3fb"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


def tags(text: str) -> str:
    """Spell ASCII in tag characters."""
    return "".join(chr(0xE0000 | ord(char)) for char in text) + "\U000e007f"


def shown(text: str) -> str:
    """Return the text as the rule shows it."""
    return safe_text(text).plain


class TestLines:
    def test_crlf_is_one_line_break(self):
        """CRLF becomes LF and nothing is hidden by it."""
        assert safe_text("a\r\nb").lines == ("a", "b")
        assert safe_text("a\r\nb").hidden == 0

    def test_a_lone_cr_is_escaped(self):
        """CR would overwrite the start of the line."""
        assert safe_text("good\rbad").lines == ("good⟦CR⟧bad",)

    @pytest.mark.parametrize("char", "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
    def test_only_lf_breaks_a_line(self, char: str):
        """What str.splitlines() takes for a line break is an escape."""
        safe = safe_text(f"a{char}12:00 <admin> b")
        assert len(safe.lines) == 1
        assert safe.hidden == 1

    def test_a_tab_is_four_spaces(self):
        """The width of a tab would depend on its column."""
        assert shown("\ta\tb") == "    a    b"
        assert safe_text("\t").blank


class TestEscapes:
    def test_an_escape_is_a_span_of_its_own(self):
        """A view can style escapes apart from the text."""
        assert safe_text("a\x1b[31mb").spans == (
            (Span("a", False), Span("⟦ESC⟧", True), Span("[31mb", False)),
        )

    def test_a_run_is_counted(self):
        """Thirty-seven times one code point is one escape, and counts thirty-seven hidden characters."""
        safe = safe_text("x" + "\U000e0041" * 37)
        assert safe.plain == "x⟦U+E0041\u00d737⟧"
        assert safe.hidden == 37

    @pytest.mark.parametrize(
        ("char", "escape"),
        [
            ("\x00", "⟦NUL⟧"),
            ("\x7f", "⟦DEL⟧"),
            ("\x9b", "⟦U+009B⟧"),
            ("\u202e", "⟦U+202E⟧"),
            ("\u2066", "⟦U+2066⟧"),
            ("\u206a", "⟦U+206A⟧"),
            ("\u00ad", "⟦U+00AD⟧"),
            ("\u034f", "⟦U+034F⟧"),
            ("\u2060", "⟦U+2060⟧"),
            ("\ufeff", "⟦U+FEFF⟧"),
            ("\ufffc", "⟦U+FFFC⟧"),
            ("\u115f", "⟦U+115F⟧"),
            ("\u3164", "⟦U+3164⟧"),
            ("\ue0a0", "⟦U+E0A0⟧"),
            ("\U000f0001", "⟦U+F0001⟧"),
            ("\u0378", "⟦U+0378⟧"),
            ("\uffff", "⟦U+FFFF⟧"),
            ("\U0010ffff", "⟦U+10FFFF⟧"),
            ("\ud800", "⟦U+D800⟧"),
            ("\udc9b", "⟦U+DC9B⟧"),
            ("\u180e", "⟦U+180E⟧"),
            ("\U000e0001", "⟦U+E0001⟧"),
        ],
    )
    def test_what_cannot_be_seen_is_written_out(self, char: str, escape: str):
        """Controls, overrides, fillers, private use, unassigned, surrogates: a label, never the thing."""
        assert shown(f"a{char}b") == f"a{escape}b"

    def test_typed_brackets_are_only_text(self):
        """A peer can type something that looks like an escape; it is not an escape span."""
        assert safe_text("⟦ESC⟧").spans == ((Span("⟦ESC⟧", False),),)

    @pytest.mark.parametrize(
        "text", ["[/nope]", "[@click=app.quit]x[/]", ":smile:", "{{7*7}}", "%s", "https://x.y"]
    )
    def test_nothing_is_interpreted(self, text: str):
        """Markup, emoji codes, templates and links are characters."""
        assert safe_text(text).spans == ((Span(text, False),),)


class TestEmoji:
    @pytest.mark.parametrize(
        "text",
        [
            FAMILY,
            HAND + TONE,
            TONE,
            "\u2764\ufe0f\u200d\U0001f525",
            "1\ufe0f\u20e3",
            "\u2600\ufe0e",
            "\U0001f1eb\U0001f1f7",
            FLAG + tags("gbeng"),
            FLAG + tags("gbsct"),
            FLAG + tags("gbwls"),
        ],
    )
    def test_rgi_emoji_are_unchanged(self, text: str):
        """Families, tones, keycaps, presentation, flags."""
        assert shown(text) == text

    def test_a_fourth_joiner_is_escaped(self):
        """Forty people joined would be two cells to one terminal and eighty to another."""
        assert safe_text("\u200d".join(["\U0001f468"] * 5)).hidden == 1

    def test_a_tone_attaches_only_to_a_pictograph(self):
        """Terminals put a tone into the cluster before it, whatever that is; a swatch stands by itself."""
        assert shown("a" + TONE) == "a⟦U+1F3FB⟧"
        assert shown(f"\u093f{TONE}").endswith("⟦U+1F3FB⟧")
        assert shown(f"a {TONE}") == f"a {TONE}"

    def test_a_hand_keeps_one_tone(self):
        """A hand with twenty skin tones has one, and an escape for nineteen."""
        assert shown(HAND + TONE * 20) == f"{HAND}{TONE}⟦U+1F3FB\u00d719⟧"

    def test_mixed_tones_are_no_way_around_it(self):
        """Each tone after a tone is escaped, whichever it is."""
        assert safe_text(HAND + TONE + "\U0001f3fc\U0001f3fd").hidden == 2

    @pytest.mark.parametrize(
        "text", ["a\ufe0f", "\u2764\ufe0f\ufe0f", "g\U000e0158", "\U0001f1eb\ufe0f", "\u0301\ufe0f"]
    )
    def test_a_stray_variation_selector_is_escaped(self, text: str):
        """They carry hidden data after any letter."""
        assert safe_text(text).hidden == 1

    @pytest.mark.parametrize("tail", [tags("ustx"), tags("gbeng")[:-1], tags("gbeng") + "\U000e0067"])
    def test_other_tags_are_escaped(self, tail: str):
        """Tag characters spell hidden ASCII; only three flags need them."""
        assert safe_text(FLAG + tail).hidden > 0

    @pytest.mark.parametrize(
        "text", ["\U0001f468\u200d", "\U0001f468\u200dx", "x\u200d\U0001f468", "\U0001f468\u200c\U0001f469"]
    )
    def test_a_joiner_needs_a_pictograph_on_both_sides(self, text: str):
        """ZWNJ does not count, and neither does a letter."""
        assert safe_text(text).hidden == 1


class TestOrthographies:
    @pytest.mark.parametrize(
        "text",
        [
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
            "\u06f1\u06f0\u200c\u0647\u0627",  # Persian: a plural of ten
            "10\u200c\u0647\u0627 \u0662\u200c\u0633\u0627\u0644\u0647",
            "\u09b0\u200d\u09cd\u09af",  # Bengali: ZWJ before the virama
            "\u0d28\u0d4d\u200d",  # Malayalam: at the end of a word
            "\u0d9a\u0dca\u200d\u0dbb",  # Sinhala
            "\u0e01\u200b\u0e02",
            "\u1780\u200b ",
            "\u05d0 (\u200ea\u200e)",
            "\u0661\u061c\u0627",
            "\u845b\U000e0100",
            "\u182d\u180b\u1820",
            "\u182f\u180e\u1820",
            "\u06dd\u0662",
            "\u1019\u103b\u103e\u1031\u102c\u103a",  # Burmese: five marks
        ],
    )
    def test_needed_invisibles_are_let_through(self, text: str):
        """An invisible character stands where an orthography needs it."""
        assert shown(text) == text
        assert safe_text(text).hidden == 0

    @pytest.mark.parametrize(
        "text",
        [
            "pay\u200dpal",
            "\u200c\u0628",
            "\u0628\u200cb",
            "pass\u200bword",
            "\u200b\u0e01",
            "\u0e01\u200b\u1780",
            "a\u061cb",
            "abc\u200e",
            "\u05d0........\u200e",
            "a\U000e0100",
            "a\u180bb",
            "a\ufe00",
            "\u0661\u200c\u0662",
            "\u06f1\u200c",
            "1\u200cb",
            "\u0967\u200c\u0915",
            "\u06f1\u200d\u0647",
            "\u06f1\u200c\u061f",
            "(\u200c\u0647",
        ],
    )
    def test_out_of_context_they_are_escaped(self, text: str):
        """Beside the wrong script, or none, each one is hidden data."""
        assert safe_text(text).hidden == 1

    @pytest.mark.parametrize(
        "text",
        [
            "\u0628\u200c\u200c\u0628",
            "\u0e01\u200b\u200b\u0e01",
            "\u05d0\u200f\u200e\u200f",
            "\u845b\U000e0100\U000e0101",
        ],
    )
    def test_one_not_a_run(self, text: str):
        """A run of invisibles is data, in any script."""
        assert safe_text(text).hidden > 0

    def test_a_prepended_mark_is_shown_once(self):
        """A run of Arabic number signs is one cluster of any width."""
        assert shown("\u0600\u0600\u0600\u0661") == "\u0600⟦U+0600\u00d72⟧\u0661"

    def test_jamo_are_capped(self):
        """A run of leading consonants is one cluster; three are shown."""
        assert shown("\u1100" * 60) == "\u1100" * 3 + "⟦U+1100\u00d757⟧"
        assert safe_text("\uac00" + "\u11a8" * 9).hidden == 6

    def test_a_jamo_vowel_without_its_syllable_is_escaped(self):
        """By itself it has no width and would be drawn over the client's own text."""
        assert safe_text("a\u1161").hidden == 1
        assert shown("\u1112\u1161\u11ab\uac00\u11a8") == "\u1112\u1161\u11ab\uac00\u11a8"

    def test_linked_consonants_are_capped(self):
        """Letters linked by a virama are one cluster of any length."""
        assert safe_text("\u0915\u094d" * 7).hidden == 1
        assert safe_text("\u0915\u094d" * 6 + "\u0915").hidden == 0


class TestMarks:
    def test_four_marks_are_shown_and_the_rest_escaped(self):
        """Stacked marks would draw over the rows above and below."""
        marks = "\u0301\u0316\u0300\u0317\u0302\u0301"
        assert shown("a" + marks) == "a" + marks[:4] + "⟦U+0302⟧⟦U+0301⟧"

    def test_no_mark_attaches_to_an_escape(self):
        """After one escaped mark, all further marks of the letter are escaped."""
        assert shown("e\u0301\u0301\u0316") == "e\u0301⟦U+0301⟧⟦U+0316⟧"

    @pytest.mark.parametrize(
        "text", ["\u00e9\u0301", "\u1ebf\u0301", "\u0457\u0308", "\u212b\u030a", "\u0958\u093c"]
    )
    def test_a_mark_inside_a_letter_counts_as_the_same_mark(self, text: str):
        """An acute on e-acute cannot be seen either; in NFD it is the same mark twice."""
        assert safe_text(text).hidden == 1
        assert safe_text(unicodedata.normalize("NFD", text)).hidden == 1

    def test_another_mark_on_a_composed_letter_is_shown(self):
        """Languages put a tone on a letter that has a mark already."""
        assert safe_text("\u1ecd\u0301 \u00ea\u0304 \u1e0b\u0323").hidden == 0

    def test_spacing_marks_are_capped_too(self):
        """A tower of vowel signs ends after four; Burmese words need up to six."""
        assert safe_text("\u0915" + "\u093e\u0940" * 10).hidden == 16
        assert safe_text("\u1019\u103b\u103e\u1031\u102c\u103a").hidden == 0
        assert safe_text("\u1000" + "\u102b\u102c" * 10).hidden == 14

    @pytest.mark.parametrize("sign", ["\u0e33", "\u0eb3", "\U00016d63"])
    def test_letters_that_cling_are_capped_like_marks(self, sign: str):
        """SARA AM and the like are letters, yet a run of them is one cluster (UAX #29 SpacingMark)."""
        assert safe_text("\u0e01" + sign * 20).hidden == 16
        assert shown(sign + "x") == f"\u25cc{sign}x"

    @pytest.mark.parametrize("stacker", ["\u1039", "\u17d2", "\u0d4d", "\ua9c0"])
    def test_linked_letters_are_capped_in_every_script(self, stacker: str):
        """Letters under letters under letters: after six links comes an escape."""
        assert safe_text(f"\u1000{stacker}" * 20 + "\u1000").hidden >= 2

    def test_tibetan_stacks_eight(self):
        """Tibetan needs more, and is capped as well."""
        assert safe_text("\u0f40" + "\u0f90\u0f91" * 10).hidden == 12

    def test_one_enclosing_mark(self):
        """U+0489 twice on one letter is one."""
        assert safe_text("a\u0489\u0488").hidden == 1

    @pytest.mark.parametrize("before", ["", "\n", "\x1b", "\u202e", "\u05d0\u200f"])
    def test_a_mark_without_base_gets_a_circle(self, before: str):
        """It must not attach to the gutter, a name or an escape."""
        assert "\u25cc\u0301" in shown(f"{before}\u0301")

    def test_a_space_is_a_base(self):
        """A mark after a space is how people write a mark by itself."""
        assert shown("a \u0338") == "a \u0338"

    def test_chakma_doubles_one_vowel_sign(self):
        """The one mark that an orthography writes twice."""
        assert shown("\U00011116\U00011128\U00011128") == "\U00011116\U00011128\U00011128"


class TestSafeText:
    def test_only_the_rule_makes_one(self):
        """The constructor always raises."""
        with pytest.raises(TypeError, match="safe_text"):
            SafeText()

    def test_it_does_not_become_a_str(self):
        """An f-string with peer text in it is a mistake that shows at once."""
        with pytest.raises(TypeError, match="not a str"):
            str(safe_text("x"))
        with pytest.raises(TypeError, match="not a str"):
            f"{safe_text('x')}"
        assert not isinstance(safe_text("x"), str)

    def test_it_is_frozen_and_compares_by_value(self):
        """A message's text never changes under a view."""
        safe = safe_text("x\u202e")
        with pytest.raises(AttributeError):
            safe.hidden = 0  # type: ignore[misc]
        assert safe == safe_text("x\u202e") == copy.deepcopy(safe)
        assert hash(safe) == hash(safe_text("x\u202e"))

    @pytest.mark.parametrize("text", ["", " ", "\n\n", "\u2800\u2800", "\u00a0\u3000", "\t", "\u1680\n "])
    def test_what_looks_empty_is_blank(self, text: str):
        """Spaces, blank Braille and empty lines show nothing."""
        assert safe_text(text).blank

    @pytest.mark.parametrize("text", ["\u3164", "\x00", ".", "\u0301", "\n.\n"])
    def test_an_escape_is_something_to_see(self, text: str):
        """A filler is escaped, so it is not blank."""
        assert not safe_text(text).blank

    @pytest.mark.parametrize("char", ["a", "\u202e", "\n", "\u0e01"])
    def test_an_endless_text_is_cut_with_a_note(self, char: str):
        """What is left out is counted."""
        safe = safe_text(char * (MAX_SHOWN + 5) + "\x00")
        assert safe.truncated
        assert safe.plain.endswith("⟦+6 more⟧")
        kept = safe.plain.removesuffix("⟦+6 more⟧")
        assert kept == safe_text(char * MAX_SHOWN).plain
        assert not safe_text(char * MAX_SHOWN).truncated

    def test_what_is_copied_is_what_is_shown(self):
        """The raw text never reaches the clipboard."""
        assert safe_text("rm \x1b[8m-rf\x1b[m\r\n").plain == "rm ⟦ESC⟧[8m-rf⟦ESC⟧[m\n"
