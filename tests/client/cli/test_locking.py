"""How the archive gets its lock: offered once at the beginning, changed by `parlour passphrase`."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import keyring
import pytest
from click.testing import CliRunner
from keyring.backends.fail import Keyring as NoKeyring
from tests.client.core.ring_fake import FakeKeyring

from parlour_client.cli import root
from parlour_client.cli import run_client as running
from parlour_client.cli.open_chat import _accounts, _FirstLock, _opened
from parlour_client.cli.run_client import first_passphrase
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.saved_profile import ArchivedProfile
from parlour_client.core.archive import Archive, key
from parlour_client.core.archive.key import Protection, needs_passphrase, open_key, protection_of
from parlour_client.core.archive.passphrase import Cost
from parlour_client.core.client import Client
from parlour_client.kit.account.entrance import Credentials, Server
from parlour_client.kit.account.profile import Profile
from parlour_client.kit.errors import ParlourClientError
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret

Typing = Callable[[Sequence[str]], list[str]]


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let passphrases be cheap."""
    monkeypatch.setattr("parlour_client.core.archive.key.calibrated", lambda: Cost(1, 64 << 10))


@pytest.fixture
def home(tmp_path: Path) -> ChatHome:
    """Return a home without an archive."""
    return ChatHome(tmp_path / "home")


@pytest.fixture
def ring() -> Iterator[FakeKeyring]:
    """Give the process a keyring."""
    before, fake = keyring.get_keyring(), FakeKeyring()
    keyring.set_keyring(fake)
    yield fake
    keyring.set_keyring(before)


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Return what lets someone type at a terminal; it gives the list of what they were asked."""

    def types(lines: Sequence[str]) -> list[str]:
        answers, asked = iter(lines), list[str]()

        def prompt(words: str, **how: object) -> str:
            assert how["hide_input"]
            asked.append(words)
            return next(answers)

        monkeypatch.setattr(click, "prompt", prompt)
        return asked

    monkeypatch.setattr(running.sys.stdin, "isatty", lambda: True)
    return types


def test_the_first_run_offers_a_passphrase_with_a_reason(
    home: ChatHome, typing: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    """Typed twice without being shown; two that differ are asked for again."""
    typing(["open sesame", "open barley", "open sesame", "open sesame"])
    assert first_passphrase(home, ask=True) == Secret("open sesame")
    told = capsys.readouterr().err
    assert "gets your disk or a backup" in told
    assert "They don't match" in told
    assert not home.key.exists()


def test_enter_alone_is_an_answer(home: ChatHome, typing: Typing) -> None:
    """No one is made to have one, or asked twice."""
    assert typing([""]) == []
    assert first_passphrase(home, ask=True) is None


def test_scripts_and_old_archives_are_not_offered_one(home: ChatHome, typing: Typing) -> None:
    """`--password-stdin` asks nothing; neither does an archive that is there without a passphrase."""
    asked = typing([])
    assert first_passphrase(home, ask=False) is None
    open_key(home.key, None)
    assert first_passphrase(home, ask=True) is None
    assert asked == []


async def test_a_home_without_an_archive_gets_none_by_looking(home: ChatHome) -> None:
    """So that the key is never written in plain form before the welcome screen has asked."""
    assert await _opened(home, None) == (None, False)
    assert not home.key.exists()


async def test_the_welcome_locks_what_a_refused_try_has_left(home: ChatHome) -> None:
    """What was typed last holds; with a lock from the beginning the key never lies there in plain form."""
    lock = _FirstLock(home, None)
    assert lock.is_offered
    for wished in (Secret("first"), Secret("second"), None, Secret("third")):
        opened = await lock.archive(wished)
        assert lock.passphrase == wished
        assert (opened.key.protection is Protection.PASSPHRASE) is (wished is not None)
        assert needs_passphrase(home.key) is (wished is not None)
        assert open_key(home.key, wished)
    await lock.client().stop()
    later = _FirstLock(home, Secret("third"))
    assert not later.is_offered
    opened = await later.archive(None)
    assert needs_passphrase(home.key)
    await opened.close()


@pytest.mark.parametrize("is_logged_in", [False, True])
async def test_a_passphrase_is_stretched_once(
    home: ChatHome, monkeypatch: pytest.MonkeyPatch, *, is_logged_in: bool
) -> None:
    """At a start, after a lock and for another account: it takes as long as is bearable."""
    archive = await Archive.open(home.archive, home.key, Secret("third"))
    if is_logged_in:
        name, user = parse_device_name("laptop"), parse_user_name("ada")
        profile = Profile(server="test:8443", user=user, device=name, session=Secret("x"))
        await ArchivedProfile(archive).save(profile)
    await archive.close()
    stretched: list[Secret] = []
    spend = key.stretched

    def counted(passphrase: Secret, salt: bytes, cost: Cost) -> bytes:
        stretched.append(passphrase)
        return spend(passphrase, salt, cost)

    monkeypatch.setattr(key, "stretched", counted)
    accounts = _accounts(home)
    opened = await accounts.open(accounts.current, Secret("third"))
    inside = opened.inside
    assert isinstance(inside, Client) is is_logged_in
    if isinstance(inside, Client):
        await inside.start(asyncio.Event())
        await inside.stop()
    else:
        person = Credentials(parse_user_name("ada"), Secret("wrong"), parse_device_name("laptop"))
        with pytest.raises(ParlourClientError):  # no one listens there
            await inside.login(Server(ServerAddress("127.0.0.1", 1)), person)
    assert len(stretched) == 1


def test_into_the_keyring_and_back(home: ChatHome, ring: FakeKeyring) -> None:
    """`--keyring` and `--remove`; both say how the archive is locked now."""
    made = open_key(home.key, None)
    done = CliRunner().invoke(root.cli, ["--home", str(home.folder), "passphrase", "--keyring"])
    assert done.exit_code == 0
    assert "Only the system keyring" in done.output
    assert protection_of(home.key) is Protection.KEYRING
    assert len(ring.kept) == 1
    done = CliRunner().invoke(root.cli, ["--home", str(home.folder), "passphrase", "--remove"])
    assert "not protected by a passphrase" in done.output
    assert open_key(home.key, None).raw == made.raw
    assert not ring.kept


def test_a_missing_keyring_is_reported_and_nothing_changes(
    home: ChatHome, ring: FakeKeyring, capsys: pytest.CaptureFixture[str]
) -> None:
    """As over SSH: exit status 1, a sentence, and what to do."""
    open_key(home.key, None)
    before = home.key.read_bytes()
    keyring.set_keyring(NoKeyring())
    assert root.guarded(["--home", str(home.folder), "passphrase", "--keyring"]) == 1
    told = capsys.readouterr().err
    assert "no usable keyring" in told
    assert "Everything stays as it was" in told
    assert home.key.read_bytes() == before
    assert not ring.kept
