"""Arguments of the command line as checked types: names of people, rooms and devices, codes."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from parlour_client.commands.values import read_person
from parlour_client.kit.errors import SetupError
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_protocol.kit.names import (
    NameRefusedError,
    UserName,
    parse_device_name,
    parse_user_name,
)
from parlour_protocol.room_name import parse_room_name

T = TypeVar("T", bound=str)


class NameParam(click.ParamType[T]):
    """A checked name; the mark that people write before it is allowed."""

    def __init__(self, name: str, mark: str, parse: Callable[[str], T]) -> None:
        self.name, self._mark, self._parse = name, mark, parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Parse it, or say what is wrong."""
        try:
            return self._parse(str(value).removeprefix(self._mark))
        except (NameRefusedError, SetupError) as error:
            self.fail(error.whole if isinstance(error, SetupError) else protocol_sentence(error), param, ctx)


class UserParam(NameParam[UserName]):
    """The name of someone; the shell completes those whom the account knows."""

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's interface
        incomplete: str,
    ) -> list[CompletionItem]:
        """Offer people."""
        from parlour_client.cli.known_names import people  # noqa: PLC0415 - only Tab needs it

        return people(ctx, incomplete)


class RoomParam(click.ParamType[str]):
    """One of the account's rooms: looked up once there is a client; the shell completes it."""

    name = "room"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's interface
        incomplete: str,
    ) -> list[CompletionItem]:
        """Offer rooms."""
        from parlour_client.cli.known_names import rooms  # noqa: PLC0415 - only Tab needs it

        return rooms(ctx, incomplete)


class UserOrCodeParam(click.ParamType[str]):
    """A user name, or a verification code, which has a colon as no name has."""

    name = "user"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a name; a code is checked where it is used."""
        return str(value) if ":" in str(value) else USER.convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer people."""
        return USER.shell_complete(ctx, param, incomplete)


USER: Final = UserParam("user", "@", read_person)
ROOM: Final = RoomParam()
"""One of the account's rooms, by name or `@user`."""
NEW_USER: Final = NameParam("user", "@", parse_user_name)
"""The name of one's own account: an error says what is wrong with the name, not that no one has it."""
USER_OR_CODE: Final = UserOrCodeParam()
ROOM_NAME: Final = NameParam("room", "#", parse_room_name)
DEVICE: Final = NameParam("device", "", parse_device_name)
