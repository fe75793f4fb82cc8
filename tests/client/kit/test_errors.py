"""What a server says of a failure is shown in words, never as nothing."""

import pytest

from parlour_client.core.errors import ChatRefusedError
from parlour_client.kit.errors import RefusedError, SessionEndedError, SetupError, quoted
from parlour_client.kit.language import N_, language


@pytest.mark.parametrize("blank", ["", " ", "\u2800", "\u00a0\u3000", "\n\u2003"], ids=ascii)
def test_a_sentence_without_ink_is_none(blank: str) -> None:
    """A function that quotes the sentence then reports the rest without it."""
    assert quoted(blank) == ""


def test_a_sentence_is_quoted_on_one_line_by_the_rule() -> None:
    """It is a stranger's text."""
    assert quoted("no\x1b\nmore") == "no\u27e6ESC\u27e7 more"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("muted", "you are muted in this room"),
        ("banned", "you are banned from this room"),
        ("not_found", "there is no such room, or you are not in it"),
        ("not_found", "there is no such message"),
        ("removal_pending", "someone who left must be removed from the group first"),
        ("rate_limited", "You are sending too fast!"),
    ],
)
def test_a_reason_that_says_the_same_is_not_said_twice(code: str, reason: str) -> None:
    """Whatever the server's words for it are."""
    error = ChatRefusedError(code, reason)
    assert error.whole == str(error)


@pytest.mark.parametrize(
    ("code", "reason", "whole"),
    [
        (
            "forbidden",
            "only moderators and owners can do this here",
            "Your role in this room does not allow that. Only moderators and owners can do this here.",
        ),
        ("already", "you are already in this room", "Nothing to change. You are already in this room."),
        ("muted", "until 14:00", "You are muted in this room. Until 14:00."),
    ],
)
def test_a_reason_that_says_more_is_a_sentence_of_its_own(code: str, reason: str, whole: str) -> None:
    """It begins with a capital and ends with a full stop, as ours do."""
    assert ChatRefusedError(code, reason).whole == whole


def test_an_error_is_in_the_language_in_use() -> None:
    """What was marked when its class or a table was made is translated when it is raised."""
    language.use(["de"])
    try:
        marked = SessionEndedError(N_("The session has ended."))
        refused = RefusedError("forbidden")
        finished = SetupError("Fertig {name}.", "")
    finally:
        language.use([])
    assert (str(marked), marked.hint) == ("Die Sitzung ist beendet.", "Melde dich wieder an.")
    assert str(refused) == "Das darfst du nicht."
    assert (str(finished), finished.hint) == ("Fertig {name}.", "")
