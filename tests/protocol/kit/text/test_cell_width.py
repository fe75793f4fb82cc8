"""Cells: what the terminal that draws it widest needs."""

import pytest

from parlour_protocol.kit.text.cell_width import cell_width, clusters


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("abc", 3),
        ("日本", 4),
        ("e\u0301", 1),
        ("\U0001f468\u200d\U0001f469", 4),
        ("\U0001f44b\U0001f3fb", 4),
        ("\u2764\ufe0f", 2),
        ("\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468\U0001f3fb", 12),
        ("\U0001f1eb\U0001f1f7", 2),
        ("\U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea", 4),
        ("\u0600\U0001f1eb\U0001f1f7", 3),
        ("\u1112\u1161\u11ab", 2),
        ("\u0915\u093e", 2),
        ("1\ufe0f\u20e3", 2),
    ],
)
def test_cells(text: str, cells: int):
    """Wide, zero-width, joined and flag clusters count as on the terminal that draws them widest."""
    assert cell_width(text) == cells
    assert "".join(cluster for cluster, _ in clusters(text)) == text


@pytest.mark.parametrize(
    ("text", "cells"),
    [("a\u1ac5", 2), ("\u1100\ud7b0", 3), ("a\u1acf", 3), ("a\U0001e6e3", 3), ("\U00010940", 2)],
    ids=ascii,
)
def test_what_older_terminals_do_not_know_counts_as_they_draw_it(text: str, cells: int):
    """A mark has a cell there, or two: a row of them would run over the pane beside it."""
    assert cell_width(text) == cells
    assert cell_width("a\u0301") == cell_width("\u1100\u1161\u11a8") - 1 == 1
