"""The folders above a private one: through which others could exchange it, and through which not."""

import os
from pathlib import Path

import pytest

from parlour_server.core import parents
from parlour_server.core.parents import exposed


@pytest.fixture
def inner(tmp_path: Path) -> Path:
    """Return a private folder, two folders deep."""
    made = tmp_path / "above" / "inner"
    made.mkdir(parents=True, mode=0o700)
    (tmp_path / "above").chmod(0o755)
    return made


@pytest.mark.parametrize(
    ("mode", "safe"), [(0o700, True), (0o755, True), (0o1777, True), (0o757, False), (0o777, False)]
)
def test_a_folder_above_that_others_can_write(inner: Path, mode: int, safe: bool) -> None:  # noqa: FBT001
    """O2: with the sticky bit they can put nothing else in its place; without it they can."""
    inner.parent.chmod(mode)
    sentence = exposed(inner)
    assert (sentence is None) is safe
    assert safe or str(inner.parent) in str(sentence)


def test_a_group_that_can_write_is_others_unless_it_is_the_users_own(
    inner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O2: many systems give each user a group of their own, and a umask that lets it write."""
    inner.parent.chmod(0o775)
    monkeypatch.setattr(parents, "_is_private", lambda _group: True)
    assert exposed(inner) is None
    monkeypatch.setattr(parents, "_is_private", lambda _group: False)
    assert "others can write" in str(exposed(inner))


def test_a_link_leads_to_what_must_be_safe_as_well(inner: Path, tmp_path: Path) -> None:
    """O2: what counts is every folder on the way that is really taken."""
    link = tmp_path / "link"
    link.symlink_to(inner)
    assert exposed(link) is None
    inner.parent.chmod(0o777)
    assert str(inner.parent) in str(exposed(link))
    link.unlink()
    link.symlink_to("link")
    assert "too many links" in str(exposed(link))


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can give a file away")
@pytest.mark.parametrize("what", ["above", "link"])
def test_what_belongs_to_another_user(inner: Path, tmp_path: Path, what: str) -> None:
    """O2: the owner of a folder above, or of a link in /tmp, decides where the path leads."""
    (tmp_path / "link").symlink_to(inner)
    os.chown(tmp_path / what, 4711, -1, follow_symlinks=False)
    assert "belongs to another user" in str(exposed(tmp_path / "link"))


def test_what_is_not_there_yet(tmp_path: Path) -> None:
    """A missing parent is created private."""
    assert exposed(tmp_path / "none" / "at all") is None
