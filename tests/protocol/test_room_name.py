"""Room names follow the rules of user names, with another length and other reserved words."""

import pytest

from parlour_protocol.kit.names import NameReason, NameRefusedError
from parlour_protocol.room_name import RoomName, parse_room_name


@pytest.mark.parametrize("raw", ["lobby", "a", "x" * 40, "dev.2026", "кухня", "会議室"])
def test_room_names(raw: str):
    """From 1 to 40 code points of one script; the lobby is a room."""
    name = parse_room_name(raw)
    assert name == raw
    assert type(name) is RoomName


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", NameReason.TOO_SHORT),
        ("x" * 41, NameReason.TOO_LONG),
        ("会" * 41, NameReason.TOO_LONG),
        ("two words", NameReason.CHARACTERS),
        ("#lobby", NameReason.CHARACTERS),
        ("l\u043ebby", NameReason.MIXED_SCRIPTS),
        ("system", NameReason.RESERVED),
        ("here", NameReason.RESERVED),
        ("-", NameReason.ENDS),
    ],
)
def test_refused_room_names(raw: str, reason: NameReason):
    """Each for its reason."""
    with pytest.raises(NameRefusedError) as caught:
        parse_room_name(raw)
    assert caught.value.reason is reason


def test_only_the_parser_makes_one():
    """The constructor always raises."""
    with pytest.raises(TypeError, match="Only parse_room_name"):
        RoomName("x")


def test_rooms_have_a_shorter_list():
    """A room may be called `lobby`, and by most words that no person may take."""
    assert parse_room_name("lobby")
    assert parse_room_name("nobody")
    with pytest.raises(NameRefusedError):
        parse_room_name("everyone")
