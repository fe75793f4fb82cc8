"""Room that is given back on a full disk, and a start there in this process, with injected failures."""

import errno
import os
import ssl
from types import SimpleNamespace

import httpx
import pytest
from tests.server.fakes import PASSWORD, MakeAccount

from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.config.server_settings import Listen
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.output import captured
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.host.server import Server
from parlour_server.host.setup import disk_reserve as reserve
from parlour_server.host.setup.disk_reserve import give_up_reserve, keep_reserve
from parlour_server.host.setup.public_address import note_running, running


async def test_a_full_disk_at_the_start(
    folder: DataFolder, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts without noting its address, answers reads, refuses writes with 503, and heals."""
    await make_account("ada")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    connect = SqliteEngine.connect_writer

    def connect_full(engine: SqliteEngine, *, announces: bool) -> WriteConnection:
        connection = connect(engine, announces=announces)
        connection.execute("PRAGMA query_only = ON")  # every write fails, as on a full disk
        connections.append(connection)
        return connection

    connections: list[WriteConnection] = []
    with monkeypatch.context() as patched, captured() as logs:
        patched.setattr(os, "fsync", full)
        patched.setattr(SqliteEngine, "connect_writer", connect_full)
        server = await Server.start(CHAT, folder, ChatSettings(listen=Listen(address="127.0.0.1:0")))
    try:
        assert running(folder) is None
        assert "address_not_noted" in {line["event"] for line in logs}
        context = ssl.create_default_context(cafile=str(folder.ca_certificate))
        async with httpx.AsyncClient(
            verify=context, base_url=server.url, trust_env=False, timeout=60
        ) as http:
            assert (await http.get("/healthz")).status_code == 204
            login = {"username": "ada", "password": PASSWORD, "device": "probe"}
            refused = await http.post("/v1/sessions", json=login)
            assert refused.status_code == 503
            assert refused.json()["error"] == "unavailable"
            connections[0].execute("PRAGMA query_only = OFF")
            session = (await http.post("/v1/sessions", json=login)).json()["session"]
            bearer = {"Authorization": f"Bearer {session}"}
            assert (await http.get("/v1/sessions", headers=bearer)).status_code == 200
        note_running(folder, "127.0.0.1", 1)
        assert running(folder) == ("127.0.0.1", 1)
    finally:
        await server.stop()


def test_the_reserve_is_made_where_there_is_room_and_given_up_where_there_is_none(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never fills a disk, and is never released while there is other space."""
    free = SimpleNamespace(free=1024)
    monkeypatch.setattr(reserve.shutil, "disk_usage", lambda _: free)
    folder.reserve.unlink(missing_ok=True)
    keep_reserve(folder)
    assert not folder.reserve.exists()
    assert not give_up_reserve(folder)
    free.free = 2**30
    keep_reserve(folder)
    assert folder.reserve.stat().st_size == reserve.RESERVE_BYTES
    assert folder.problems() == []
    assert not give_up_reserve(folder)
    free.free = 0
    assert give_up_reserve(folder)
    assert not folder.reserve.exists()
