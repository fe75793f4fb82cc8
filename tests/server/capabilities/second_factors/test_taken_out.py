"""A server from which second factors were taken out, and people who have one, or must have one."""

from pathlib import Path
from typing import Any

import pytest

from parlour_protocol.kit.frames import Ok, Request
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.capabilities import CAPABILITIES
from parlour_server.capabilities.second_factors import CAPABILITY
from parlour_server.core.errors import SetupError
from parlour_server.testing.server import PASSWORD, running


class Ask(Request, frozen=True, tag="ask"):
    """Ask for nothing."""


WIRE: Wire[Any, Any] = Wire("shop.v1", requests=Ask)
OTHERS = tuple(one for one in CAPABILITIES if one is not CAPABILITY)


def shop(*, complete: bool) -> App[Any]:
    """Return a program with or without second factors."""
    app: App[Any] = App(WIRE, capabilities=CAPABILITIES if complete else OTHERS)

    @app.on(Ask, role="member")
    def answer(_peer: Any, ask: Ask) -> Ok:
        """Do nothing."""
        return Ok(ask.id)

    return app


async def test_no_one_who_has_a_factor_is_let_in_by_the_password(tmp_path: Path) -> None:
    """P20: neither logged in, nor their password changed; the sentence says whose turn it is. Others are."""
    async with running(shop(complete=True), tmp_path / "data") as world:
        anna, bert = await world.person("anna"), await world.person("bert")
        await anna.set_up_codes()
        session = anna.session
    async with running(shop(complete=False), tmp_path / "data") as world:
        with pytest.raises(RuntimeError, match=r"/v1/sessions: 403 .*proof_needed.*operator"):
            await world.log_in(anna.name)
        change = {"old": PASSWORD, "new": "marble-violin-tigress"}
        with pytest.raises(RuntimeError, match=r"/v1/password: 403 .*proof_needed"):
            await world.api("POST", "/v1/password", change, bearer=session)
        await world.api("POST", "/v1/tickets", bearer=session)  # it began with the factor
        await world.log_in(bert.name)
        assert [line["accounts"] for line in world.logs if line["event"] == "accounts_shut_out"] == [1]
    async with running(shop(complete=True), tmp_path / "data") as world:
        password = {"username": anna.name, "password": PASSWORD, "device": "laptop"}
        assert "challenge" in await world.api("POST", "/v1/sessions", password)


async def test_an_account_that_must_have_one_can_do_nothing(tmp_path: Path) -> None:
    """P29: as before, it may only log out."""
    async with running(shop(complete=True), tmp_path / "data") as world:
        anna = await world.person("anna")
        await world.command("user", "second-factor", "require", anna.name)
    async with running(shop(complete=False), tmp_path / "data") as world:
        again = await world.log_in(anna.name)
        with pytest.raises(RuntimeError, match=r"/v1/tickets: 403 .*enrolment_required"):
            await again.ticket()


async def test_a_server_that_requires_one_does_not_start(tmp_path: Path) -> None:
    """The configuration names a key that nothing has."""
    given = {"logins.second_factor": "required"}
    async with running(shop(complete=True), tmp_path / "data", given=given):
        pass
    with pytest.raises(SetupError, match="second_factor"):
        async with running(shop(complete=False), tmp_path / "data"):
            pass
