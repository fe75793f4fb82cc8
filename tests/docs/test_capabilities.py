"""The page about capabilities names every field and every hook that there is."""

from dataclasses import fields
from pathlib import Path

import pytest

from parlour_server.app.capability import Capability, Served
from parlour_server.app.hooks import Hooks
from parlour_server.chat.capability import ChatCapability, ChatServed
from parlour_server.chat.hooks import ChatHooks

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "capabilities.md"
SET_BY = {"after_password": "set_after_password", "content_filter": "set_content_filter"}


@pytest.mark.parametrize("kind", [Capability, ChatCapability, Served, ChatServed, Hooks, ChatHooks])
def test_each_field_is_on_the_page(kind: type[Capability | Served | Hooks | ChatHooks]) -> None:
    """By the name that a capability writes."""
    text = PAGE.read_text("utf-8")
    names = [SET_BY.get(field.name, field.name) for field in fields(kind)]
    assert [name for name in names if f"`{name}`" not in text and f"`{name}()`" not in text] == []
