"""Arguments of the command line as checked types: names of people, rooms and devices, codes."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click
from click.shell_completion import CompletionItem

from parlour_client.commands.values import read_person
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_protocol.kit.names import (
    NameRefusedError,
    parse_device_name,
    parse_user_name,
)
from parlour_protocol.room_name import parse_room_name

if TYPE_CHECKING:
    from parlour_client.kit.transport.trust import Trust

T = TypeVar("T", bound=str)
Known = Literal["people", "rooms"]


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
        if self._known is None:
            return []
        from parlour_client.cli.known_names import KNOWN  # noqa: PLC0415 - only Tab needs it

        return KNOWN[self._known](ctx, incomplete)


def _person_or_code(text: str) -> str:
    """Check a name. A verification code has a colon, as no name has; it is checked where it is used."""
    return text if ":" in text else read_person(text)


USER: Final = NameParam("user", "@", read_person, "people")
ROOM: Final = NameParam("room", "", str, "rooms")
"""One of the account's rooms, by name or `@user`: looked up once there is a client."""
NEW_USER: Final = NameParam("user", "@", parse_user_name)
"""The name of one's own account: an error says what is wrong with the name, not that no one has it."""
USER_OR_CODE: Final = NameParam("user", "@", _person_or_code, "people")
ROOM_NAME: Final = NameParam("room", "#", parse_room_name)
DEVICE: Final = NameParam("device", "", parse_device_name)


def login_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --device, --ca and --pin, which every way to log in has."""
    for option in (
        click.option(
            "--pin",
            metavar="PIN",
            help=N_("Trust only the server key with this pin: 43 characters from the server's operator."),
        ),
        click.option(
            "--ca",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help=N_("Trust only this CA (a PEM file), not the system's CAs."),
        ),
        click.option(
            "--device", type=DEVICE, help=N_("What to call this device. Default: the machine's name.")
        ),
    ):
        command = option(command)
    return command


def given_trust(ca: Path | None, pin: str | None) -> "Trust | None":
    """Return what --ca or --pin says that the server is trusted by; None: neither was given."""
    from parlour_client.kit.transport.trust import CaFile, Pin  # noqa: PLC0415 - `--help` needs no TLS

    if ca is not None and pin is not None:
        raise click.UsageError(_("--ca and --pin can't be used together."))
    return CaFile.read(ca) if ca is not None else Pin.parse(pin) if pin is not None else None
