"""Room names share the discipline of user names; device names are one line of free text."""

import pytest

from parlour_protocol.names import (
    DeviceName,
    NameReason,
    NameRefusedError,
    RoomName,
    parse_device_name,
    parse_room_name,
)


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


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Anna's laptop", "Anna's laptop"),
        ("  two   spaces ", "two spaces"),
        ("田中の PC", "田中の PC"),
        ("Zoe\u0308 \U0001f4f1", "Zoë \U0001f4f1"),
        ("x" * 32, "x" * 32),
    ],
)
def test_device_names(raw: str, shown: str):
    """Free text keeps its case, loses spare spaces, and is composed."""
    name = parse_device_name(raw)
    assert name == shown
    assert type(name) is DeviceName


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "   ",
        "\u3000",
        "x" * 33,
        "a\nb",
        "a\x1b",
        "a\tb",
        "a\u202eb",
        "a\u200bb",
        "é\u0301\u0301",
        "\u3164",
        "é\ud800",
        "\ue0a0",
        "x" * 9999,
    ],
)
def test_refused_device_names(raw: str):
    """Nothing invisible, nothing blank, no second line."""
    with pytest.raises(NameRefusedError):
        parse_device_name(raw)


@pytest.mark.parametrize("kind", [RoomName, DeviceName])
def test_only_the_parsers_make_them(kind: type[str]):
    """The constructors always raise."""
    with pytest.raises(TypeError, match="Only parse_"):
        kind("x")


@pytest.mark.parametrize(
    "name", ["\u27e6ESC\u27e7", "a \u27e6U+202E\u27e7", "\u301aESC\u301b", "phone \u27e7"], ids=ascii
)
def test_no_device_name_looks_like_an_escape(name: str):
    """Nobody is to look for something hidden in a name, or to overlook it because names are like that."""
    with pytest.raises(NameRefusedError):
        parse_device_name(name)
