"""What a server says of a failure is shown in words, never as nothing."""

import ast
from pathlib import Path

import pytest

from parlour_client.core.errors import ChatRefusedError
from parlour_client.kit.errors import RefusedError, SessionEndedError, SetupError, quoted
from parlour_client.kit.language import N_, language
from parlour_client.kit.transport.https import SENTENCES
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.password_rules import check_new_password
from parlour_server.core.errors import PasswordRefusedError


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
        ("already", "you are already in this room", "Nothing to change. You are already in this room."),
        ("forbidden", "only on Sundays", "Your role in this room does not allow that. Only on Sundays."),
        ("muted", "until 14:00", "You are muted in this room. Until 14:00."),
    ],
)
def test_a_reason_that_says_more_is_a_sentence_of_its_own(code: str, reason: str, whole: str) -> None:
    """It begins with a capital and ends with a full stop, as ours do."""
    assert ChatRefusedError(code, reason).whole == whole


@pytest.mark.parametrize(
    ("code", "reason", "whole"),
    [
        ("forbidden", "you cannot mute yourself", "You cannot mute yourself."),
        ("forbidden", "only owners can do this here", "Only owners can do this here."),
        ("not_found", "they are not in this room", "They are not in this room."),
    ],
)
def test_a_known_reason_stands_for_itself(code: str, reason: str, whole: str) -> None:
    """What the code means in general would contradict it, or hide it."""
    assert ChatRefusedError(code, reason).whole == whole


def test_every_reason_for_refusing_a_moderator_is_known() -> None:
    """In the server's words; the client says it in the person's language."""
    source = Path("server/parlour_server/chat/consent/moderation_rules.py").read_text()
    said = [
        one.value
        for one in ast.walk(ast.parse(source))
        if isinstance(one, ast.Constant)
        and isinstance(one.value, str)
        and one.value[0].islower()
        and " " in one.value
    ]
    assert len(said) >= 15
    assert {f"{one[0].upper()}{one[1:]}." for one in said} <= ChatRefusedError.reasons


@pytest.mark.parametrize(
    "password", ["aaaa", "ada" * 6, "adaadaadalovelace", "passwordpassword1", "short", "x" * 1025]
)
def test_why_a_password_is_refused_is_known(password: str) -> None:
    """A newcomer reads it in their language."""
    with pytest.raises(PasswordRefusedError) as refused:
        check_new_password(Secret(password), ("ada", "lovelace"))
    assert str(refused.value) in SENTENCES


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
