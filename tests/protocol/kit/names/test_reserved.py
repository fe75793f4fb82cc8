"""The reserved words are data that servers and clients share: a changed list is a changed protocol."""

import pytest

from parlour_protocol.kit.names.reserved import is_reserved_user_name

WORDS = ["everybody", "everyone", "nobody", "none", "somebody", "someone", "no-body", "adm1n"]


@pytest.mark.parametrize("name", WORDS)
def test_a_word_that_speaks_for_others_is_reserved(name: str):
    """Words for people in general, and words that look like them."""
    assert is_reserved_user_name(name)
