"""Logging in with the company's account, against the chat's server and a provider that run here."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from tests.server.capabilities.oidc.conftest import ANNA, BERT, Company, Open, company, provider

from parlour_client.cli.root import cli
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.sign_in import ChatSignIn, open_archive
from parlour_client.extras import register_all
from parlour_client.extras.company_login import bodies, device_login
from parlour_client.extras.company_login.bodies import CompanyCode
from parlour_client.extras.company_login.device_login import log_in, to_scan
from parlour_client.kit.account.profile import Account
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.errors import ApiRefusedError, ServerMisbehavedError, SetupError
from parlour_client.kit.transport.https import Api, understood
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_protocol.kit.api import encode_payload
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import SessionKey
from parlour_server.capabilities.oidc import bodies as server_bodies
from parlour_server.capabilities.oidc.operations import OPERATIONS

__all__ = ["company", "provider"]
LAPTOP = parse_device_name("laptop")
CODE = CompanyCode(Secret("x" * 43), "WDJB-MJHT", "https://login.example.org/device", 600, 5)


@dataclass
class Waiting(SystemClock):
    """Lets the server's time pass instead of waiting."""

    here: Company
    waited: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.here.clock.forward(seconds)


@dataclass
class Rig:
    """A server with a provider, a home, and someone with a browser."""

    here: Company
    sign_in: ChatSignIn
    clock: Waiting
    approves: str = ANNA
    yes: bool = True
    shown: list[CompanyCode] = field(default_factory=list)

    @property
    def address(self) -> ServerAddress:
        return ServerAddress("localhost", self.here.world.port)

    @property
    def ca(self) -> CaFile:
        return CaFile((self.here.world.data / "ca.pem").read_text())

    def show(self, code: CompanyCode) -> None:
        """See the code, and answer in the browser."""
        self.shown.append(code)
        if self.approves:
            self.here.provider.approve(code.code, self.approves, yes=self.yes)

    async def log_in(self) -> Account:
        """Log in."""
        return await self.sign_in.log_in_by(
            lambda api, key: log_in(api, LAPTOP, key, self.show, self.clock), self.address, self.ca, LAPTOP
        )


@pytest.fixture
async def rig(company: Open, tmp_path: Path) -> AsyncIterator[Rig]:
    """Return a rig."""
    async with company() as here:
        archive = await open_archive(ChatHome(tmp_path / "home"))
        yield Rig(here, ChatSignIn(archive), Waiting(here))
        await archive.close()


async def test_a_login_is_saved_and_bound_to_its_key(rig: Rig) -> None:
    """As one with a password is."""
    account = await rig.log_in()
    assert account.user == "anna"
    assert rig.clock.waited == [5]
    (session,) = await rig.sign_in.account.sessions()
    assert session.keyed
    assert (await rig.log_in()).user == "anna"


async def test_a_home_of_someone_else_gets_no_session(rig: Rig) -> None:
    """Nor does one of another server; at this one the session ends."""
    await rig.log_in()
    rig.approves = BERT
    with pytest.raises(SetupError, match="belongs to anna"):
        await rig.log_in()
    sessions = await rig.here.world.parts.store.sessions.all(rig.here.clock.now())
    assert {one.user for one in sessions} == {"anna"}


async def test_a_refusal_is_told(rig: Rig) -> None:
    """In the server's words; so is a code that has expired."""
    rig.yes = False
    with pytest.raises(ApiRefusedError, match="refused in the browser"):
        await rig.log_in()
    rig.approves = ""
    with pytest.raises(ApiRefusedError, match="begin again"):
        await rig.log_in()
    assert sum(rig.clock.waited[1:]) == 600


async def test_a_provider_that_does_not_answer_for_a_moment_is_waited_for(rig: Rig) -> None:
    """The code is still good."""
    answers = rig.here.provider.answers

    def once() -> tuple[int, bytes]:
        del answers["/token"]
        return 500, b""

    answers["/token"] = once
    assert (await rig.log_in()).user == "anna"
    assert len(rig.clock.waited) == 2


async def test_a_server_without_company_logins_says_so(company: Open) -> None:
    """And what to do instead."""
    async with company(issuer="", everyone="no") as here:
        api = Api(Verifier(ServerAddress("localhost", here.world.port), _ca(here)))
        with pytest.raises(SetupError, match="no company login") as refused:
            await log_in(api, LAPTOP, SessionKey(bytes(32)), lambda _: None, Waiting(here))
        assert "parlour login" in refused.value.hint


def _ca(here: Company) -> CaFile:
    return CaFile((here.world.data / "ca.pem").read_text())


@pytest.mark.parametrize("name", ["CompanyLogin", "CompanyCode", "CompanyPoll", "CompanyPending"])
def test_both_sides_have_the_same_bodies(name: str) -> None:
    """Each has its own, so that either can be deleted."""
    assert msgspec.json.schema(getattr(bodies, name), schema_hook=_opaque) | {
        "$defs": 0
    } == msgspec.json.schema(getattr(server_bodies, name), schema_hook=_opaque) | {"$defs": 0}
    mine, theirs = (msgspec.structs.fields(getattr(one, name)) for one in (bodies, server_bodies))
    assert mine == theirs
    assert {device_login.BEGIN, device_login.POLL} == {one.path for one in OPERATIONS}


def _opaque(kind: type[Any]) -> dict[str, object]:
    return {"type": "string", "title": kind.__name__}


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "WDJB\x1b[2J"},
        {"code": "WDJB\u202eMJHT"},
        {"code": ""},
        {"code": "W" * 33},
        {"address": "https://login.example.org/\u202e"},
        {"address": "http://login.example.org/"},
        {"address": "https://login.example.org/\nParlour: type your password"},
        {"with_code": "javascript:alert(1)"},
    ],
)
def test_what_a_hostile_server_wants_shown_is_refused(changes: dict[str, str]) -> None:
    """Only short, printable ASCII is shown."""
    data = encode_payload(CODE)
    assert understood(CompanyCode, data) == CODE
    hostile = msgspec.json.encode({**msgspec.json.decode(data), **changes})
    with pytest.raises(ServerMisbehavedError):
        understood(CompanyCode, hostile)


def test_a_qr_code_leads_where_the_address_leads() -> None:
    """With the code in it, if the provider has such an address."""
    whole = "https://login.example.org/device?user_code=WDJB-MJHT"
    assert to_scan(CODE) == CODE.address
    assert to_scan(msgspec.structs.replace(CODE, with_code=whole)) == whole
    elsewhere = "https://login.example.org.evil.example/"
    assert to_scan(msgspec.structs.replace(CODE, with_code=elsewhere)) == CODE.address


async def test_the_command_shows_the_code_and_when_not_to_type_it(
    company: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the address to the account."""
    async with company() as here:
        loop = asyncio.get_running_loop()

        async def sleep(_clock: SystemClock, seconds: float) -> None:
            code = next(iter(here.provider.codes.values()))["user_code"]
            here.provider.approve(code, ANNA)
            loop.call_soon_threadsafe(here.clock.forward, seconds)

        monkeypatch.setattr(SystemClock, "sleep", sleep)
        words = ["--home", str(tmp_path / "home"), "company-login", f"localhost:{here.world.port}"]
        words += ["--ca", str(here.world.data / "ca.pem"), "--device", "laptop"]
        register_all()
        printed = (await asyncio.to_thread(CliRunner().invoke, cli, words)).output
    assert f"{here.provider.issuer}/device" in printed
    assert "If someone sent you a code, don't type it" in " ".join(printed.split())
    assert "Logged in as anna" in printed
