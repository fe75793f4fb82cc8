"""What the operator's commands about people do to a server that runs."""

import asyncio
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from parlour_protocol.frames.bodies import Left, Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Error, Hello, LogEvent, Ok, Page
from parlour_protocol.frames.requests import History, Send
from parlour_protocol.kit.errors import ACCOUNT_DELETED
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.rooms import Role
from parlour_server.chat.program import CHAT
from parlour_server.testing.server import PASSWORD, World, running
from parlour_server.testing.target import PATIENCE
from tests import postgres


async def until_limits_are(world: World, count: int) -> None:
    """Wait until the server has read so many limits of connections."""
    async with asyncio.timeout(PATIENCE):
        while len(world.parts.quotas.accounts.by_name.get("connections.per_user", ())) != count:  # noqa: ASYNC110 - of a command
            await asyncio.sleep(0.01)


async def test_roles_of_invites_and_limits_of_accounts_on_a_running_server(tmp_path: Path) -> None:
    """A newcomer moderates the lobby; a limit is there within a second, and gone again."""
    async with running(CHAT, tmp_path / "data") as world:
        invite = await world.invite("--role", "moderator")
        await world.api("POST", "/v1/accounts", {"username": "ada", "password": PASSWORD, "invite": invite})
        ada = await world.log_in("ada")
        here = await ada.connect()
        hello = here.greeted
        assert isinstance(hello, Hello)
        [lobby] = hello.rooms
        assert lobby.role is Role.MODERATOR
        limits = ("--set", "connections.per_user=1", "--set", "rates.messages_per_minute=1")
        await world.command("user", "limits", "ada", *limits)
        await until_limits_are(world, 1)
        assert await world.refused(ticket=await ada.ticket()) == 503
        answers = [await here.ask(Send(new_request_id(), lobby.room, MessageText("hello"))) for _ in range(2)]
        assert isinstance(answers[0], Ok)
        assert isinstance(answers[1], Error)
        assert answers[1].code == "rate_limited"
        await world.command("user", "limits", "ada", "--reset", "connections.per_user")
        await until_limits_are(world, 0)
        await ada.connect()


async def test_an_account_is_exported_and_deleted_while_people_talk(tmp_path: Path) -> None:
    """Its socket closes, its friend's client sees it leave, and nobody can write to it or be it."""
    async with running(CHAT, tmp_path / "data") as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        hers, his = await ada.connect(), await bob.connect()
        assert isinstance(his.greeted, Hello)
        room = his.greeted.rooms[0].room
        assert isinstance(await hers.ask(Send(new_request_id(), room, MessageText("my secret"))), Ok)
        output = tmp_path / "ada.tar"
        told = json.loads(await world.command("user", "export", "ada", "--output", str(output), "--json"))
        assert (told["user"], output.stat().st_mode & 0o777) == ("ada", 0o600)
        with tarfile.open(output) as tar:
            lines = tar.extractfile("messages.jsonl")
            assert lines is not None
            assert b"my secret" in lines.read()
            assert json.load(tar.extractfile("account.json") or lines)["user"] == "ada"
            assert "hash" not in "".join(tar.getnames())
        done = json.loads(await world.command("user", "delete", "ada", "--yes", "--json"))
        assert (done["sessions_ended"], done["rooms_left"]) == (1, 1)
        assert await hers.close_code() == ACCOUNT_DELETED
        left = None
        while not isinstance(left, LogEvent) or not isinstance(left.body, Left):
            left = await his.push()
        assert left.author == "ada"
        page = await his.ask(History(new_request_id(), room, limit=50))
        assert isinstance(page, Ok)
        assert isinstance(page.result, Page)
        [kept] = [event for event in page.result.events if isinstance(event.body, Message)]
        assert kept.author == done["author"]
        again = json.loads(await world.command("user", "delete", "ada", "--yes", "--json"))
        assert again["author"] == "ada", "what stays has an author already"
        listed = json.loads(await world.command("user", "list", "--deleted", "--json"))
        assert [one["user"] for one in listed if one["deleted"]] == ["ada", done["author"]]
        with pytest.raises(RuntimeError, match="401"):
            await world.log_in("ada")
        taken = {"username": "ada", "password": PASSWORD, "invite": await world.invite()}
        with pytest.raises(RuntimeError, match="taken"):
            await world.api("POST", "/v1/accounts", taken)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_who_is_online_idle_and_without_a_second_factor(tmp_path: Path, database: str) -> None:
    """From a note of the server, or from the table of several; `--idle` leaves out who is connected."""
    url = "" if database == "sqlite" else postgres.empty("people")
    async with running(CHAT, tmp_path / "data", given={"database.url": url} if url else None) as world:
        ada, _ = await world.person("ada"), await world.person("bob")
        await ada.connect()

        async def listed(*options: str) -> dict[str, Any]:
            found = json.loads(await world.command("user", "list", *options, "--json"))
            return {one["user"]: one for one in found}

        async with asyncio.timeout(PATIENCE):
            while "ada" not in await listed("--online"):  # noqa: ASYNC110 - what a command sees
                await asyncio.sleep(0.05)
        everyone = await listed()
        assert everyone.keys() == {"ada", "bob"}
        assert {**everyone["ada"], "created": 0, "last_seen": 0} == {
            "user": "ada",
            "created": 0,
            "disabled": False,
            "deleted": None,
            "last_seen": 0,
            "online": 1,
            "sessions": 1,
            "role": "member",
            "devices": 0,
            "second_factor": False,
            "second_factor_required": False,
        }
        assert everyone["bob"]["last_seen"] > 0
        assert (await listed("--online")).keys() == {"ada"}
        assert await listed("--idle", "1d") == {}
        text = await world.command("user", "list")
        assert re.search(r"^ada  since \S+ \S+ UTC  online  member  0 devices$", text, re.MULTILINE)
        sessions = json.loads(await world.command("session", "list", "--json"))
        assert [one["user"] for one in sessions] == ["ada", "bob"]
        assert len((await world.command("session", "list")).splitlines()) == 2
    if database == "sqlite":
        assert not (tmp_path / "data" / "online.json").exists()
