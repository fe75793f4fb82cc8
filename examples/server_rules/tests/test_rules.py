"""The rules of a server, on a real one."""

import json
from pathlib import Path

import pytest

from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.program import ChatApp
from parlour_server.testing.server import running

from server_rules import CAPABILITY


async def test_everyone_can_read_what_the_operator_wrote(tmp_path: Path) -> None:
    """While the server runs, and without an account."""
    async with running(ChatApp((*CAPABILITIES, CAPABILITY)), tmp_path / "data") as world:
        with pytest.raises(RuntimeError, match="404"):
            await world.api("GET", "/v1/rules")
        async with world.reading_again("server_rules"):
            await world.command("rules", "set", "Be kind.")
        assert (await world.api("GET", "/v1/rules"))["text"] == "Be kind."
        assert "Be kind." in await world.command("rules", "show")


async def test_doctor_asks_for_rules(tmp_path: Path) -> None:
    """Until there are some."""
    async with running(ChatApp((*CAPABILITIES, CAPABILITY)), tmp_path / "data") as world:
        found = json.loads(await world.command("doctor", "--json"))["findings"]
        assert [finding["level"] for finding in found if finding["about"] == "rules"] == ["advice"]
