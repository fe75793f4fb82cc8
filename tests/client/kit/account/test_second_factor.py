"""Second factors of a client, against a program's real server: what is asked, what is sent, what is kept."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from pyotp.totp import TOTP

from parlour_client.kit.account.home import PROFILE, Home
from parlour_client.kit.account.profile_file import ProfileFile
from parlour_client.kit.account.second_factor import FactorDialog, Factors, NoDialog
from parlour_client.kit.account.security_key import UsbKeys
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.console.second_factor import ConsoleDialog
from parlour_client.kit.errors import (
    ApiRefusedError,
    EnrolmentRequiredError,
    LoginRefusedError,
    NotFinishedError,
    ServerMisbehavedError,
    SetupError,
)
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_lab.software_key import SoftwareDevice, SoftwareKey
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.second_factor import (
    FactorAdded,
    FactorId,
    FactorKind,
    FactorList,
    TotpSecret,
)
from parlour_protocol.kit.secret import Secret
from parlour_server.core.config.server_settings import Settings
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import PASSWORD, World, running

from ticker.server import app

LAPTOP = parse_device_name("laptop")
ANNA = parse_user_name("anna")


@dataclass
class Person:
    """Someone with an app, who answers dialogs; ``says`` is what they type next, else a right code."""

    clock: FakeClock
    says: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    secret: str = ""
    uri: str = ""
    codes: Sequence[str] = ()

    async def password(self, words: str) -> Secret:
        self.asked.append((words, ""))
        return Secret(PASSWORD)

    async def code(self, words: str, problem: str) -> str:
        self.asked.append((words, problem))
        if self.says:
            return self.says.pop(0)
        self.clock.forward(30)
        return self.shown()

    async def first_code(self, secret: str, uri: str, problem: str) -> str:
        self.secret, self.uri = secret, uri
        self.asked.append(("first", problem))
        return self.says.pop(0) if self.says else self.shown()

    async def show_recovery_codes(self, codes: Sequence[str]) -> None:
        self.codes = codes

    def tell(self, words: str) -> None:
        self.told.append(words)

    def shown(self) -> str:
        return TOTP(self.secret).at(self.clock.wall // 1000)


def required(settings: Any) -> Settings:
    """Return settings that require a factor of everyone."""
    logins = msgspec.structs.replace(settings.logins, second_factor="required")
    changed: Settings = msgspec.structs.replace(settings, logins=logins)
    return changed


@dataclass
class Rig:
    """A server, a home, and its person."""

    world: World
    sign_in: SignIn
    person: Person
    address: ServerAddress
    home: Path

    async def log_in(self, dialog: FactorDialog | None = None) -> None:
        """Log in at the address."""
        ca = CaFile((self.world.data / "ca.pem").read_text())
        await self.sign_in.log_in(self.address, ca, ANNA, Secret(PASSWORD), LAPTOP, dialog or self.person)


def rig_of(world: World, clock: FakeClock, home: Path) -> Rig:
    """Return a rig for a server."""
    address = ServerAddress("localhost", world.port)
    return Rig(world, SignIn(ProfileFile(Home(home))), Person(clock), address, home)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Return a server where anna has an account, and her home."""
    clock = FakeClock()
    async with running(app, tmp_path / "data", clock=clock) as world:
        await world.person("anna")
        yield rig_of(world, clock, tmp_path / "home")


async def test_an_app_from_the_first_code_to_the_last(rig: Rig) -> None:
    """Set up with a wrong code first; asked for at each login; a recovery code in its place; removed."""
    await rig.log_in()
    assert rig.person.asked == []
    rig.person.says = ["000 000"]
    async with rig.sign_in.factors(rig.person) as factors:
        await factors.add_app("app")
    problems = [problem for words, problem in rig.person.asked if words == "first"]
    assert problems[1].startswith("The code is wrong")
    assert rig.person.uri.startswith("otpauth://totp/localhost:anna?secret=")
    assert len(rig.person.codes) == 10
    rig.person.asked.clear()
    rig.person.says = ["12345", "123456"]  # no code; a wrong one
    await rig.log_in()
    assert [bool(problem) for _, problem in rig.person.asked] == [False, True, True]
    assert rig.person.asked[0][0] == "Type the six digits of your app or a recovery code"
    rig.person.says = [rig.person.codes[0].lower().replace("-", " ")]
    await rig.log_in()
    async with rig.sign_in.factors(rig.person) as factors:
        assert (await factors.list()).recovery_codes == 9
        await factors.replace_recovery_codes()
        await factors.change_password(Secret(PASSWORD), Secret("marble-violin-tigress"))
        with pytest.raises(SetupError):
            await factors.named("another")
        with pytest.raises(ApiRefusedError):  # the old password
            await factors.remove(await factors.named("app"))
    for written in (rig.home / PROFILE).read_text(), repr(rig.person.told):
        for secret in (PASSWORD, rig.person.secret, *rig.person.codes):
            assert secret not in written


