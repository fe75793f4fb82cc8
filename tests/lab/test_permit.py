"""A permit to attack a server elsewhere: only one that this server's key signed, in time, for this name."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from parlour_client.cli.root import cli
from parlour_lab.attack import Attack, Stage
from parlour_lab.impostor import Made, make, recording
from parlour_lab.job import play_remotely
from parlour_lab.permit import PermitError, check_permit
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.secret import Secret
from parlour_server.chat.capabilities.drill_permits.permit import write_permit
from parlour_server.chat.program import CHAT

INVITE = Secret("i" * 43)


@dataclass
class Elsewhere:
    """A server with a certificate, and where it is."""

    made: Made
    port: int
    folder: Path

    def permit(self, *, minutes: int = 30) -> Path:
        """Write a permit as its operator does."""
        data = CHAT.folder(self.folder)
        file = self.folder / "permit.json"
        expires = Millis(int(time.time() * 1000) + minutes * 60_000)
        file.write_bytes(write_permit(data, INVITE, expires))
        return file

    async def check(self, file: Path, host: str = "127.0.0.1", **how: float) -> str:
        """Return what checking it gives: the invite, or why not."""
        try:
            return (await asyncio.to_thread(check_permit, file, f"https://{host}:{self.port}", **how)).invite
        except PermitError as error:
            return str(error)


def keys_in(folder: Path) -> tuple[Made, ssl.SSLContext]:
    """Make a certificate and its key where a server has them."""
    folder.mkdir(exist_ok=True)
    made = make()
    context = made.context(folder)
    whole = next(folder.glob("*.pem")).read_text()
    (folder / "server.pem").write_text(whole)
    (folder / "server.key").write_text(whole[whole.index("-----BEGIN PRIVATE KEY") :])
    return made, context


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Elsewhere]:
    """Serve TLS, and have the key and certificate where a server has them."""
    made, context = keys_in(tmp_path)
    async with recording(context) as recorder:
        yield Elsewhere(made, recorder.address.port, tmp_path)
        assert not recorder.data  # looking at the certificate sends nothing


async def test_a_permit_of_this_server(server: Elsewhere) -> None:
    """It opens the drill, with its invite."""
    assert await server.check(server.permit()) == INVITE.reveal()


async def test_a_permit_of_another_server(server: Elsewhere, tmp_path: Path) -> None:
    """Someone else's key proves control of someone else's server."""
    other, _ = keys_in(tmp_path / "other")
    file = Elsewhere(other, server.port, tmp_path / "other").permit()
    assert "did not sign this permit" in await server.check(file)


async def test_a_permit_that_was_changed(server: Elsewhere) -> None:
    """Its end, names and invite are signed."""
    file = server.permit()
    whole = json.loads(file.read_text())
    whole["permit"] = whole["permit"].replace("127.0.0.1", "localhost")
    file.write_text(json.dumps(whole))
    assert "did not sign this permit" in await server.check(file)


async def test_a_permit_that_has_expired(server: Elsewhere) -> None:
    """It ends by itself, and none is good for longer than a day."""
    assert "has expired" in await server.check(server.permit(), now=time.time() + 31 * 60)
    assert "has expired" in await server.check(server.permit(minutes=25 * 60))


async def test_a_permit_for_another_name(server: Elsewhere) -> None:
    """The host must be one of the certificate's names."""
    assert "not for localhost" in await server.check(server.permit(), "localhost")


NO_PERMITS = ["", "{}", "[]", '{"permit": 1, "signature": ""}', '{"permit": "[]", "signature": ""}']


@pytest.mark.parametrize("text", NO_PERMITS)
async def test_a_file_that_is_no_permit(server: Elsewhere, text: str) -> None:
    """It is refused in one sentence."""
    file = server.folder / "permit.json"
    file.write_text(text)
    assert "is not a permit" in await server.check(file)


def test_a_server_elsewhere_without_a_permit() -> None:
    """Nothing is attacked, not even on loopback."""
    for given in (["--server", "localhost:8443"], ["--server", "chat.example.org"]):
        done = CliRunner().invoke(cli, ["drill", "K3", *given])
        assert done.exit_code == 2
        assert "permit" in done.output


def test_attacks_that_may_harm_are_not_played_elsewhere() -> None:
    """A job that asks for one is refused before it connects."""
    attacks = [Attack("x.y", "", "", Stage.SERVER, lambda *_: True)]
    with pytest.raises(ValueError, match="harm nothing"):
        play_remotely(attacks, {}, lambda _: None)
