"""Colours that can be read, whatever a theme says."""

from hypothesis import given
from hypothesis import strategies as some
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from parlour_client.kit.terminal.contrast import ENOUGH, Contrast, ratio

COLOURS = some.tuples(*[some.integers(0, 255)] * 3).map(lambda parts: Color(*parts))


@given(front=COLOURS, back=COLOURS, dim=some.booleans(), reverse=some.booleans())
def test_every_pair_of_colours_becomes_readable(
    *, front: Color, back: Color, dim: bool, reverse: bool
) -> None:
    """Dim and reversed too; what is behind a word stays, and so does a line."""
    style = Style(color=front.rich_color, bgcolor=back.rich_color, dim=dim, reverse=reverse, bold=True)
    line, word = Segment("│", style), Segment("word", style)
    (same, drawn) = Contrast(ENOUGH).apply([line, word], back)
    assert same is line
    assert drawn.style is not None
    assert drawn.style.color is not None
    assert drawn.style.bgcolor is not None
    assert drawn.style.bold
    assert not drawn.style.dim
    colours = (Color.from_rich_color(drawn.style.color), Color.from_rich_color(drawn.style.bgcolor))
    assert ratio(*colours) >= ENOUGH
    assert colours[0 if reverse else 1] == (front if reverse else back)


def test_what_can_be_read_stays_as_the_theme_has_it() -> None:
    """Nothing is changed without need, nor are the terminal's own colours."""
    for style in (Style(color="#ffffff", bgcolor="#000000"), Style(color="green", bgcolor="blue"), Style()):
        word = Segment("word", style)
        assert Contrast(ENOUGH).apply([word], Color(0, 0, 0))[0].style == style


def test_the_ratio_is_that_of_wcag() -> None:
    """White on black, grey on white, and light green on blue, which was too faint."""
    assert round(ratio(Color(255, 255, 255), Color(0, 0, 0)), 1) == 21
    assert round(ratio(Color.parse("#767676"), Color(255, 255, 255)), 2) == 4.54
    assert ratio(Color.parse("#9ab87a"), Color.parse("#6ea8d8")) < ENOUGH
