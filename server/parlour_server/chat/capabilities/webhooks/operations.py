"""The operation of webhooks: what a program posts."""

from http import HTTPStatus
from typing import Final

from parlour_protocol.frames.fields import MessageText
from parlour_protocol.kit.limits import KIB, Limit
from parlour_protocol.kit.payload import Payload
from parlour_server.core.https.operations import BODY, BUSY, CONFLICT, FORBIDDEN, NOT_FOUND, Operation

POST_BYTES: Final = Limit(
    "webhook_post", 32 * KIB, "bytes", "the longest message, with every letter of it escaped in JSON"
)


class WebhookPost(Payload, frozen=True):
    """`POST /v1/webhooks/{id}`, as JSON. As `text/plain`, the body is the text."""

    text: MessageText


WEBHOOK_OPERATIONS: Final = (
    Operation(
        "post_by_webhook",
        "POST",
        "/v1/webhooks/{id}",
        "Write a message as a webhook; `text/plain` is taken, too. `Idempotency-Key` makes a retry safe.",
        HTTPStatus.NO_CONTENT,
        session=False,
        takes=WebhookPost,
        refusals=(*BODY, FORBIDDEN, NOT_FOUND, CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, BUSY),
        cap=POST_BYTES,
    ),
)
