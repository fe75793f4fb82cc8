"""Witnesses of the key log: programs on other machines that follow it, and cosign heads that extend it.

The server lets those that the operator named read the log, and hands out their cosignatures. The witness
itself is here, too: `witness init` and `witness run` need no data folder of a server.
"""

from typing import Final

from parlour_server.app.capability import Sections
from parlour_server.chat.capabilities.key_log_witnesses.commands import witness
from parlour_server.chat.capability import ChatCapability, ChatServed
from parlour_server.core.store.table_facts import Metadata, Tables


def _served() -> ChatServed:
    from parlour_server.chat.capabilities.key_log_witnesses.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.chat.capabilities.key_log_witnesses.settings import WitnessSettings  # noqa: PLC0415 - not for `--help`

    return {"witnesses": WitnessSettings}


def _tables() -> Metadata:
    from parlour_server.chat.capabilities.key_log_witnesses.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


CAPABILITY: Final = ChatCapability(
    name="key_log_witnesses",
    served=_served,
    settings=_settings,
    commands=(witness,),
    tables=Tables(metadata=_tables, bounds={"cosigned_heads": "16"}),
)
