"""Real pictures: a terminal that says it can gets pixels, and no byte of the file."""

from pathlib import Path

import pytest
from tests.client.kit.pictures.pictures import ordinary
from tests.client.ui.pseudo_terminal import Terminal

from parlour_client.core.settings import FILE

SCRIPT = Path(__file__).with_name("showing_pictures.py")
QUESTION = b"\x1b[c"
BEGIN = {"kitty": b"\x1b_Ga=T", "iterm2": b"\x1b]1337;File=", "sixel": b"\x1bP0;1q"}
ALT_UP, ESC = b"\x1b[1;3A", b"\x1b"


@pytest.mark.parametrize(
    ("answer", "environment", "cell", "drawn"),
    [
        pytest.param(b"\x1b_Gi=1;OK\x1b\\\x1b[?62;c", {}, (9, 18), "kitty"),
        pytest.param(b"\x1b_Gi=1;ENOTSUPPORTED:x\x1b\\\x1b[?62;4;22c", {}, (9, 18), "sixel"),
        pytest.param(
            b"\x1b[?62;4c", {"TERM_PROGRAM": "iTerm.app"}, (9, 18), "iterm2", marks=pytest.mark.long
        ),
        pytest.param(
            b"\x1b[?1;2;4c", {"LC_TERMINAL": "iTerm2", "TMUX": "/tmp/x"}, (9, 18), "sixel",
            marks=pytest.mark.long,
        ),
        pytest.param(b"\x1b[?62;22c", {}, (9, 18), "", marks=pytest.mark.long),
        pytest.param(b"", {}, (0, 0), "", marks=pytest.mark.long),
    ],
)  # fmt: skip
def test_the_terminal_draws_what_it_says_it_can(
    answer: bytes, environment: dict[str, str], cell: tuple[int, int], drawn: str, tmp_path: Path
) -> None:
    """L11: once it was turned on and asked for; on others half blocks, and no answer becomes a key."""
    picture = ordinary("PNG", (90, 60))
    (tmp_path / "a.png").write_bytes(picture)
    (tmp_path / FILE).write_text('pictures = "on"\n')
    plain = dict.fromkeys(("TERM_PROGRAM", "LC_TERMINAL"), "")
    terminal = Terminal(
        SCRIPT, str(tmp_path), str(tmp_path / "a.png"),
        columns=100, rows=30, env=plain | environment, cell=cell,
    )  # fmt: skip
    try:
        terminal.read_until(b"a.png")
        terminal.press(b"draft" + ALT_UP)
        terminal.read_until(b"SELECT")
        assert not any(begin in terminal.output for begin in BEGIN.values())
        seen = len(terminal.output)
        terminal.press(b"v")
        if answer:
            terminal.read_until(QUESTION, after=seen)
            terminal.press(answer)
        terminal.read_until(BEGIN[drawn] if drawn else "▀".encode(), after=seen)
        terminal.read_until(b"\x1b8" if drawn else b"close", after=seen)
        seen = len(terminal.output)
        terminal.press(ESC)
        terminal.read_until(b"\x1b_Ga=d" if drawn == "kitty" else b"SELECT", after=seen)
        assert terminal.finish(ESC + ESC + b"\x11") == 0
    finally:
        terminal.kill()
    assert {name for name, begin in BEGIN.items() if begin in terminal.output} == {drawn} - {""}
    assert picture[8:40] not in terminal.output
    assert b"Gi=1" not in terminal.output.replace(b"Gi=1,s=1", b"")
