"""The name under which a stranger's file lies in the downloads folder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_client.core.attachments import saved_name
from parlour_protocol.kit.text import safe_text

DEVICES = ["CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "COM\u00b9", "CONIN$"]


@pytest.mark.parametrize(
    ("sent", "saved"),
    [
        ("photo.jpg", "photo.jpg"),
        ("archive.tar.gz", "archive.tar.gz"),
        ("Dr. Who, a letter to you", "Dr. Who, a letter to you"),
        ("\u65e5\u672c\u8a9e.pdf", "\u65e5\u672c\u8a9e.pdf"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.txt",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.txt",
        ),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467.png", "\U0001f468\u200d\U0001f469\u200d\U0001f467.png"),
    ],
)
def test_an_ordinary_name_stays(sent: str, saved: str) -> None:
    """Letters of any script, emoji and spaces are what names are made of."""
    assert "".join(saved_name(sent)) == saved


@pytest.mark.parametrize(
    "blank",
    ["\u2800", "\u00a0", "\u3000", "\u2003", "\u1680", "\U0001d159", "\U00013441", " ", "\u200f", "\u200b"],
)
def test_what_has_no_ink_is_no_name(blank: str) -> None:
    """A file no one sees in a list is called something; padding hides no ending."""
    for sent in (blank * 3, f"{blank}.", f"{blank}-{blank}"):
        assert safe_text("".join(saved_name(sent))).plain.strip(" ")
        assert "".join(saved_name(sent)).isascii()
    padded = "".join(saved_name(f"invoice.pdf{blank * 100}.exe"))
    assert len(padded) < 20
    assert padded.endswith(".exe")


@pytest.mark.parametrize("filler", "\u3164\u115f\u1160\uffa0\u034f\u00ad\u202e\u2060\ufeff")
def test_what_cannot_be_seen_is_an_underscore(filler: str) -> None:
    """Two files whose names look equal are called differently."""
    assert "".join(saved_name(f"a{filler}b.txt")) == "a_b.txt"
    assert "".join(saved_name(filler)) == "_"


@pytest.mark.parametrize(
    ("sent", "saved"),
    [
        ("-rf", "rf"),
        ("--help.txt", "help.txt"),
        (" -rf", "rf"),
        ("\u2800-rf", "rf"),
        ("\u200f-rf", "_-rf"),
        (".-.bashrc", "bashrc"),
        ("-", "file"),
        ("-.-", "file"),
        ("name. . ", "name"),
        ("a:b*c?.txt", "a_b_c_.txt"),
    ],
)
def test_no_command_and_no_system_takes_it_for_something_else(sent: str, saved: str) -> None:
    """No option, no hidden file, no wildcard, no ending that Windows drops."""
    assert "".join(saved_name(sent)) == saved


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "form", ["{}", "{}.txt", "{}.tar.gz", "{} .txt", "{}. .txt", " {}", "-{}", "{}\u2800.txt"]
)
def test_no_name_is_a_device_of_windows(device: str, form: str) -> None:
    """Whatever stands behind the first dot, and spaces before it, is nothing to Windows."""
    for name in (device, device.lower()):
        saved = "".join(saved_name(form.format(name)))
        assert saved.split(".")[0].rstrip(" ").upper() not in DEVICES


@pytest.mark.parametrize(
    "letter", ["x", "\u6f22", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467"], ids=ascii
)
def test_a_long_name_fits_into_a_directory(letter: str) -> None:
    """Even with the number of a file of the same name; and no emoji is cut in two."""
    stem, suffix = saved_name(letter * 255 + ".pdf")
    assert len(f"{stem} (999){suffix}".encode()) <= 255
    assert suffix == ".pdf"
    assert not stem.replace(letter, "")


@given(st.text(max_size=300))
def test_every_name_can_be_seen_and_used(sent: str) -> None:
    """Whatever was sent: it shows as itself, begins plainly and fits into a directory."""
    stem, suffix = saved_name(sent)
    saved = stem + suffix
    assert saved
    assert saved[0] not in " .-"
    assert saved[-1] not in " ."
    assert len(f"{stem} (999){suffix}".encode()) <= 255
    assert not set(saved) & set('/\\:*?"<>|\n\0')
    assert not safe_text(saved).blank
