"""The endpoints of witnesses.

Only a witness of the settings reads the log or leaves a cosignature, and each shows that by a signature. A
server can withhold a cosignature; it can't make one.
"""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from parlour_protocol.delivery import CosignedHead, CosignedHeads
from parlour_protocol.identity import Head, StatementError
from parlour_protocol.identity.cosignatures import WitnessKey
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.key_log_witnesses.operations import ReadAsWitness, to_be_signed
from parlour_server.chat.capabilities.key_log_witnesses.settings import WitnessSettings
from parlour_server.chat.capabilities.key_log_witnesses.store import Cosignatures
from parlour_server.chat.delivery.key_log import KeyLog
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.config.server_settings import section
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.problems import RequestRefusedError, answer, nothing
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.signatures import SigningKey, holds

_CLOCKS_DIFFER: Final = 300_000
"""Milliseconds by which a witness's clock and ours may differ: a request is of no use later."""


class WitnessEndpoints:
    """What witnesses do here, and what clients read of it."""

    def __init__(self, parts: Parts[Any, ChatStore], log_key: SigningKey, guard: RequestGuard) -> None:
        self._server = parts.server
        self._clock = parts.clock
        self._guard = guard
        self._log = KeyLog(parts.store.keylog, log_key, server=parts.server)
        self._cosignatures = Cosignatures(parts.store)
        keys = section(parts.settings, WitnessSettings).keys
        self._witnesses = {key: WitnessKey.parse(key) for key in keys}

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of these operations, by their names."""
        return {
            "read_key_log_as_witness": self.read,
            "add_cosignature": self.add,
            "list_cosignatures": self.list,
        }

    async def read(self, request: Request) -> Response:
        """Return a page of the key log: 200."""
        body = await self._guard.body(request, ReadAsWitness)
        witness = self._witnesses.get(body.witness)
        signed = to_be_signed(self._server, body.after, body.at)
        if witness is None or not holds(witness.key, signed, bytes(body.signature)):
            raise _unknown()
        if abs(body.at - self._clock.now()) > _CLOCKS_DIFFER:
            raise RequestRefusedError(
                HTTPStatus.FORBIDDEN, "clocks_differ", "Your clock and the server's differ by minutes."
            )
        return answer(await self._log.page(body.after))

    async def add(self, request: Request) -> Response:
        """Keep a cosignature: 204."""
        body = await self._guard.body(request, CosignedHead)
        checkpoint = Head(body.size, bytes(body.head)).to_be_signed(self._server)
        for key, witness in self._witnesses.items():
            with suppress(StatementError):
                made = witness.read(body.line, checkpoint, holds)
                await self._cosignatures.keep(key, made.at, body, tuple(self._witnesses))
                return nothing()
        raise _unknown()

    async def list(self, _request: Request) -> Response:
        """Return the newest of each witness: 200."""
        return answer(CosignedHeads(tuple(await self._cosignatures.of(tuple(self._witnesses)))))


def _unknown() -> RequestRefusedError:
    return RequestRefusedError(
        HTTPStatus.FORBIDDEN, "unknown_witness", "The settings of this server name no witness with this key."
    )
