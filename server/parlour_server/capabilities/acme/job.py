"""The messages between the server and the process that speaks with the CA."""

from typing import Literal

import msgspec


class CertificateJob(msgspec.Struct, frozen=True):
    """A request for a certificate, without the server's key; ``account_key`` is a path."""

    directory: str
    names: tuple[str, ...]
    request: str
    """The certificate signing request, in PEM."""
    account_key: str
    contact: tuple[str, ...]
    challenge: Literal["http-01", "dns-01"]
    answers: str
    """The folder where the running server finds answers for http-01."""
    listen: tuple[str, ...]
    dns_command: str
    dns_seconds: int
    ca_file: str
    eab_key_id: str
    eab_key_file: str
    seconds: int
    """When to give up."""


class Reply(msgspec.Struct, frozen=True):
    """The chain in PEM, or why there is none."""

    chain: str = ""
    why: str = ""
