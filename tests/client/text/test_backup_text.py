"""What a backup says about itself: counts, and room names that can do nothing to a terminal."""

from pathlib import Path

from parlour_client.core.e2ee.backup.backup import Exported, Restored, Verified
from parlour_client.text.backup_text import exported_lines, restored_lines, status_line, verified_lines

AT = 1_790_000_000_000


def test_what_could_not_be_restored_is_named() -> None:
    """One line a room, with its number of events."""
    first, garden, attic = restored_lines(Restored(AT, 7, 2, {"garden": 1, "attic": 3}))
    assert first.startswith("Restored 7 events from the backup of 2026-")
    assert "2 were here already" in first
    assert garden.startswith("1 event of garden was not restored: ")
    assert attic.startswith("3 events of attic were not restored: ")


def test_names_are_shown_as_text() -> None:
    """A room's name comes out of a file, and the path from a person: neither writes to the terminal."""
    for line in (
        *restored_lines(Restored(AT, 0, 0, {"a\x1b[2Jb": 1})),
        *exported_lines(Exported(Path("a\x1b]0;x"), 1)),
    ):
        assert "\x1b" not in line


def test_a_comparison_has_all_three_counts() -> None:
    """So that what is not the same is not overlooked."""
    (line,) = verified_lines(Verified(AT, 9, 6, 3))
    assert [part in line for part in ("9 events", "6 are the same", "3 are missing or different")] == [
        True
    ] * 3


def test_the_status_says_how_to_make_one() -> None:
    """And, when there is one, that it doesn't grow by itself."""
    assert "/backup export PATH writes one" in status_line(None, "/backup export PATH")
    assert "What you have read since is not in it." in status_line(AT, "/backup export PATH")