async def test_a_security_key_at_this_computer(rig: Rig) -> None:
    """By the library's own client: it signs for the server that we are connected to, and no other."""
    await rig.log_in()
    key = SoftwareKey()
    keys = UsbKeys(lambda: [SoftwareDevice(key)])
    async with rig.sign_in.factors(rig.person, keys) as factors:
        await factors.add_key("blue")
        assert [(one.kind, one.name) for one in (await factors.list()).factors] == [
            (FactorKind.SECURITY_KEY, "blue")
        ]
        rig.person.says = [""]
        await factors.replace_recovery_codes()
    assert "Touch your security key." in rig.person.told
    api = Api(Verifier(rig.address, CaFile((rig.world.data / "ca.pem").read_text())))
    session = (await rig.sign_in.store.load()).session
    assert session is not None
    challenge = await api.challenge(session)
    elsewhere = msgspec.structs.replace(challenge, relying_party="evil.example.org")
    with pytest.raises(SetupError):
        await keys.sign(elsewhere, rig.address, rig.person)
    with pytest.raises(SetupError, match="no security key"):
        await UsbKeys(list).sign(challenge, rig.address, rig.person)


async def test_a_server_that_requires_one_is_left_with_one_or_not_at_all(tmp_path: Path) -> None:
    """The login sets an app up; someone who stops is not logged in, and leaves no session behind."""
    clock = FakeClock()
    async with running(app, tmp_path / "data", change=required, clock=clock) as world:
        session = (await world.person("anna")).session
        rig = rig_of(world, clock, tmp_path / "home")
        api = Api(Verifier(rig.address, CaFile((world.data / "ca.pem").read_text())))
        with pytest.raises(EnrolmentRequiredError):
            await api.sessions(Secret(session))
        before = len(await world.parts.store.sessions.list(ANNA, clock.now()))
        with pytest.raises(NotFinishedError):
            await rig.log_in(NoDialog())
        assert len(await world.parts.store.sessions.list(ANNA, clock.now())) == before
        assert await rig.sign_in.saved() is None
        await rig.log_in()
        assert await rig.sign_in.saved() is not None
        assert len(rig.person.codes) == 10


async def test_codes_from_a_pipe(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """One code is read for a login; a wrong one ends it, and nothing typed is repeated on the screen."""
    await rig.log_in()
    async with rig.sign_in.factors(rig.person) as factors:
        await factors.add_app("app")
    rig.person.clock.forward(30)
    typed = [Secret("000000")]
    with pytest.raises(NotFinishedError):
        await rig.log_in(ConsoleDialog(typed.pop))
    typed = [Secret(rig.person.shown())]
    await rig.log_in(ConsoleDialog(typed.pop))
    assert typed == []
    shown = capsys.readouterr()
    assert PASSWORD not in shown.out + shown.err
    with pytest.raises(LoginRefusedError):
        await rig.sign_in.log_in_again(Secret("another-violin-marble"), rig.person)


class HostileApi:
    """Answers as no honest server does."""

    def __init__(self, secret: TotpSecret, added: FactorAdded) -> None:
        self._secret, self._added = secret, added

    async def second_factors(self, _session: Secret) -> FactorList:
        return FactorList(())

    async def begin_totp(self, _session: Secret, _body: object) -> TotpSecret:
        return self._secret

    async def confirm_totp(self, _session: Secret, _factor: object, _body: object) -> FactorAdded:
        return self._added


ESCAPE = "\x1b]0;pwned\x07"


@pytest.mark.parametrize(
    ("secret", "uri", "code"),
    [
        (ESCAPE, "otpauth://totp/x", "ABCD-EFGH-ABCD-EFGH"),
        ("ABCDEFGHABCDEFGH", f"otpauth://totp/{ESCAPE}", "ABCD-EFGH-ABCD-EFGH"),
        ("ABCDEFGHABCDEFGH", "https://evil.example/", "ABCD-EFGH-ABCD-EFGH"),
        ("ABCDEFGHABCDEFGH", "otpauth://totp/x", f"ABCD-EFGH-ABCD-{ESCAPE}"),
    ],
)
async def test_what_a_hostile_server_sends_is_not_shown(secret: str, uri: str, code: str) -> None:
    """M2: a secret, a QR code and recovery codes have one form each; anything else is refused."""
    begun = TotpSecret(FactorId("f" * 22), Secret(secret), Secret(uri), 600)
    api = cast("Api", HostileApi(begun, FactorAdded((Secret(code),))))
    person = Person(FakeClock(), says=["123456"])
    factors = Factors(api, Secret(""), ServerAddress("localhost", 1), person)
    with pytest.raises(ServerMisbehavedError):
        await factors.add_app("app", Secret(PASSWORD))
    assert ESCAPE not in repr((person.secret, person.uri, person.codes))
