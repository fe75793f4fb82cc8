"""The operations of witnesses: reading the key log without an account, and cosignatures."""

from http import HTTPStatus
from typing import Annotated, Final

from msgspec import Meta

from parlour_protocol.delivery import CosignedHead, CosignedHeads, KeyLogPage
from parlour_protocol.frames.opaque import Signature
from parlour_protocol.identity.cosignatures import LONGEST_VKEY
from parlour_protocol.kit.id_fields import IDENTIFIER, Count, MillisField
from parlour_protocol.kit.payload import Payload
from parlour_server.core.https.operations import BODY, BUSY, FORBIDDEN, Operation

WitnessLine = Annotated[str, Meta(max_length=LONGEST_VKEY, pattern=r"^[!-~]+$", extra=IDENTIFIER)]


class ReadAsWitness(Payload, frozen=True):
    """`POST /v1/key-log/reads`: entries after number ``after``, for a witness that the operator named.

    ``signature`` is by the witness's key over ``to_be_signed``.
    """

    witness: WitnessLine
    after: Count
    at: MillisField
    signature: Signature


def to_be_signed(server: str, after: int, at: int) -> bytes:
    """Return what a witness signs to read: it is of use at this server and at this time only."""
    return f"parlour key log read\n{server}\n{after}\n{at}\n".encode()


WITNESS_OPERATIONS: Final = (
    Operation(
        "read_key_log_as_witness",
        "POST",
        "/v1/key-log/reads",
        "Read the key log after entry number `after` as a witness of the settings, without an account.",
        HTTPStatus.OK,
        session=False,
        takes=ReadAsWitness,
        gives=KeyLogPage,
        refusals=(*BODY, FORBIDDEN),
    ),
    Operation(
        "add_cosignature",
        "POST",
        "/v1/key-log/cosignatures",
        "Leave a witness's cosignature of a head of the key log.",
        HTTPStatus.NO_CONTENT,
        session=False,
        takes=CosignedHead,
        refusals=(*BODY, FORBIDDEN, BUSY),
    ),
    Operation(
        "list_cosignatures",
        "GET",
        "/v1/key-log/cosignatures",
        "List the newest cosignature of each witness.",
        HTTPStatus.OK,
        gives=CosignedHeads,
    ),
)
