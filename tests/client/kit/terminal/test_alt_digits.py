"""Alt and a digit arrive as keys, however the terminal sends Alt."""

from textual._xterm_parser import XTermParser
from textual.events import Key

from parlour_client.kit.terminal.alt_digits import read_alt_digits


def test_escape_and_a_digit_in_one_piece_are_alt_and_the_digit() -> None:
    """At once, whatever is typed next; and the unambiguous form of kitty's protocol too."""
    read_alt_digits()
    sent = "\x1b1\x1b9half \x1b[49;3u"
    keys = [event.key for event in XTermParser().feed(sent) if isinstance(event, Key)]
    assert keys == ["alt+1", "alt+9", *"half", "space", "alt+1"]
