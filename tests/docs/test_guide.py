"""The guide shows code that is run somewhere else, never a copy of it."""

import re
from pathlib import Path

import pytest
from tools.guide import GUIDE, code, forgotten, recipes

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / GUIDE).read_text(encoding="utf-8")
SHOWN = re.compile(r"<!-- (?:code|recipe): (.+?) -->\n.*?<!-- end -->", re.DOTALL)


def test_code_is_inserted() -> None:
    """Every block of Python and every patch stands between the markers of `tools/guide.py`."""
    assert "```python" in TEXT
    assert not re.search(r"```(python|diff)", SHOWN.sub("", TEXT))


def test_every_recipe_is_shown() -> None:
    """With what is reported if a part is forgotten."""
    shown = SHOWN.findall(TEXT)
    assert set(recipes()) <= set(shown)
    assert {one.recipe for one in forgotten()} <= set(recipes())
    assert all(f"`{one.says}`" in TEXT for one in forgotten())


def test_a_name_that_is_gone_is_an_error() -> None:
    """Instead of an empty block."""
    with pytest.raises(KeyError, match="Watched"):
        code("examples/ticker/ticker/frames.py", ["Watched"])


def test_links_lead_somewhere() -> None:
    """Files that the guide names exist."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", SHOWN.sub("", TEXT))
    named = re.findall(r"`((?:client|server|protocol|tests|examples|tools)/[\w./]+)`", TEXT)
    assert [link for link in links if not (ROOT / GUIDE.parent / link).exists()] == []
    assert [path for path in named if not (ROOT / path).exists()] == []
