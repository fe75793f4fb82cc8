"""Finds numbers of payment cards: the issuer's first digits, their length, and a correct check digit (Luhn).

Usual separators between the digits don't matter, nor does an unusual one if it is always the same. A number
is looked for from one border of a group of digits to another, so that a long number (an order, a phone
number) is not cut up until a part of it fits.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, pairwise
from typing import Final

from parlour_protocol.kit.inspect.verdict import Finding

KIND: Final = "a card number"
_RUN: Final = re.compile(r"[0-9](?:(?>[^0-9A-Za-z]{0,3}(?=[0-9])|[\t\n\r >|]{1,16})[0-9]){12,}")
"""Digits; a line break may have its indent, or the marks of a quotation, between them."""
_USUAL: Final = re.compile(r"[ \t\n\r.\-_/·>|*`~]*")
"""Separators that may differ within a number; any other one has to be the same throughout."""
_DIGIT: Final = re.compile(r"[0-9]")
_SHORTEST: Final = 13
_ISSUERS: Final[tuple[tuple[re.Pattern[str], tuple[int, ...]], ...]] = tuple(
    (re.compile(prefix), lengths)
    for prefix, lengths in (
        (r"4", (13, 16, 19)),  # Visa
        (r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)", (16,)),  # Mastercard
        (r"3[47]", (15,)),  # American Express
        (r"3(?:0[0-5]|095|[689])", (14, 16)),  # Diners Club
        (r"35(?:2[89]|[3-8])", (16,)),  # JCB
        (r"6(?:011|4[4-9]|5)", (16, 19)),  # Discover
        (r"62|81", (16, 17, 18, 19)),  # UnionPay
        (r"5018|5020|5038|58|6304|67", (13, 14, 15, 16, 17, 18, 19)),  # Maestro
        (r"220[0-4]", (16,)),  # Mir
        (r"60|82|508", (16,)),  # RuPay
    )
)
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_SINGLE: Final = bytes.maketrans(b"0123456789", bytes(range(10)))


def find_card_numbers(text: str) -> Iterator[Finding]:
    """Yield the numbers of cards in a folded text, with their places."""
    for run in _RUN.finditer(text):
        yield from _in_run(text, run.start(), run.end())


def _in_run(text: str, start: int, end: int) -> Iterator[Finding]:
    places = [match.start() for match in _DIGIT.finditer(text, start, end)]
    digits = "".join(text[at] for at in places)
    borders = [True, *(after - before > 1 for before, after in pairwise(places)), True]
    sums = _sums(digits.encode())
    at = 0
    while at <= len(digits) - _SHORTEST:
        length = _length_at(digits, borders, sums, at) if borders[at] else 0
        if length and not _is_one_number(text, places[at : at + length]):
            length = 0
        if length:
            yield Finding(KIND, places[at], places[at + length - 1] + 1)
        at += length or 1


def _is_one_number(text: str, places: list[int]) -> bool:
    """Return whether what is between these digits separates groups of one number, and not numbers."""
    gaps = {text[before + 1 : after] for before, after in pairwise(places)} - {""}
    return len(gaps) <= 1 or all(_USUAL.fullmatch(gap) for gap in gaps)


def _length_at(digits: str, borders: list[bool], sums: tuple[list[int], list[int]], at: int) -> int:
    """Return the length of the card number that begins with this digit, 0 for none."""
    for length in _lengths(digits[at : at + 4]):
        after = at + length
        if after < len(borders) and borders[after]:
            total = sums[after % 2]  # its last digit is the check digit: the one before that is doubled
            if (total[after] - total[at]) % 10 == 0 and len(set(digits[at:after])) > 1:
                return length
    return 0


@cache
def _lengths(first: str) -> tuple[int, ...]:
    """Return how long numbers are that begin with these four digits."""
    return tuple(
        sorted({length for prefix, lengths in _ISSUERS if prefix.match(first) for length in lengths})
    )


def _sums(digits: bytes) -> tuple[list[int], list[int]]:
    """Return the sums of the digits up to each place, with those at even, and at odd places doubled."""
    single, doubled = digits.translate(_SINGLE), digits.translate(_DOUBLED)
    even, odd = bytearray(single), bytearray(single)
    even[::2], odd[1::2] = doubled[::2], doubled[1::2]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))
