"""Several accounts by name."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from parlour_client.cli import accounts
from parlour_client.cli.accounts import is_locked, name_of, names
from parlour_client.cli.root import cli
from parlour_client.core.account.chat_home import ChatHome, account_folder
from parlour_client.core.account.sign_in import open_archive
from parlour_client.core.archive.key import needs_passphrase
from parlour_client.kit.account import home
from parlour_client.kit.errors import SetupError


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the accounts be in a folder of the test."""
    (tmp_path / "data").mkdir(mode=0o700)  # as the root's umask makes it
    monkeypatch.setattr(home, "default_folder", lambda _: tmp_path / "data")
    return tmp_path / "data"


async def begin(name: str) -> None:
    """Make an account's home, as the first start does."""
    await (await open_archive(ChatHome(account_folder(name)), None)).close()


async def test_accounts_are_homes_side_by_side(data: Path) -> None:
    """The one without a name is `default`; a folder without a key is none."""
    assert names() == ()
    await begin("work")
    assert names() == ("work",)
    await begin("default")
    await begin("play")
    (data / "accounts" / "empty").mkdir()
    (data / "accounts" / "Not A Name").mkdir()
    (data / "accounts" / "Not A Name" / "archive.key").touch()
    assert names() == ("default", "play", "work")
    assert name_of(account_folder("work")) == "work"
    assert name_of(data / "elsewhere") == ""
    assert is_locked("work") is needs_passphrase(account_folder("work") / "archive.key") is False


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "A", ".hidden", "a b", "x" * 33, "-x"])
def test_a_name_leads_nowhere_else(name: str) -> None:
    """An account's folder is one below ours, whatever is typed."""
    with pytest.raises(SetupError):
        account_folder(name)


def test_the_folder_is_handed_to_every_command(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--account is --home by name; both together are refused."""
    seen: list[object] = []

    @click.command()
    @click.pass_context
    def look(context: click.Context) -> None:
        """Note what the root says."""
        seen.append(context.find_root().obj)

    monkeypatch.setattr(type(cli), "get_command", lambda *_: look)
    assert CliRunner().invoke(cli, ["--account", "work", "look"]).exit_code == 0
    assert CliRunner().invoke(cli, ["--home", "/x", "look"]).exit_code == 0
    assert seen == [data / "accounts" / "work", Path("/x")]
    both = CliRunner().invoke(cli, ["--home", "/x", "--account", "work", "look"])
    assert both.exit_code == 2
    assert "used together" in both.output


def test_plain_is_only_for_the_chat() -> None:
    """With another command it is refused, not ignored."""
    result = CliRunner().invoke(cli, ["--plain", "rooms"])
    assert result.exit_code == 2


def test_the_list_says_what_to_do_when_there_is_none() -> None:
    """No dead end."""
    assert "Run parlour to create the first one" in CliRunner().invoke(accounts.accounts).output


async def test_the_list_names_each(data: Path) -> None:
    """Logged out, locked, or damaged: in words."""
    await begin("work")
    await begin("bad")
    (data / "accounts" / "bad" / "archive.db").write_bytes(b"nothing")
    assert await accounts._words("work") == "logged out"
    assert (await accounts._words("bad")).startswith("cannot be opened")
