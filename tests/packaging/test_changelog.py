"""The changelog and the version agree, and a release finds its own changes."""

import tomllib
from pathlib import Path

from tools.release.changelog import Section, newest_release, sections

ROOT = Path(__file__).parents[2]
TEXT = """# Changelog

## Unreleased

### Added

- One.

## 1.1.0 - 2030-02-01

- Two.
- Three.

## 1.0.0 - 2030-01-01

- Four.
"""


def test_the_newest_release_is_the_version() -> None:
    """Nothing is released, or the newest section with a version has that of pyproject.toml."""
    newest = newest_release((ROOT / "CHANGELOG.md").read_text("utf-8"))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert newest is None or newest.version == version


def test_each_section_ends_where_the_next_begins() -> None:
    """A release's notes are its own: neither those before nor those that are not released."""
    assert sections(TEXT) == [
        Section("", "", "### Added\n\n- One."),
        Section("1.1.0", "2030-02-01", "- Two.\n- Three."),
        Section("1.0.0", "2030-01-01", "- Four."),
    ]
    assert newest_release(TEXT) == Section("1.1.0", "2030-02-01", "- Two.\n- Three.")


def test_nothing_is_released_yet() -> None:
    """Before the first release there is only one section."""
    assert newest_release("# Changelog\n\n## Unreleased\n\n- One.\n") is None


def test_a_version_without_a_day_is_not_finished() -> None:
    """It is found, so that a tag can be refused with the reason."""
    assert newest_release("## 1.0.0\n\n- One.\n") == Section("1.0.0", "", "- One.")
