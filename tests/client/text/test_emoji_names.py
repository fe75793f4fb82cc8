"""Emoji by their names."""

import pytest

from parlour_client.text.emoji_names import SHORTEST, _names, named, with_emoji
from parlour_client.ui.input.completion import complete
from parlour_protocol.kit.text import safe_text


def test_names_find_emoji() -> None:
    """By the beginning of the name, or of a part of it."""
    assert ("thumbsup", "👍") in named("thumbs", 8)
    assert "😄" in {emoji for _, emoji in named("smile", 8)}
    assert len(named("face", 5)) == 5
    assert named("nothinglikethis", 5) == []


def test_what_is_no_question_offers_nothing() -> None:
    """Times and smileys made of letters are left alone."""
    for text in (":", ":)", "10:30", "see: this", ":-"):
        assert complete(text, {}, ()).offers == ()


def test_what_is_offered_is_shown_as_itself() -> None:
    """No emoji is offered that others would see as escapes."""
    beginnings = {name[:SHORTEST] for name, _ in _names()}  # of every name: all are offered for some
    offered = {emoji for begin in beginnings for _, emoji in named(begin, len(_names()))}
    assert len(offered) > 1_000
    assert not [emoji for emoji in offered if safe_text(emoji).hidden]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (":tada:", "🎉"),
        ("well done :tada: :+1:!", "well done 🎉 👍!"),
        ("(:TADA:)", "(🎉)"),
        ("at 10:30:45 or 1::2", "at 10:30:45 or 1::2"),
        ("std::tada::x and a:tada:b", "std::tada::x and a:tada:b"),
        ("http://host:80/:tada:", "http://host:80/:tada:"),
        (":nothinglikethis:", ":nothinglikethis:"),
        ("`:tada:` and :tada:", "`:tada:` and 🎉"),
        ("```\n:tada:\n```\n:tada:", "```\n:tada:\n```\n🎉"),
        ("```\n:tada:", "```\n:tada:"),
    ],
)
def test_a_name_between_colons_is_sent_as_its_emoji(text: str, sent: str) -> None:
    """Not in code, and not in what has colons of its own."""
    assert with_emoji(text) == sent
