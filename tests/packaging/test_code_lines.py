"""What counts as a line of code, and when a document has to be written again."""

import re
from pathlib import Path

import pytest
from tools import code_lines
from tools.code_lines import count, rounded

SOURCE = '''"""What the module does.

In two paragraphs.
"""

import sys  # a comment does not make it two

# a comment alone is none
LIMIT = 3
"""What it limits."""


class Thing:
    """What it is."""

    text = """
    a text that is no docstring

    counts as long as it is
    """

    def act(self) -> None:
        """Act."""
        print(
            sys.path,

            LIMIT,
        )
'''


def test_blank_lines_comments_and_docstrings_do_not_count() -> None:
    """Three lines at the top, five of a text, and the four of a call without the empty one in it."""
    assert code_lines.code_lines(SOURCE) == 2 + 1 + 5 + 1 + 4


def test_a_folder_counts_all_modules_below_it(tmp_path: Path) -> None:
    """Those of the folders in it, too, and nothing else."""
    for name in ("a.py", "inside/b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "c.txt").write_text("x = 1\n")
    assert count(tmp_path) == 2
    assert count(tmp_path / "a.py") == 1


@pytest.mark.parametrize(
    ("lines", "told", "says"),
    [(31_815, "0", "31,800"), (31_999, "31,800", "31,800"), (32_001, "31,800", "32,000"), (3, "0", "100")],
)
def test_a_document_is_written_again_only_when_it_is_far_off(lines: int, told: str, says: str) -> None:
    """More than two steps: else everyone's small edit would make it stale."""
    assert rounded(lines, told, 100) == says


def test_every_count_in_a_document_is_found() -> None:
    """No marker has a spelling that the tool overlooks, and none tells nothing."""
    found = code_lines.files({})
    assert set(found) == set(code_lines.PAGES)
    for text in found.values():
        told = re.findall(r"<!-- lines: \S+ -->([0-9,]+)<!-- end -->", text)
        assert len(told) == text.count("<!-- lines:") > 0
        assert "0" not in told
