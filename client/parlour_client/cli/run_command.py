"""Runs a command of the table once: connects, finds the named rooms, asks, shows the result.

A question is asked on the terminal; a script says ``--yes``. Without a terminal nothing is assumed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import click

from parlour_client.cli.confirmation import require_yes
from parlour_client.cli.output import Output
from parlour_client.cli.render import show
from parlour_client.cli.run_client import connected, the_home, the_passphrase
from parlour_client.commands.command import (
    Call,
    Command,
    Connect,
    Kind,
)
from parlour_client.commands.find import find_invitation, find_room
from parlour_client.commands.front import Front
from parlour_client.commands.results import Question
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.client import Client
from parlour_client.core.settings import load
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import SessionEndedError, UnreachableError
from parlour_client.kit.language import _

_PATIENCE: Final = 5.0
"""Seconds to wait for a connection that a command can do without."""


def run_command(
    context: click.Context, command: Command[..., Any], values: dict[str, Any], *, as_json: bool, yes: bool
) -> None:
    """Run it to its end; raises errors."""
    asyncio.run(_run(the_home(context), command, values, as_json=as_json, yes=yes))


async def _run(
    home: ChatHome, command: Command[..., Any], values: dict[str, Any], *, as_json: bool, yes: bool
) -> None:
    async with _client(home, command.connect) as client:
        call = Call(client, Front.CLI, load(home.folder))
        found = {name: _found(call, command, name, value) for name, value in values.items()}
        if command.connect is Connect.SETTLED:
            await client.finish(found["room"].id)
        result = await command(call, **found)
        if isinstance(result, Question):
            if not yes and command.asks is not None and command.asks.cli:
                _ask(result)
            result = await result.do()
        if result is not None:
            await show(result, Output(client, as_json))


@asynccontextmanager
async def _client(home: ChatHome, connect: Connect) -> AsyncIterator[Client]:
    if connect is not Connect.IF_POSSIBLE:
        async with connected(home, follow=connect is not Connect.ONLINE) as client:
            yield client
        return
    client = Client(home, passphrase=the_passphrase(home), adopt=False)
    await client.start()
    try:
        try:
            await client.connection.ready(_PATIENCE)
        except (UnreachableError, SessionEndedError) as error:
            echo(_("parlour: {error} Searching only what is on this device.").format(error=error), err=True)
        yield client
    finally:
        await client.stop()


def _found(call: Call, command: Command[..., Any], name: str, value: Any) -> Any:
    """Return a named room or invitation in its current state; other values unchanged."""
    kind = next(argument.takes.kind for argument in command.arguments if argument.name == name)
    if value is None:
        return None
    match kind:
        case Kind.HERE | Kind.ROOM | Kind.NAMED_ROOM:
            return find_room(call.client, Front.CLI, value)
        case Kind.INVITATION:
            return find_invitation(call, value)
        case _:
            return value


def _ask(question: Question) -> None:
    """Raise unless the person says yes."""
    for detail in question.details:
        echo(detail, err=True)
    require_yes(question.text, question.yes)
