"""The settings: strict reading with a sentence and a line, safe defaults, and writing that keeps comments."""

import stat
from pathlib import Path

import pytest

from parlour_client.core import settings as module
from parlour_client.core.setting import EXTRA_SETTINGS, Setting
from parlour_client.core.settings import (
    BY_KEY,
    FILE,
    Settings,
    changed,
    groups,
    load,
    read,
    save,
    values,
)
from parlour_client.kit.errors import SetupError


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    """A home without settings is a home with the defaults, and nothing is complained of."""
    assert load(tmp_path) == Settings()


def test_what_tells_others_about_us_is_off_until_turned_on() -> None:
    """Typing and receipts say something about the person, so silence is the default."""
    assert not Settings().typing
    assert not Settings().receipts


def test_each_setting_has_help_and_a_default_that_fits() -> None:
    """The table is the one place from which file, screen and documentation are made."""
    for row in BY_KEY.values():
        assert row.help
        assert not row.refusal(row.default)


def test_a_file_is_read() -> None:
    """Each kind of value."""
    found = read(
        'peek = true\nnotifications = "osc9"\ntheme = "dusk"\n'
        '[keys]\nchat.search = "ctrl+f"\n"chat.help" = "f2"\n'
    )
    assert found.peek
    assert found.notifications == "osc9"
    assert found.theme == "dusk"
    assert found.keys == {"chat.search": "ctrl+f", "chat.help": "f2"}
    assert not found.problems


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# mine\n\nnotfications = 'off'\n", "line 3: there is no setting notfications; did you mean"),
        ("peek = 1\n", "line 1: peek is true or false"),
        ("\nnotifications = 'loud'\n", "line 2: notifications is one of off, bell,"),
        ("theme = false\n", "line 1: theme is a text"),
        ("[keys]\nx = 1\n", "line 1: keys is a table"),
        ("keys = 'x'\n", "line 1: keys is a table"),
        ("problems = ['x']\n", "line 1: there is no setting problems"),
        ("peek = \n", "line 1, column 8"),
    ],
)
def test_an_error_is_reported_with_its_line(text: str, words: str) -> None:
    """The setting keeps its default, and a sentence says where to look."""
    found = read(text)
    assert len(found.problems) == 1
    assert words in found.problems[0]
    assert found == Settings(problems=found.problems)


def test_a_wrong_setting_spoils_no_other() -> None:
    """One typing error does not turn the notifications of a person on again."""
    found = read("peek = 'yes'\nnotifications = 'off'\n")
    assert found.notifications == "off"
    assert len(found.problems) == 1


@pytest.mark.parametrize("data", [b"theme = '\xff'", b"#" * (module.MAX_BYTES + 1)])
def test_a_file_that_is_no_settings_file_is_reported(tmp_path: Path, data: bytes) -> None:
    """The client starts all the same."""
    (tmp_path / FILE).write_bytes(data)
    assert "cannot be read" in load(tmp_path).problems[0]


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    """Someone who can make a link there must not choose what is read or written."""
    (tmp_path / "other").write_text("peek = true\n")
    (tmp_path / FILE).symlink_to(tmp_path / "other")
    assert load(tmp_path).problems
    assert not load(tmp_path).peek


def test_saving_keeps_comments_and_is_for_us_alone(tmp_path: Path) -> None:
    """What the person wrote beside the setting stays; the file is 0600."""
    (tmp_path / FILE).write_text('# my own words\ntheme = "dusk"  # like the evening\n')
    save(tmp_path, "peek", value=True)
    save(tmp_path, "keys", value={"chat.search": "ctrl+f"})
    text = (tmp_path / FILE).read_text()
    assert "# my own words" in text
    assert "# like the evening" in text
    assert load(tmp_path) == Settings(theme="dusk", peek=True, keys={"chat.search": "ctrl+f"})
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_default_is_taken_out_of_the_file(tmp_path: Path) -> None:
    """A later default reaches who never chose."""
    save(tmp_path, "peek", value=True)
    save(tmp_path, "peek", value=False)
    assert "peek" not in (tmp_path / FILE).read_text()


def test_saving_after_a_table_of_keys_stays_at_the_top_level(tmp_path: Path) -> None:
    """A setting that is added behind `[keys]` would be read as a key."""
    (tmp_path / FILE).write_text('[keys]\nchat.search = "ctrl+f"\n')
    save(tmp_path, "peek", value=True)
    found = load(tmp_path)
    assert found.peek
    assert found.keys == {"chat.search": "ctrl+f"}
    assert not found.problems


def test_what_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    """A file with a mistake in it is the person's work."""
    (tmp_path / FILE).write_text("peek = \n")
    with pytest.raises(SetupError):
        save(tmp_path, "peek", value=True)
    assert (tmp_path / FILE).read_text() == "peek = \n"
    with pytest.raises(SetupError):
        save(tmp_path, "notifications", value="loud")


def test_each_key_of_the_table_can_be_written_and_read(tmp_path: Path) -> None:
    """Whatever the settings screen offers comes back from the file."""
    for row in BY_KEY.values():
        for choice in row.choices:
            save(tmp_path, row.key, choice)
            assert values(load(tmp_path))[row.key] == choice


def test_a_setting_of_an_extra_is_one_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read, written, refused and in its group; without the extra it is unknown."""
    more = Setting("more", "switch", False, "more of it", group="Writing")
    monkeypatch.setitem(EXTRA_SETTINGS, "more", more)
    save(tmp_path, "more", value=True)
    assert load(tmp_path).value(more) is True
    assert changed(load(tmp_path), "more", value=False).value(more) is False
    assert values(load(tmp_path))["more"] is True
    assert "more" in groups()["Writing"]
    assert read("more = 1\n").problems == (
        "settings.toml, line 1: more is true or false; using the default.",
    )
    monkeypatch.delitem(EXTRA_SETTINGS, "more")
    (problem,) = load(tmp_path).problems
    assert "there is no setting more" in problem
