"""Alt and a letter or digit arrive as keys, however the terminal sends Alt."""

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key

from parlour_client.kit.terminal.alt_keys import read_alt_keys


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("\x1b1\x1b9half \x1b[49;3u", ["alt+1", "alt+9", *"half", "space", "alt+1"]),
        ("\x1bz\x1bz\x1bz", ["alt+z"] * 3),
        ("\x1bwhello\x1bG", ["alt+w", *"hello", "alt+shift+g"]),
        ("\x1bc\x1b[A", ["alt+c", "up"]),
        ("\x1bf\x1bOP\x1b[1;5C", ["alt+f", "f1", "ctrl+right"]),
    ],
)
def test_escape_and_a_key_in_one_piece_are_alt_and_the_key(sent: str, keys: list[str]) -> None:
    """At once, whatever is typed next: a key held down, words, other sequences, kitty's own form."""
    read_alt_keys()
    read = [event for event in XTermParser().feed(sent) if isinstance(event, Key)]
    assert [event.key for event in read] == keys
    assert [event.character for event in read if event.key.startswith("alt+")] == [None] * sum(
        key.startswith("alt+") for key in keys
    )
