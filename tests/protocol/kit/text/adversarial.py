"""Hostile and legitimate texts built from the rule, not from any list: `python …/adversarial.py FILE` writes them.

Each entry has the form of the corpus (id, text, expect, context); most are a dangerous thing put at every
place of a text where it could hide. It holds nothing that the implementation computed: code points come from
Python's Unicode tables and from the standards. The tests judge it with `corpus.py`, the terminal oracle shows it.
"""

# ruff: noqa: E501, RUF001 - tables of texts; letters of many scripts are the matter here
import json
import sys
import unicodedata
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

Entry = tuple[str, str, str, str]  # id, text, expect, context

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
HAND, TONE, FLAG = "\U0001f44b", "\U0001f3fd", "\U0001f3f4"
AROUND = {
    "alone": "{}", "first": "{}x", "last": "x{}", "middle": "a{}b", "twice": "a{0}{0}b", "twenty": "a" + "{0}" * 20,
    "emoji": "\U0001f600{}\U0001f600", "hebrew": "\u05d0{}\u05d1", "arabic": "\u0628{}\u0628", "mark": "e\u0301{}",
    "devanagari": "\u0915{}\u0937", "thai": "\u0e01{}\u0e02", "han": "\u4e2d{}\u6587", "lines": "a\n{}\nb",
    "tab": "\t{}\t", "escape": "\u202e{}", "space": "  {}  ",
}  # fmt: skip
NEVER = {
    **{f"c{point:02x}": chr(point) for point in (1, 7, 8, 0xB, 0xC, 0xD, 0x1A, 0x1B, 0x7F, 0x84, 0x85, 0x90, 0x9B, 0x9D)},
    **{
        f"u{ord(char):04x}": char
        for char in "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u2028\u2029\u202a\u202d\u202e\u2060\u2061\u2064\u2066\u2069"
        "\u206a\u206f\u3164\ufeff\uffa0\ufff9\ufffb\ufffc\ue000\uf8ff\U000e0001\U000e0020\U000e007f\U000f0000"
        "\U0010fffd\U0001d173\U0001bca0\U00013430\ufe03\ufe0d\u0378\U000e01f0"
    },
}  # fmt: skip
SEQUENCES = {
    "osc52": "\x1b]52;c;ZXZpbA==\x1b\\", "osc52-bel": "\x1b]52;c;ZXZpbA==\x07", "osc0": "\x1b]0;OWNED\x07",
    "osc8": "\x1b]8;;http://evil.example\x1b\\bank\x1b]8;;\x1b\\", "da": "\x1b[c", "xtversion": "\x1b[>q",
    "ris": "\x1bc", "alt": "\x1b[?1049l", "clear": "\x1b[2J", "c1-csi": "\x9b2J", "c1-osc": "\x9d0;x\x9c",
    "dcs": "\x1bP$qm\x1b\\", "apc": "\x1b_Gi=1;AAAA\x1b\\", "open-osc": "\x1b]0;", "open-dcs": "\x1bP", "dsr": "\x1b[6n",
    "up": "\x1b[5A", "sgr": "\x1b[8m", "colon-sgr": "\x1b[38:2::1:2:3m", "title-report": "\x1b[21t", "soft": "\x1b[!p",
}  # fmt: skip
MISPLACED = {
    "zwj-latin": "a\u200db", "zwj-start": "\u200da", "zwj-end": "a\u200d", "zwj-emoji-letter": "\U0001f600\u200da",
    "zwj-letter-emoji": "a\u200d\U0001f600", "zwj-emoji-end": "\U0001f600\u200d", "zwj-double": "\u0915\u094d\u200d\u200d\u0937",
    "zwj-digit": "1\u200d2", "zwj-cyrillic": "\u0430\u200d\u0431", "zwj-flags": "\U0001f1eb\u200d\U0001f1eb",
    "zwj-flag-letters": "\U0001f1eb\U0001f1f7\u200d\U0001f1eb", "zwj-space": " \u200d ", "zwj-han": "\u4e2d\u200d\u6587",
    "zwnj-latin": "a\u200cb", "zwnj-mixed": "a\u200c\u0628", "zwnj-double": "\u0628\u200c\u200c\u0628", "zwnj-start": "\u200c\u0628",
    "zwnj-emoji": "\U0001f600\u200c\U0001f600", "zwnj-hebrew": "\u05d0\u200c\u05d1", "zwnj-mixed-scripts": "\u0915\u200c\u0628",
    "vs16-letter": "a\ufe0f", "vs16-double": "\u2764\ufe0f\ufe0f", "vs16-start": "\ufe0f", "vs16-space": " \ufe0f",
    "vs16-han": "\u4e2d\ufe0f", "vs15-letter": "z\ufe0e", "vs16-after-escape": "\x1b\ufe0f", "vs16-both": "\u2764\ufe0e\ufe0f",
    "vs1-letter": "a\ufe00", "vs1-emoji": "\u2764\ufe00", "vs1-double": "\u4e2d\ufe00\ufe00", "vs17-letter": "a\U000e0100",
    "vs17-double": "\u845b\U000e0100\U000e0100", "vs17-data": "\U0001f600" + "".join(chr(0xE0100 + n) for n in b"secret"),
    "vs256": "x\U000e01ef", "vs-unregistered": "\u4e2d\U000e0110", "vs1-unregistered": "\u4e2d\ufe00", "vs-kana": "\u3042\U000e0100", "fvs-latin": "a\u180b", "fvs-double": "\u1820\u180b\u180b",
    "mvs-latin": "a\u180eb", "mvs-double": "\u1820\u180e\u180e\u1820", "fvs-start": "\u180b\u1820",
    "zwsp-latin": "a\u200bb", "zwsp-alone": "\u200b", "zwsp-double": "\u0e01\u200b\u200b\u0e02",
    "zwsp-han": "\u4e2d\u200b\u6587", "zwsp-start": "\u200b\u0e01", "zwsp-thai-khmer": "\u0e01\u200b\u1780",
    "lrm-latin": "a\u200eb", "rlm-latin": "a\u200fb", "alm-latin": "a\u061cb", "lrm-far": "\u05d0" + "a" * 9 + "\u200e",
    "lrm-double": "\u05d0\u200e\u200e", "rlm-double": "\u05d0\u200f\u200f\u05d1", "lrm-rlm": "\u05d0\u200e\u200f",
    "rlm-digits": "123\u200f456", "lrm-start": "\u200e", "tag-alone": "\U000e0061", "tag-hidden": "hi" + "".join(chr(0xE0000 + ord(c)) for c in "ignore all"),
    "tag-texas": FLAG + "\U000e0075\U000e0073\U000e0074\U000e0078\U000e007f", "tag-open": FLAG + "\U000e0067\U000e0062\U000e0065",
    "tag-white-flag": "\U0001f3f3\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "tag-more": FLAG + "\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f\U000e0041", "tag-cancel": FLAG + "\U000e007f",
    "tone-letter": "a\U0001f3fb", "tone-mark": "\u0915\u093f\U0001f3fb", "tone-tone": HAND + TONE + "\U0001f3ff",
    "tone-twice-apart": HAND + TONE + "\ufe0f" + TONE, "tone-flag": "\U0001f1eb\U0001f1f7" + TONE, "tone-after-escape": "\x1b" + TONE,
}  # fmt: skip
CLUSTERS = {
    "tones": HAND + TONE * 20, "zwj-4": "\u200d".join(["\U0001f468"] * 5), "zwj-40": "\u200d".join(["\U0001f468"] * 41),
    "zwj-toned": "\u200d".join([HAND + TONE] * 9), "zwj-hearts": "\u200d".join(["\u2764\ufe0f"] * 9),
    "jamo-l": "\u1100" * 12, "jamo-v": "\u1100" + "\u1161" * 12, "jamo-t": "\uac01" + "\u11a8" * 12, "jamo-old": "\ua960" * 9,
    "jamo-mixed": "\u1100\u1161\u11a8" + "\u1161" * 5, "jamo-lonely-v": "\u1161" * 8, "jamo-lonely-t": "x\u11a8",
    "prepend": "\u0600" * 9, "prepend-kinds": "\u0600\u0601\u0602\u06dd", "prepend-dot-reph": "\u0d4e" * 9, "prepend-kaithi": "\U000110bd" * 5,
    "sara-am": "\u0e01" + "\u0e33" * 20, "sara-am-lao": "\u0e81" + "\u0eb3" * 20, "kirat": "\U00016d63" * 20,
    "links-deva": "\u0915\u094d" * 20, "links-khmer": "\u1780\u17d2" * 20, "links-burmese": "\u1000\u1039" * 20,
    "links-malayalam": "\u0d15\u0d4d" * 20, "links-zwj": "\u0915\u094d\u200d" * 20, "keycaps": "1" + "\ufe0f\u20e3" * 9,
    "emoji-marks": "\U0001f600" + "\u0301\u0316" * 9, "tone-spacing": "\u0915" + "\u093e\U0001f3fb" * 9,
}  # fmt: skip
MARKS = {
    "latin-5": "a\u0300\u0316\u0301\u0317\u0302", "latin-30": "a" + "\u0300\u0316\u0301\u0317" * 8, "same-twice": "o\u0308\u0308",
    "same-apart": "o" + "\u0308\u0301" * 9, "circles": "a\u20dd\u20de", "million": "a\u0489\u0489", "thai": "\u0e01" + "\u0e49\u0e47" * 9,
    "hebrew": "\u05d0" + "\u05b0\u05b1\u05b2\u05b3\u05b4\u05b5", "arabic": "\u0628" + "\u064b\u064c\u064d\u064e\u064f\u0650",
    "deva": "\u0915" + "\u0941\u0947" * 6, "deva-spacing": "\u0915" + "\u093e\u0940\u0949" * 6, "tibetan": "\u0f40" + "\u0f90\u0f91" * 6,
    "burmese": "\u1000" + "\u102b\u102c" * 8, "cyrillic": "\u0430" + "\u0483\u0484\u0485\u0486\u0487", "space": " " + "\u0300\u0301" * 9,
    "astral": "\U0001d400" + "\U0001d165\U0001d166" * 9, "vedic": "\u0915" + "\u1cd0\u1cd2\u1cd4\u1cd5\u1cd6",
    "over-lines": "a" + "\u0300\u0316" * 9 + "\n" + "b\u0301\u0316", "kana": "\u304b" + "\u3099\u309a" * 5,
}  # fmt: skip
VERBATIM = {
    "markup": "[/nope] [bold]x[/bold] [@click=app.quit]x[/]", "markup-open": "[", "markup-link": "[link=http://x]y[/link]",
    "emoji-code": ":smile: :warning:", "template": "{{7*7}} ${7*7} {0} %s %(x)s", "url": "https://evil.example/?a=b#c",
    "html": "<script>alert(1)</script>", "markdown": "# **x** `y` ![z](http://w)", "ansi-words": "\\x1b[2J \\033[0m ^[[0m \\u202e",
    "brackets": "⟦ESC⟧ ⟦U+202E×3⟧", "shell": "$(rm -rf /); `id`; ' OR 1=1 --", "percent": "100% %n%n%n", "nul-words": "\\0 %00",
    "prompt": "> $ # user@host:~$", "sgr-words": "[31mred[0m", "caret": "^[]0;x^G", "gutter": "│ ┃ ▕ ▏", "blankish": "(blank)",
    "json": '{"kind":"message","text":"\\ud800"}', "long-word": "x" * 400, "replacement": "\ufffd", "combining-names": "COMBINING ACUTE",
}  # fmt: skip
LEGITIMATE = {
    "family": FAMILY, "hand": HAND + TONE, "kiss": "\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468\U0001f3ff",
    "heart": "I \u2764\ufe0f you", "fire-heart": "\u2764\ufe0f\u200d\U0001f525", "rainbow": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "keycap": "1\ufe0f\u20e3 #\ufe0f\u20e3", "flags": "\U0001f1f8\U0001f1ea\U0001f1eb\U0001f1ee", "text-style": "\u2600\ufe0e \u270c\ufe0f",
    "scotland": FLAG + "".join(chr(0xE0000 + ord(c)) for c in "gbsct") + "\U000e007f", "swatch": "\U0001f3fb", "pirate": FLAG + "\u200d\u2620\ufe0f",
    "persian": "می\u200cخواهم", "persian-end": "ای\u200c", "sinhala": "ශ්\u200dරී ලංකා", "bengali": "র\u200d্য", "malayalam": "മലയാളം",
    "malayalam-chillu": "അവന്\u200d", "hindi": "क्\u200dष हिन्दी", "marathi": "र्\u200dय", "kannada": "ಕನ್ನಡ", "tamil": "தமிழ் மொழி",
    "burmese": "မြန်မာဘာသာ မျှော်", "khmer": "ភាសា\u200bខ្មែរ", "thai": "น้ำ ภาษาไทย", "thai-zwsp": "ภาษา\u200bไทย", "thai-zwsp-latin": "\u0e01\u200ba", "lao": "ນ້ຳ ພາສາລາວ",
    "tibetan": "བོད་སྐད་", "mongolian": "ᠮᠣᠩᠭᠣᠯ ᠪᠠᠢᠨ\u180eᠠ", "hebrew": "שָׁלוֹם עולם", "hebrew-marks": "ירושלים\u200f, 2024", "arabic": "السَّلَامُ عَلَيْكُمْ",
    "arabic-lrm": "\u200eabc\u200e \u05d0", "quran": "بِسْمِ ٱللَّهِ", "urdu": "اردو زبان", "kurdish": "زمانی کوردی", "dhivehi": "ދިވެހި",
    "korean": "한국어", "old-korean": "\u1112\u119e\u11ab", "jamo-word": "\u1112\u1161\u11ab", "japanese": "日本語 カタカナ ﾊﾟ", "kaomoji": "(ﾟДﾟ) ヽ(´ー`)ノ",
    "ivs": "葛\U000e0100城", "svs": "海\ufe00", "vietnamese": unicodedata.normalize("NFD", "Tiếng Việt"), "yoruba": "ọ̀rẹ́", "lithuanian": "i\u0307\u0301",
    "ipa": "t͡ʃ ɹ̩ ŋ̍", "math": "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋", "box": "┌─┐\n│x│\n└─┘", "braille": "⠓⠑⠇⠇⠕", "javanese": "ꦧꦱ\u200bꦗꦮ", "chakma": "𑄌𑄋𑄴𑄟𑄳𑄦",
    "georgian": "ქართული", "ethiopic": "አማርኛ", "cherokee": "ᏣᎳᎩ", "nbsp": "a\u00a0b\u202fc", "crlf": "one\r\ntwo", "empty-lines": "a\n\nb",
    "arabic-number-sign": "\u0600\u0661\u0662", "end-of-ayah": "\u06dd\u0661", "syriac": "\u070f\u0710\u0712", "code": "for (i = 0; i < n; i++) { a[i] <<= 2; }",
}  # fmt: skip
NAMES_REFUSED = (
    "", " ", "a b", "\x1b[2J", "al\u200dice", "\u202ealice", "alice\u0301\u0301\u0301\u0301\u0301", "\U0001f600", "аlice", "αlice",
    "admin", "system", "root\u200b", "a\u2028b", "@bob", "bob@example", "#room", "x" * 65, "\u05d0a", "a\u00adb", "bob\ufe0f", "\ufeffbob",
    "\U000e0062ob", "b\ufffdb", "b\x00b", "a/b", "..", "-", "\u0e33", "[b]", "a\tb", "a\nb",
)  # fmt: skip


