"""Names that the shells' completion offers: an account's rooms and people, as the archive knows them.

Tab must be quick and ask nothing. So no server is asked, an archive that needs a passphrase or the keyring
stays shut, and an error means that nothing is offered.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from parlour_client.core.account.chat_home import ARCHIVE, KEY, ChatHome, account_folder, default_folder
from parlour_client.kit.errors import ParlourClientError
from parlour_protocol.kit.errors import ParlourProtocolError

if TYPE_CHECKING:
    import apsw

T = TypeVar("T")


def people(context: click.Context | None, typed: str) -> list[CompletionItem]:
    """Offer the people that the account has talked to, as they were typed: with or without `@`."""
    from parlour_client.core.archive.known_people import known_people  # noqa: PLC0415 - only Tab needs it

    mark = "@" if typed.startswith("@") else ""
    return _offered([f"{mark}{name}" for name in _read(context, known_people) or ()], typed)


def rooms(context: click.Context | None, typed: str) -> list[CompletionItem]:
    """Offer the account's rooms by their titles: `lobby`, `@ben`."""
    return _offered(_read(context, _titles) or (), typed)


KNOWN: Final = {"people": people, "rooms": rooms}


def _titles(connection: "apsw.Connection") -> list[str]:
    from parlour_client.core.archive.known_rooms import load  # noqa: PLC0415 - only Tab needs it
    from parlour_client.core.room_names import marks  # noqa: PLC0415 - the same

    known = [room.summary for room in load(connection)]
    marked = marks(known)
    return [
        f"@{one.peer}"
        if one.peer is not None
        else f"{one.name or one.room}{'~' if one.room in marked else ''}{marked.get(one.room, '')}"
        for one in known
    ]


def _offered(found: Iterable[str], typed: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(found) if name.startswith(typed.lower())]


def _read(context: click.Context | None, call: "Callable[[apsw.Connection], T]") -> T | None:
    """Return what the archive of the home that the command line names tells; None if it stays shut."""
    if context is None:
        return None
    # RuntimeError: of a home of nobody, ~name
    with suppress(ParlourClientError, ParlourProtocolError, OSError, RuntimeError):
        given = context.find_root().params  # the root's own code has not run
        folder, account = given.get("home"), given.get("account")
        if folder is None:
            folder = account_folder(account) if account is not None else default_folder()
        return asyncio.run(_read_plain(folder.expanduser(), call))
    return None


async def _read_plain(folder: Path, call: "Callable[[apsw.Connection], T]") -> T | None:
    from parlour_client.core.archive import Archive  # noqa: PLC0415 - only Tab needs it
    from parlour_client.core.archive.key import Protection, protection_of  # noqa: PLC0415 - the same

    if not ((folder / KEY).exists() and (folder / ARCHIVE).exists()):
        return None
    home = ChatHome(folder)
    if protection_of(home.key) is not Protection.NONE:
        return None
    archive = await Archive.open(home.archive, home.key)
    try:
        return await archive.read(call)
    finally:
        await archive.close()
