"""Arguments of the command line as checked types: names of people, rooms and devices, codes."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from parlour_client.cli.known_names import people, rooms
from parlour_client.commands.values import read_person
from parlour_client.kit.errors import SetupError
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_protocol.kit.names import (
    NameRefusedError,
    parse_device_name,
    parse_user_name,
)
from parlour_protocol.room_name import parse_room_name

T = TypeVar("T", bound=str)
Known = Callable[[click.Context, str], list[CompletionItem]]
"""Returns what the shell offers for the beginning of a word."""


class NameParam(click.ParamType[T]):
    """A checked name; the mark that people write before it is allowed, and the shell completes known ones."""

    def __init__(self, name: str, mark: str, parse: Callable[[str], T], known: Known | None = None) -> None:
        self.name, self._mark, self._parse, self._known = name, mark, parse, known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Parse it, or say what is wrong."""
        try:
            return self._parse(str(value).removeprefix(self._mark))
        except (NameRefusedError, SetupError) as error:
            self.fail(error.whole if isinstance(error, SetupError) else protocol_sentence(error), param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's interface
        incomplete: str,
    ) -> list[CompletionItem]:
        """Offer what the account knows."""
        return self._known(ctx, incomplete) if self._known is not None else []


def _person_or_code(text: str) -> str:
    """Check a name. A verification code has a colon, as no name has; it is checked where it is used."""
    return text if ":" in text else read_person(text)


USER: Final = NameParam("user", "@", read_person, people)
ROOM: Final = NameParam("room", "", str, rooms)
"""One of the account's rooms, by name or `@user`: looked up once there is a client."""
NEW_USER: Final = NameParam("user", "@", parse_user_name)
"""The name of one's own account: an error says what is wrong with the name, not that no one has it."""
USER_OR_CODE: Final = NameParam("user", "@", _person_or_code, people)
ROOM_NAME: Final = NameParam("room", "#", parse_room_name)
DEVICE: Final = NameParam("device", "", parse_device_name)
