"""Lines for people and for scripts, as every command prints them.

JSON is ASCII-escaped, so that nothing in it reaches a terminal raw; text for people goes through
``safe_text``.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from parlour_client.core.model import Entry, Room, display_name
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_client.text.date_text import day_and_time
from parlour_client.text.file_text import facts_of
from parlour_client.text.untrusted_text import shown
from parlour_protocol.frames import AnyBody
from parlour_protocol.frames.bodies import Message
from parlour_protocol.kit.text import BLANK_LABEL, safe_text

if TYPE_CHECKING:
    from parlour_client.core.client import Client

_LOOK_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Output:
    """How results are printed, and the client for further lookups."""

    client: "Client"
    as_json: bool


def print_json(value: dict[str, Any]) -> None:
    """Print one object on one line, at once."""
    click.echo(json.dumps(value, ensure_ascii=True, separators=(", ", ": ")))


FURTHER: Final = "      | "
"""Before each further line of a message's text, and before nothing else."""
_FILE: Final = "      = "
"""Before a line about a file, which no text can begin with."""


def file_words(body: AnyBody) -> str:
    """Say on a line of its own that a message has a file, and which; empty without one."""
    if not isinstance(body, Message) or body.file is None:
        return ""
    name = " / ".join(safe_text(body.file.name).lines) or BLANK_LABEL
    return "\n" + _FILE + _("file {facts}: {name}").format(facts=facts_of(body.file), name=name)


def print_entry(title: str, entry: Entry, *, as_json: bool) -> None:
    """Print a message of a list; JSON includes its room, and so does a ``title`` for people."""
    if as_json:
        fields = {"seq": entry.seq, "room": title, "room_id": entry.room, "at": entry.at}
        print_json(fields | {"author": display_name(entry.author), "text": entry.text})
    else:
        author, text = display_name(entry.author), shown(entry.text or "", indent=FURTHER)
        echo(f"{day_and_time(entry.at)} {title} #{entry.seq} {author}: {text}{file_words(entry.body)}")


async def tell_claims(client: "Client", room: Room, *, look: bool = False) -> bool:
    """Print the server's claims about an encrypted room's members, and who can't read it, and why.

    With ``look`` the server is asked now; else it was while something was sent. Returns whether everyone can.
    """
    if room.encrypted:
        if look:
            with suppress(ParlourClientError, TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await client.encryption.settle(room.id)
        for sentence in await client.encryption.claims(room.id):
            echo(f"parlour: {sentence}", err=True)
        left_out = await client.encryption.left_out(room.id)
        for user, why in sorted(left_out.items()):
            echo(
                _("parlour: A device of {person} can't read this in {title}: {why}").format(
                    person=display_name(user), title=room.title, why=why
                ),
                err=True,
            )
        unfinished = await client.encryption.unfinished(room.id)
        if unfinished:
            echo(
                _("parlour: Not everyone in {title} can read this yet: {unfinished}").format(
                    title=room.title, unfinished=unfinished
                ),
                err=True,
            )
        return not (left_out or unfinished)
    return True