def _around() -> Iterator[Entry]:
    for name, bad in chain(NEVER.items(), SEQUENCES.items()):
        for place, form in AROUND.items():
            if bad == "\r" and place == "lines":
                continue  # CR before LF is half of a line break
            yield f"escape-{name}-{place}", form.format(bad), "escape", "message"


def _lists() -> Iterator[Entry]:
    for expect, texts in (
        ("escape", MISPLACED), ("limit-cluster", CLUSTERS), ("limit-marks", MARKS), ("verbatim", VERBATIM),
        ("unchanged", LEGITIMATE),
    ):  # fmt: skip
        yield from ((f"{expect}-{name}", text, expect, "message") for name, text in texts.items())


def _layout() -> Iterator[Entry]:
    for name, tail in {
        "lf": "\n12:03 <admin> x",
        "crlf": "\r\n· bob left",
        "many": "\n> quote" * 5,
        "end": "\n",
    }.items():
        yield f"gutter-{name}", "hi" + tail, "gutter", "message"
    yield "gutter-pad", "hi" + "\u2003" * 300 + "admin: x", "gutter", "message"
    for name, text in {
        "lines": "x\n" * 150,
        "empty-lines": "a" + "\n" * 150,
        "word": "y" * 3000,
        "wide": "\u6f22" * 1000,
    }.items():
        yield f"fold-{name}", text, "fold", "message"
    for name, text in {
        "one": "a\tb",
        "lead": "\tb",
        "run": "\t\t\tx",
        "end": "x\t",
        "lines": "\ta\n\tb",
    }.items():
        yield f"expand-{name}", text, "expand", "message"
    for name, mark in {
        "acute": "\u0301",
        "thai": "\u0e49",
        "circle": "\u20dd",
        "spacing": "\u093e",
        "sara-am": "\u0e33",
    }.items():
        yield f"circle-{name}", f"{mark}hello", "dotted-circle", "message"
    blanks = ("\u2800" * 5, " \u00a0\u2003\u3000", "\u1680", "\U0001d159", "\n\n \n", "\U00013441")
    yield from ((f"blank-{number}", text, "mark-blank", "message") for number, text in enumerate(blanks))
    yield from ((f"either-{number}", text, "either", "message") for number, text in enumerate((
        "\U0001f4a9\u200d\U0001f525", "\U0001f1eb" * 7, "\u2e3b\u2e3b", "\U00012031" * 3, "\ufdfd" * 3, "\U0001f600\ufe0e",
    )))  # fmt: skip


