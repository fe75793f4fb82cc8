"""The TLS of a server of one's own, and its logins over HTTPS."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from tests.ports import free_port
from tests.server.core.net.conftest import Pair, make_pair

from parlour_server.standalone.https import LoginServer, server_context
from parlour_server.standalone.logins import MemoryLogins
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.target import https_call

PASSWORD = "tigress-violin-marble"
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return a certificate for localhost, and its key."""
    return make_pair(tmp_path_factory.mktemp("tls"))


@pytest_asyncio.fixture
async def port(pair: Pair) -> AsyncIterator[int]:
    """Run a server for the logins of ada; return its port."""
    found = free_port()

    def gate(hosts: Sequence[str], origins: Sequence[str], target: str) -> int:
        return (
            0 if (list(hosts), list(origins), "?" in target) == ([f"localhost:{found}"], [], False) else 403
        )

    logins = MemoryLogins({"ada": HASHER.hash(PASSWORD)}, FakeClock().monotonic, hasher=HASHER)
    server = LoginServer(logins, gate, found, server_context(str(pair.certificate), str(pair.key)))
    serving = asyncio.create_task(server.serve())
    yield found
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


def test_only_tls_1_3(pair: Pair) -> None:
    """Nothing older is negotiated (T1)."""
    assert server_context(str(pair.certificate), str(pair.key)).minimum_version is ssl.TLSVersion.TLSv1_3


async def test_a_login(port: int, pair: Pair) -> None:
    """Right, wrong, and to the logout; each refusal has its status."""

    async def call(path: str, body: object = None, **how: str) -> tuple[int, bytes]:
        return await https_call(port, pair.trusting_context(), "POST", path, body, **how)  # type: ignore[arg-type]

    login = {"username": "ada", "password": PASSWORD}
    status, answer = await call("/login", login)
    session = json.loads(answer)["session"]
    assert status == 200
    assert (await call("/login", {**login, "password": "x"}))[0] == 401
    assert (await call("/login", {**login, "admin": True}))[0] == 400
    assert (await call("/login", {**login, "password": "x" * 500_000}))[0] == 413
    assert (await call("/login?ticket=x", login))[0] == 403
    assert (await call("/ticket", bearer=session))[0] == 200
    assert (await call("/logout", bearer=session))[0] == 200
    assert (await call("/ticket", bearer=session))[0] == 401
    assert (await call("/nothing"))[0] == 404


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: -1", 400),
        (b"Content-Length: 1_0", 400),
        (b"Content-Length: 9999999999999999999999", 400),
        (b"Origin: https://evil.example", 403),
        (b"Host: evil.example", 403),
    ],
)
async def test_a_head_that_is_refused(port: int, pair: Pair, head: bytes, status: int) -> None:
    """By the gate, or because nobody can say how long the body is."""
    reader, writer = await asyncio.open_connection("localhost", port, ssl=pair.trusting_context())
    writer.write(b"POST /login HTTP/1.1\r\nHost: localhost:%d\r\n%s\r\n\r\n" % (port, head))
    async with asyncio.timeout(20):
        assert (await reader.read()).startswith(b"HTTP/1.0 %d" % status)
    writer.close()
    await writer.wait_closed()


async def test_a_handshake_that_never_ends_holds_up_nobody(port: int, pair: Pair) -> None:
    """Each connection has a thread of its own, from its first byte on (H5)."""
    _, writer = await asyncio.open_connection("localhost", port)
    status, _ = await https_call(port, pair.trusting_context(), "POST", "/nothing")
    assert status == 404
    writer.close()
    await writer.wait_closed()
