"""Giving commands as a chat does, without one."""

import inspect
from collections.abc import Sequence
from typing import Any, get_args

from tests.client.ui.ui_fake import LOBBY, FakeClient

from parlour_client.commands.command import Call, Command
from parlour_client.commands.front import Front
from parlour_client.commands.parse import read_arguments, read_line
from parlour_client.commands.results import Result
from parlour_client.core.settings import Settings
from parlour_protocol.kit.ids import Seq


def call_from(client: FakeClient, front: Front) -> Call:
    """Return a call from the lobby, where message 2 is selected."""
    return Call(client, front, Settings(), room=client.room(LOBBY), message=Seq(2), file=Seq(2))


async def give(client: FakeClient, front: Front, line: str, call: Call | None = None) -> Result | None:
    """Give a command."""
    read = read_line(line, front)
    assert read.command is not None, line
    call = call or call_from(client, front)
    result: Result | None = await read.command(call, **read_arguments(read.command, read.rest, call).values)
    return result


def results_of(command: Command[..., Any]) -> Sequence[type[Result]]:
    """Return what a command can give back, as its handler's signature says."""
    if command.handler is None:
        return ()
    returned = inspect.signature(command.handler).return_annotation
    kinds = get_args(returned) or (returned,)
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Result)]
