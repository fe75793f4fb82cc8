"""Identifiers are made so that people can use them."""

import re
import secrets
from typing import TYPE_CHECKING

from parlour_protocol.kit.ids import ID_PATTERN, new_session_id

if TYPE_CHECKING:
    import pytest


def test_no_id_looks_like_an_option(monkeypatch: "pytest.MonkeyPatch") -> None:
    """A command line takes `-q…` for an option; an id that begins so is never given out."""
    drawn = iter(["-qXpJ7M0Wb3PTRLe-7vcJA", "-" * 22, "aqXpJ7M0Wb3PTRLe-7vcJA"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _bytes: next(drawn))
    assert new_session_id() == "aqXpJ7M0Wb3PTRLe-7vcJA"


def test_an_id_has_the_form_that_frames_ask_for() -> None:
    """What is made is what the other side accepts."""
    assert re.fullmatch(ID_PATTERN, new_session_id())
