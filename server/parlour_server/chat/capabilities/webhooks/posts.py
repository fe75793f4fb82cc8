"""Posts to webhooks become messages: text by a bot, under the rules of every message of a member.

A browser is refused whatever its Origin, because a form on any site can send `text/plain`. The body has a
limit and a deadline, and is decoded strictly; what the room's rules refuse (encrypted, archived, muted,
removed) is refused in the transaction that would append it.
"""

import base64
import hashlib
import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.kit.api import decode_payload
from parlour_protocol.kit.ids import RequestId, new_request_id
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.token_buckets import MINUTE
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.webhooks.incoming import IncomingHook, IncomingHooks, bot_device
from parlour_server.chat.capabilities.webhooks.operations import POST_BYTES, WebhookPost
from parlour_server.chat.capabilities.webhooks.settings import WebhookSettings
from parlour_server.chat.rooms.rights import decide_within
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.account_buckets import AccountBuckets
from parlour_server.core.config.server_settings import section
from parlour_server.core.content_filter import Sender
from parlour_server.core.errors import RefusedError, TooManyAttemptsError
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.problems import RequestRefusedError, nothing
from parlour_server.core.https.request_body import content_length, in_time
from parlour_server.core.https.request_guard import RequestGuard

_TYPES: Final = re.compile(r'(text/plain|application/json)(?:\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_KEY: Final = re.compile(r"[!-~]{1,255}")


class WebhookPosts:
    """The endpoint of webhooks."""

    def __init__(self, parts: Parts[Any, ChatStore], guard: RequestGuard) -> None:
        self._log = parts.store.log
        self._hooks = IncomingHooks(parts.store)
        self._guard = guard
        self._clock = parts.clock
        self._nodes = parts.nodes
        self._hits = parts.quotas.hits
        most = section(parts.settings, WebhookSettings).posts_per_minute
        self._budget = AccountBuckets(
            parts.quotas.accounts, "webhooks.posts_per_minute", most, per=MINUTE, burst=most
        )
        self._decide = decide_within(parts.settings.messages.room_bytes)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handler of the operation, by its name."""
        return {"post_by_webhook": self.post}

    async def post(self, request: Request) -> Response:
        """Append a message: 204."""
        if "origin" in request.headers:
            raise RequestRefusedError(
                HTTPStatus.FORBIDDEN, "no_browsers", "A page in a browser can't use a webhook."
            )
        key = _request_id(request)
        self._spend(await self._hook(request))
        text = await self._text(request)
        hook = await self._hook(request)  # it may have been deleted while the body arrived
        if self._guard.content_filter is not None:
            sender = Sender(hook.bot, hook.room)
            text = (await self._guard.content_filter.body(WebhookPost(text), sender)).text
        event = AppendEvent(hook.room, hook.bot, bot_device(), key, self._clock.now(), Message(text), None)
        await self._log.commit(event, self._decide)
        return nothing()

    async def _hook(self, request: Request) -> IncomingHook:
        given = request.path_params["id"]
        found = await self._hooks.find(Secret(given)) if _SECRET.fullmatch(given) else None
        if found is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such webhook")
        return found

    def _spend(self, hook: IncomingHook) -> None:
        wait = self._budget.take(hook.bot, self._clock.monotonic(), times=self._nodes.count)
        if wait > 0:
            self._hits.hit(self._budget.setting)
            raise TooManyAttemptsError(math.ceil(wait))

    async def _text(self, request: Request) -> MessageText:
        """Read the message. Raises RequestRefusedError, MalformedFrameError."""
        kind = _TYPES.fullmatch(request.headers.get("content-type", "").strip())
        if kind is None or "content-encoding" in request.headers:
            raise RequestRefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "not_text",
                "Send text/plain or application/json in UTF-8, not compressed.",
            )
        length = content_length(request, POST_BYTES)
        if length is None:
            raise RequestRefusedError(HTTPStatus.LENGTH_REQUIRED, "needs_length", "Send Content-Length.")
        async with in_time(self._guard.pace.allows(length)):
            body = b"".join([piece async for piece in self._guard.stream(request)])
        if kind[1].lower() == "application/json":
            return decode_payload(WebhookPost, body).text
        try:
            return MessageText.parse(body.decode())
        except ValueError as error:
            why = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise RefusedError(ErrorCode.MALFORMED, f"this can't be a message: {why}") from None


def _request_id(request: Request) -> RequestId:
    """Return the id of the bot's request: the same one for the same `Idempotency-Key`."""
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return new_request_id()
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise RefusedError(ErrorCode.MALFORMED, "Idempotency-Key is one, of 1 to 255 visible ASCII letters")
    digest = hashlib.sha256(keys[0].encode()).digest()
    return RequestId(base64.urlsafe_b64encode(digest[:16]).decode().rstrip("="))
