"""What a witness asks of the server: pages of the log, and to keep a cosignature."""

import asyncio
import ssl
from http import HTTPStatus
from typing import Final

from parlour_protocol.delivery import CosignedHead, KeyLogPage
from parlour_protocol.frames.opaque import Signature
from parlour_protocol.kit.api import Problem, decode_payload, encode_payload
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.payload import Payload
from parlour_protocol.limits import CERTIFICATE_BYTES, KEY_LOG_PAGE
from parlour_server.chat.capabilities.key_log_witnesses.operations import ReadAsWitness, to_be_signed
from parlour_server.chat.capabilities.key_log_witnesses.witness_folder import UnreachableError, Witness
from parlour_server.core.addresses import Networks
from parlour_server.core.clock import Clock
from parlour_server.core.errors import SetupError
from parlour_server.core.outgoing import AddressRefusedError, Url, exchange

_SECONDS: Final = 60.0
_PAGE_BYTES: Final = KEY_LOG_PAGE.value * CERTIFICATE_BYTES.value * 4 // 3 + 65_536
_ANY: Final = Networks("", ("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"))
"""The operator of a witness names the server, which may have any address."""


class LogServer:
    """The server that a witness asks."""

    def __init__(self, witness: Witness, clock: Clock) -> None:
        """Read the CA. Raises SetupError."""
        self._witness = witness
        self._clock = clock
        try:
            self._context = ssl.create_default_context(cafile=witness.ca or None)
        except OSError as error:
            raise SetupError(f"cannot read certificates in {witness.ca}: {error.strerror}") from error
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3

    async def page(self, after: int) -> KeyLogPage:
        """Return the entries after one. Raises UnreachableError."""
        at, witness = self._clock.now(), self._witness
        signature = Signature(witness.sign(to_be_signed(witness.server, after, at)))
        answer = await self._ask("/v1/key-log/reads", ReadAsWitness(witness.key.vkey, after, at, signature))
        try:
            return decode_payload(KeyLogPage, answer)
        except MalformedFrameError as error:
            raise UnreachableError("the server does not answer with a page of a key log") from error

    async def leave(self, head: CosignedHead) -> None:
        """Let the server hand out a cosignature. Raises UnreachableError."""
        await self._ask("/v1/key-log/cosignatures", head)

    async def _ask(self, path: str, body: Payload) -> bytes:
        url = Url.parse(self._witness.url.rstrip("/") + path)
        try:
            async with asyncio.timeout(_SECONDS):
                status, answer = await exchange(
                    "POST",
                    url,
                    {"Content-Type": "application/json"},
                    encode_payload(body),
                    context=self._context,
                    private=_ANY,
                    answer_bytes=_PAGE_BYTES,
                )
        except TimeoutError:
            raise UnreachableError("the server does not answer in time") from None
        except (OSError, ValueError, AddressRefusedError) as error:
            raise UnreachableError(f"the server can't be reached: {error}") from error
        if status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
            raise UnreachableError(f"the server refuses: {_reason(status, answer)}")
        return answer


def _reason(status: int, answer: bytes) -> str:
    try:
        code = decode_payload(Problem, answer).error
    except MalformedFrameError:
        return f"HTTP status {status}"
    if code == "unknown_witness":
        return "its setting witnesses.keys does not have the key of this witness"
    if status == HTTPStatus.NOT_FOUND:
        return "it has no witnesses; it may be an older version"
    return code
