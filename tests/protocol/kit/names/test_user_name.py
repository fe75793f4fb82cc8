"""User names: accepted ones, and refused ones with the reason, one attack at a time."""

# ruff: noqa: RUF001 - confusable letters are the matter here
import copy
import pickle
from collections.abc import Callable

import pytest

from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.names import (
    NameReason,
    NameRefusedError,
    UserName,
    parse_device_name,
    parse_user_name,
    precis,
)
from parlour_protocol.kit.names.user_name import MAX_USER_NAME_BYTES


def refusal(raw: str) -> NameReason | None:
    """Return why the name is refused, or None."""
    try:
        parse_user_name(raw)
    except NameRefusedError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    "raw",
    [
        "alice",
        "jean-luc",
        "o.brien",
        "a_b",
        "bob2",
        "田中",
        "田中さん",
        "김철수",
        "דוד",
        "محمد",
        "நிலா",
        "प्रिया",
        "สมชาย",
        "নিলয়",
        "田中さんken",
        "王ㄅwang",
        "김김kim",
        "金철수",
        "佐々木ハナ",
        "ケーキ",
        "王",
        "김",
        "தீ",
        "a",
        "علی\u200cرضا",
        "به\u200cروز",
        "क्\u200dष",
        "क्\u200cष",
        "ශ්\u200dරී",
        "مُحَمَّد",
        "nguyễn",
        "ḃríġ",
        "gal·la",
        "רמב״ם",
        "ジョン・スミス",
    ],
)
def test_legitimate_names_are_unchanged(raw: str):
    """Names of many scripts, each of those that are written together, stay as they are."""
    assert parse_user_name(raw) == raw


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("ALICE", "alice"),
        ("Seán", "seán"),
        ("Se\u0061\u0301n", "seán"),
        ("Ａlice", "alice"),
        ("Иван", "иван"),
    ],
)
def test_one_person_has_one_spelling(raw: str, canonical: str):
    """Case, width and composition do not make another name."""
    assert parse_user_name(raw) == canonical


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", NameReason.TOO_SHORT),
        ("a" * 33, NameReason.TOO_LONG),
        ("a" * 10_000, NameReason.TOO_LONG),
        ("田" * 33, NameReason.TOO_LONG),
        ("कि" * 33, NameReason.TOO_LONG),
        ("al ice", NameReason.CHARACTERS),
        ("alice\n", NameReason.CHARACTERS),
        ("al\x1bice", NameReason.CHARACTERS),
        ("@alice", NameReason.CHARACTERS),
        ("al\u200bice", NameReason.CHARACTERS),
        ("\u202eecila", NameReason.CHARACTERS),
        ("ⓐⓛⓘⓒⓔ", NameReason.CHARACTERS),
        ("alice\U0001f600", NameReason.CHARACTERS),
        ("a\u200cb", NameReason.CHARACTERS),
        ("a\u200db", NameReason.CHARACTERS),
        ("دا\u200cد", NameReason.CHARACTERS),
        ("علی\u200c", NameReason.CHARACTERS),
        ("क्\u200c", NameReason.ENDS),
        ("क्\u200d", NameReason.ENDS),
        ("l·", NameReason.CHARACTERS),
        ("a·b", NameReason.CHARACTERS),
        ("王·明", NameReason.CHARACTERS),
        ("דג׳", NameReason.ENDS),
        ("ア・", NameReason.ENDS),
        ("a\ud800b", NameReason.CHARACTERS),
        ("a\u0378b", NameReason.CHARACTERS),
        ("-alice", NameReason.ENDS),
        ("alice.", NameReason.ENDS),
        ("élise_", NameReason.ENDS),
        ("\u0430lice", NameReason.MIXED_SCRIPTS),
        ("田中я", NameReason.MIXED_SCRIPTS),
        ("김は", NameReason.MIXED_SCRIPTS),
        ("ㄅは", NameReason.MIXED_SCRIPTS),
        ("김kimは", NameReason.MIXED_SCRIPTS),
        ("सk", NameReason.MIXED_SCRIPTS),
        ("राम1२", NameReason.MIXED_SCRIPTS),
        ("محمد١۲", NameReason.CHARACTERS),
        ("z\u0351\u0352\u0353\u0354\u0355o", NameReason.CHARACTERS),
        ("ọ\u0302\u0323\u0300\u0301\u0303\u0309", NameReason.NOT_PLAIN),
        ("admin", NameReason.RESERVED),
        ("ADMIN", NameReason.RESERVED),
        ("adm1n", NameReason.RESERVED),
        ("adrnin", NameReason.RESERVED),
        ("ad-min", NameReason.RESERVED),
        ("admın", NameReason.RESERVED),
        ("al·l", NameReason.RESERVED),
        ("ádmiṇ", NameReason.RESERVED),
        ("ａｄｍｉｎ", NameReason.RESERVED),
        ("r00t", NameReason.RESERVED),
        ("everyone", NameReason.RESERVED),
        ("parlour", NameReason.RESERVED),
    ],
)
def test_hostile_names_are_refused(raw: str, reason: NameReason):
    """Each attack is refused, for its own reason."""
    assert refusal(raw) is reason


def test_the_limits():
    """32 letters with their marks and 192 bytes pass, one more of either does not."""
    assert refusal("a" * 32) is None
    assert refusal("é" * 32) is None
    assert refusal("田" * 32) is None
    assert refusal("कि" * 32) is None
    assert len(("कि" * 32).encode()) == MAX_USER_NAME_BYTES
    assert refusal("कि" * 31 + "कीं") is NameReason.TOO_LONG


@pytest.mark.parametrize("parse", [parse_user_name, parse_device_name])
def test_a_flood_is_refused_unread(parse: Callable[[str], str], monkeypatch: pytest.MonkeyPatch):
    """A name of a million letters is not normalised before it is refused."""

    def never(raw: str) -> str:
        raise AssertionError(len(raw))

    monkeypatch.setattr(precis, "enforce_user_name", never)
    monkeypatch.setattr(precis, "enforce_nickname", never)
    with pytest.raises(NameRefusedError) as caught:
        parse("é" * 1_000_000)
    assert caught.value.reason is NameReason.TOO_LONG


def test_the_bidi_rule():
    """RFC 5893: no mixed directions, no European digit at the start of a right-to-left name."""
    assert refusal("alice\u05d0") is not None
    assert refusal("1דוד") is NameReason.CHARACTERS
    assert refusal("דוד1") is None


def test_the_refusal_speaks_to_the_person_and_repeats_nothing():
    """The sentence stands in the error; the hostile name does not."""
    with pytest.raises(NameRefusedError) as caught:
        parse_user_name("evil\x1b[31m")
    assert str(caught.value).startswith("The name has a character")
    assert "evil" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ParlourProtocolError)


def test_only_the_parser_makes_one():
    """A UserName was validated, or it does not exist."""
    with pytest.raises(TypeError, match="parse_user_name"):
        UserName("Not Valid")


def test_copies_are_names_too():
    """A copy and a pickle are parsed again."""
    name = parse_user_name("alice")
    assert type(copy.deepcopy(name)) is UserName
    assert pickle.loads(pickle.dumps(name)) == name  # noqa: S301 - our own bytes
    assert name == "alice"
