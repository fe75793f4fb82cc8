"""Certificates of a public CA by ACME (RFC 8555), for the key that the server has.

`request.py` asks for one: it signs the request with the server's key, and checks what comes back. What speaks
with the CA is a process of its own (`child.py`, `order.py`, `network.py`), which never sees that key.
`answers.py` and `dns_hook.py` answer the CA's challenges, `renewal.py` renews in time while the server runs.
"""

from typing import Final

from parlour_server.app.capability import Capability, Sections, Served
from parlour_server.capabilities.acme.commands import cert
from parlour_server.capabilities.acme.files import ACCOUNT_KEY


def _served() -> Served:
    from parlour_server.capabilities.acme.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.capabilities.acme.settings import AcmeSettings  # noqa: PLC0415 - not for `--help`

    return {"acme": AcmeSettings}


CAPABILITY: Final = Capability(
    name="acme", served=_served, settings=_settings, commands=(cert,), files=(ACCOUNT_KEY,)
)
