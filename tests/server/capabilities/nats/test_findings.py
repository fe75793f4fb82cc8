"""What `doctor` says of the bus, from real NATS servers: one sentence each, without secrets."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.nats import NatsServer, server

from parlour_protocol.kit.ids import Incarnation, Millis
from parlour_server.app.finding import Finding
from parlour_server.capabilities.diagnostics.examine import examine
from parlour_server.capabilities.nats.findings import examine_bus
from parlour_server.chat.name import NAME
from parlour_server.chat.program import CHAT
from parlour_server.core.clock import SystemClock
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.host.config.settings_loader import load
from parlour_server.host.setup.initialise import initialise

INCARNATION = Incarnation("0" * 32)


class Begun(SqliteEngine):
    """A database whose logs have this incarnation."""

    def incarnation(self) -> tuple[Incarnation, Millis]:
        """Return it."""
        return INCARNATION, Millis(0)


def findings(
    tmp_path: Path, url: str, credentials: str = "", *, has_database: bool = True
) -> Sequence[Finding]:
    """Return them for a server with these credentials."""
    (tmp_path / "nats.txt").write_text(credentials)
    flags = {"bus.url": url, "bus.credentials_file": "nats.txt" if credentials else ""}
    settings = load(tmp_path / "none.toml", CHAT.settings_type, NAME, flags=flags)
    return examine_bus(DataFolder(tmp_path, NAME), settings, Begun(tmp_path / "db") if has_database else None)


def test_a_bus_that_works_is_fine(tmp_path: Path):
    """With the time of a round trip; without a URL there is nothing to say."""
    [fine] = findings(tmp_path, server().url)
    assert fine.level == "fine"
    assert "ms and takes our subjects" in fine.text
    assert findings(tmp_path, "") == []


def test_without_a_database_it_is_not_examined(tmp_path: Path):
    """Its subjects have a name that is in the database."""
    [advice] = findings(tmp_path, server().url, has_database=False)
    assert advice.level == "advice"


def test_a_bus_that_does_not_answer_is_a_danger(tmp_path: Path):
    """Plain text to another machine is one of its own."""
    [down] = findings(tmp_path, "nats://127.0.0.1:1")
    assert down.level == "danger"
    assert "Start it, or correct bus.url" in down.text
    plain, _ = findings(tmp_path, "nats://parlour.invalid:1?tls=off")
    assert plain.level == "danger"
    assert "use tls://" in plain.text


def test_credentials_and_rights_are_checked(tmp_path: Path):
    """A user must be allowed to publish and to subscribe."""
    ours, nothing = f'"{NAME.word}.>"', '"elsewhere.>"'
    users = ", ".join(
        f"{{user: {user}, password: canary, permissions: {{publish: {publish}, subscribe: {subscribe}}}}}"
        for user, publish, subscribe in (
            ("both", ours, ours),
            ("deaf", ours, nothing),
            ("mute", nothing, ours),
        )
    )
    place = NatsServer(f"authorization {{users: [{users}]}}")
    try:
        [fine] = findings(tmp_path, place.url, "both:canary")
        assert fine.level == "fine"
        for user in ("deaf", "mute"):
            [found] = findings(tmp_path, place.url, f"{user}:canary")
            assert found.level == "danger"
            assert f"subscribe to {NAME.word}.{INCARNATION}.>" in found.text
        [wrong] = findings(tmp_path, place.url, "both:canary2")
        assert wrong.level == "danger"
        assert "check bus.credentials_file" in wrong.text
        assert "canary" not in wrong.text
    finally:
        place.close()


def test_doctor_looks_at_the_bus_of_the_settings(tmp_path: Path):
    """It takes the subjects from the database."""
    folder = CHAT.folder(tmp_path / "data")
    given = {"bus.url": server().url}
    asyncio.run(initialise(CHAT, folder, (), SystemClock(), given=given))
    found, _ = examine(CHAT, folder)
    assert [one.level for one in found if one.about == "bus"] == ["fine"]


def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The library of NATS is there only where a server uses it."""
    monkeypatch.setitem(sys.modules, "parlour_server.capabilities.nats.bus", None)
    [found] = findings(tmp_path, server().url)
    assert found.level == "danger"
    assert "extra `cluster`" in found.text
