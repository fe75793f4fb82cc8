"""Device names are one line of free text."""

import pytest

from parlour_protocol.kit.names import DeviceName, NameRefusedError, parse_device_name


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


@pytest.mark.parametrize(
    "name", ["\u27e6ESC\u27e7", "a \u27e6U+202E\u27e7", "\u301aESC\u301b", "phone \u27e7"], ids=ascii
)
def test_no_device_name_looks_like_an_escape(name: str):
    """A name must not look as if something were hidden in it, or people would stop noticing."""
    with pytest.raises(NameRefusedError):
        parse_device_name(name)


def test_only_the_parser_makes_one():
    """The constructor always raises."""
    with pytest.raises(TypeError, match="Only parse_device_name"):
        DeviceName("x")
