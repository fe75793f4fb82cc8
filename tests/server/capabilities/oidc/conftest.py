"""The chat's server, whose people have accounts at a provider that runs here."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.server.capabilities.oidc.openid_provider import CLIENT, SECRET, Provider

from parlour_server.chat.program import CHAT
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import World, running

ANNA, BERT = "248289761001", "70312"
PEOPLE = {
    ANNA: {
        "preferred_username": "anna",
        "email": "anna@example.org",
        "email_verified": True,
        "groups": ["chat"],
    },
    BERT: {"preferred_username": "bert", "email": "bert@example.org", "email_verified": True},
}


@dataclass
class Company:
    """A server, its provider, and people who log in."""

    world: World
    provider: Provider
    clock: FakeClock

    async def begin(self, **more: str) -> dict[str, Any]:
        """Begin a login."""
        begun: dict[str, Any] = await self.world.api(
            "POST", "/v1/company-logins", {"device": "laptop", **more}
        )
        return begun

    async def poll(self, login: str, **more: str) -> dict[str, Any]:
        """Ask whether it was approved, when it is time for that."""
        self.clock.forward(5)
        made: dict[str, Any] = await self.world.api(
            "POST", "/v1/company-logins/session", {"login": login, **more}
        )
        return made

    async def log_in(self, subject: str) -> dict[str, Any]:
        """Log in as this person, who approves at once."""
        begun = await self.begin()
        self.provider.approve(begun["code"], subject)
        return await self.poll(begun["login"])

    async def is_live(self, session: str) -> bool:
        """Return whether the session still opens a connection."""
        try:
            await self.world.api("POST", "/v1/tickets", bearer=session)
        except RuntimeError as error:
            if "401" not in str(error):
                raise
            return False
        return True


Open = Callable[..., AbstractAsyncContextManager[Company]]


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    """Return a provider that serves."""
    with Provider(people={subject: dict(claims) for subject, claims in PEOPLE.items()}).serve(
        tmp_path
    ) as one:
        yield one


@pytest.fixture
def company(provider: Provider, tmp_path: Path) -> Open:
    """Return what runs a server with settings of the section `oidc`."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n", "ascii")

    @asynccontextmanager
    async def opened(
        clock: FakeClock | None = None, also: Mapping[str, Any] | None = None, **changes: Any
    ) -> AsyncIterator[Company]:
        clock = clock or FakeClock()
        provider.clock = lambda: clock.now() / 1000
        settings = {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret_file": str(secret),
            "ca_file": str(tmp_path / "provider-ca.pem"),
            "private_networks": ("127.0.0.0/8", "::1"),
            "everyone": "no" if "domains" in changes or "groups" in changes else "yes",
            **changes,
        }
        given: Any = {f"oidc.{name}": value for name, value in settings.items()} | dict(also or {})
        async with running(CHAT, tmp_path / "data", given=given, clock=clock) as world:
            yield Company(world, provider, clock)

    return opened
