"""The saved login in a file: private, whole, and reported when it is damaged."""

from pathlib import Path

import pytest

from parlour_client.kit.account.home import PROFILE, Home
from parlour_client.kit.account.profile import Profile
from parlour_client.kit.account.profile_file import ProfileFile
from parlour_client.kit.errors import NoAccountError, SetupError
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret

SAVED = Profile(
    server="test:8443",
    user=parse_user_name("alice"),
    device=parse_device_name("laptop"),
    session=Secret("s" * 40),
)


async def test_a_login_is_saved_for_this_user_only(tmp_path: Path) -> None:
    """It is read again as it was written, and no one else can read it."""
    home = Home(tmp_path / "home")
    with pytest.raises(NoAccountError):
        await ProfileFile(home).load()
    await ProfileFile(home).save(SAVED)
    assert await ProfileFile(home).load() == SAVED
    assert (home.folder / PROFILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.folder.iterdir()] == [PROFILE]


async def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    """It is not taken for a home without an account, which a login would overwrite."""
    home = Home(tmp_path / "home")
    (home.folder / PROFILE).write_text("{")
    with pytest.raises(SetupError, match="damaged") as refused:
        await ProfileFile(home).load()
    assert not isinstance(refused.value, NoAccountError)


async def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A planted symbolic link is neither read nor written through."""
    home = Home(tmp_path / "home")
    (tmp_path / "elsewhere").write_text("x")
    (home.folder / PROFILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError):
        await ProfileFile(home).load()
    await ProfileFile(home).save(SAVED)
    assert (tmp_path / "elsewhere").read_text() == "x"
