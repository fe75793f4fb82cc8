"""Group L: servers elsewhere that are sent something, and the bots of those that send something here."""

import asyncio
import ssl
from pathlib import Path

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import LabServer
from parlour_protocol.kit.names import NameRefusedError, parse_user_name
from parlour_server.chat.program import CHAT
from parlour_server.core.addresses import Networks
from parlour_server.core.outgoing import AddressRefusedError, Url, exchange

_INNER = ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost")
"""Ways to name this machine; each is asked on a port where something listens."""
_SECONDS = 10


@attack(
    "Naming a server elsewhere whose address is in the operator's own network",
    expects="Nothing connects there: each address is refused before.",
)
def inner_address(server: LabServer, seen: Evidence) -> bool:
    return asyncio.run(_inner_address(server.port, seen))


async def _inner_address(port: int, seen: Evidence) -> bool:
    refused = 0
    for host in _INNER:
        url = Url.parse(f"https://{host}:{port}/latest/meta-data")
        seen.sent(f"POST {url.origin}")
        try:
            async with asyncio.timeout(_SECONDS):
                context = ssl.create_default_context()
                await exchange("POST", url, {}, b"{}", context=context, private=Networks("", ()))
        except AddressRefusedError as error:
            refused += 1
            seen.received(f"not asked: {error}")
        except (OSError, ValueError) as error:
            seen.received(f"asked: {error}")
    return refused == len(_INNER)


@attack(
    "Registering a name like those of webhooks' bots, and one that looks like it",
    expects="Both are refused: such a name says that a program writes.",
    stage=Stage.UNIT,
)
def name_of_a_bot(folder: Path, seen: Evidence) -> bool:
    del folder
    refused = 0
    for name in ("builds-webhook", "bui1ds-webh00k"):
        seen.sent(f"an account with the name {name}")
        try:
            CHAT.refuse_reserved(parse_user_name(name))
            seen.received("accepted")
        except NameRefusedError as error:
            refused += 1
            seen.received(str(error))
    return refused == 2
