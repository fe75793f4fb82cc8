"""The guides show code that is run somewhere else, never a copy of it."""

import re
from pathlib import Path

import pytest
from tools.guide import GUIDES, code, excerpt, forgotten, recipes

ROOT = Path(__file__).parents[2]
TEXTS = [(ROOT / page).read_text(encoding="utf-8") for page in GUIDES]
SHOWN = re.compile(r"<!-- (?:code|recipe|excerpt): (.+?) -->\n.*?<!-- end -->", re.DOTALL)


def test_code_is_inserted() -> None:
    """Every block of Python and every patch stands between the markers of `tools/guide.py`."""
    for text in TEXTS:
        assert "```python" in text or "```diff" in text
        assert not re.search(r"```(python|diff)", SHOWN.sub("", text))


def test_every_recipe_is_shown() -> None:
    """With what is reported if a part is forgotten."""
    shown = {name for text in TEXTS for name in SHOWN.findall(text)}
    assert set(recipes()) <= shown
    assert {one.recipe for one in forgotten()} <= set(recipes())
    assert all(any(f"`{one.says}`" in text for text in TEXTS) for one in forgotten())


def test_a_name_that_is_gone_is_an_error() -> None:
    """Instead of an empty block."""
    with pytest.raises(KeyError, match="Watched"):
        code("examples/ticker/ticker/frames.py", ["Watched"])
    with pytest.raises(KeyError, match="gone"):
        excerpt("server/parlour_server/core/accounts/tables/memory_tickets.py", ["MemoryTickets.gone"])


def test_files_that_are_named_exist() -> None:
    """Those of the tree in backticks; tests/docs/test_links.py looks at the links."""
    for text in TEXTS:
        named = re.findall(
            r"`((?:client|server|protocol|tests|examples|tools)/[\w./]+)`", SHOWN.sub("", text)
        )
        assert [path for path in named if not (ROOT / path).exists()] == []