def _rejects() -> Iterator[Entry]:
    for name, text in {
        "surrogate-high": "a\ud800b", "surrogate-low": "\udc00", "c1-as-surrogate": "\udc9b2J",
        "nul": "a\x00b", "nul-alone": "\x00", "fffe": "\ufffe", "ffff": "x\uffff", "fdd0": "\ufdd0", "plane-end": "\U0010ffff",
        "too-long": "x" * 8193, "too-long-utf8": "\u20ac" * 3000, "too-many-lines": "\n" * 200,
    }.items():  # fmt: skip
        yield f"reject-{name}", text, "reject", "message"


def _names() -> Iterator[Entry]:
    for number, name in enumerate(NAMES_REFUSED):
        yield f"name-refused-{number}", name, "reject", "name"
    for name in ("ada", "bob-2", "Zoë", "日本", "Ольга", "שרה", "김철수", "नेहा", "o.k_1"):
        yield f"name-taken-{name}", name, "unchanged", "name"


def entries() -> list[dict[str, str]]:
    """Return all entries."""
    made = chain(_around(), _lists(), _layout(), _rejects(), _names())
    return [
        {
            "id": id_,
            "text": text,
            "expect": expect,
            "context": context,
            "kind": "",
            "why": "",
            "class": expect,
        }
        for id_, text, expect, context in made
    ]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(entries(), ensure_ascii=True), "ascii")
