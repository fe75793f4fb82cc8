"""How pictures are shown is what the terminal says, and never a guess about the size of its cells."""

import pytest

from parlour_client.kit.pictures.protocols import Protocol
from parlour_client.kit.terminal.canvas import Canvas, find_canvas
from parlour_client.kit.terminal.safe_app import SafeApp

KITTY, SIXEL = "\x1b_Gi=1;OK\x1b\\", "\x1b[?62;4;22c"


class Answering(SafeApp):
    """An app whose terminal answers this."""

    answer = ""
    cell: tuple[int, int] = (9, 18)

    @property
    def cell_pixels(self) -> tuple[int, int]:
        return self.cell

    async def ask_terminal(self, question: str) -> str:
        assert "a=q" in question
        return self.answer


@pytest.mark.parametrize(
    ("answer", "environment", "found"),
    [
        (KITTY + SIXEL, {"TERM_PROGRAM": "WezTerm"}, Protocol.KITTY),
        (SIXEL, {"TERM_PROGRAM": "WezTerm"}, Protocol.ITERM2),
        (SIXEL, {"LC_TERMINAL": "iTerm2"}, Protocol.ITERM2),
        (SIXEL, {"LC_TERMINAL": "iTerm2", "TMUX": "/tmp/tmux"}, Protocol.SIXEL),
        ("\x1b_Gi=1;EINVAL:no\x1b\\" + SIXEL, {}, Protocol.SIXEL),
        ("\x1b[?4;22c", {}, None),  # its first number is the kind of terminal
        ("\x1b[?64;1c", {}, None),
        ("", {}, None),
    ],
)
async def test_the_terminal_says_how(
    answer: str, environment: dict[str, str], found: Protocol | None
) -> None:
    """Kitty's graphics before iTerm2's, which are known by name, before sixels."""
    app = Answering()
    app.answer = answer
    assert await find_canvas(app, environment) == (found and Canvas(found, 9, 18))


async def test_without_the_size_of_a_cell_there_are_half_blocks() -> None:
    """Nobody is asked, and nobody could say what a picture covers."""
    app = Answering()
    app.cell, app.answer = (0, 0), KITTY + SIXEL
    assert await find_canvas(app, {"TERM_PROGRAM": "iTerm.app"}) is None
