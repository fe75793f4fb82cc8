"""The operations of the HTTPS API as a table: routes, documentation and the sizes of bodies come from it.

`asgi.py` maps each row to the method that handles it.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from parlour_protocol.delivery import (
    AccountKey,
    CertifyDevice,
    ClaimedKeyPackages,
    ClaimKeyPackages,
    Commit,
    Contest,
    CreateGroup,
    DeviceInfo,
    DeviceList,
    EventStored,
    FileStored,
    GroupState,
    KeyLogPage,
    KeyPackages,
    RegisterDevice,
    RevokeDevice,
    Welcomes,
)
from parlour_protocol.kit.api import (
    AccountCreated,
    Login,
    NewAccount,
    PasswordChange,
    Payload,
    SessionCreated,
    SessionList,
    TicketIssued,
)
from parlour_protocol.kit.limits import HTTP_BODY, Limit
from parlour_protocol.limits import FILE_BYTES, HTTP_COMMIT, HTTP_KEYS


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: who may call it, its input and output, and its errors. ``does`` documents it.

    ``cap`` is the largest request body. ``takes_bytes`` and ``gives_bytes``: the body is not JSON. ``query``
    names the allowed URL parameters, all of them numbers.
    """

    name: str
    method: str
    path: str
    does: str
    status: HTTPStatus
    takes: type[Payload] | None = None
    gives: type[Payload] | None = None
    session: bool = False
    refusals: tuple[HTTPStatus, ...] = ()
    cap: Limit = HTTP_BODY
    takes_bytes: bool = False
    gives_bytes: bool = False
    query: tuple[str, ...] = ()


BAD: Final = HTTPStatus.BAD_REQUEST
UNKNOWN: Final = HTTPStatus.UNAUTHORIZED
BUSY: Final = HTTPStatus.SERVICE_UNAVAILABLE
FORBIDDEN: Final = HTTPStatus.FORBIDDEN
CONFLICT: Final = HTTPStatus.CONFLICT
NOT_FOUND: Final = HTTPStatus.NOT_FOUND
BODY: Final = (
    BAD,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)

ACCOUNT_OPERATIONS: Final = (
    Operation(
        "make_account",
        "POST",
        "/v1/accounts",
        "Create an account with an invite code.",
        HTTPStatus.CREATED,
        takes=NewAccount,
        gives=AccountCreated,
        refusals=(*BODY, FORBIDDEN, CONFLICT, BUSY),
    ),
    Operation(
        "log_in",
        "POST",
        "/v1/sessions",
        "Log in on a device. A session whose token comes with the request ends.",
        HTTPStatus.CREATED,
        takes=Login,
        gives=SessionCreated,
        refusals=(*BODY, UNKNOWN, BUSY),
    ),
    Operation(
        "list_sessions",
        "GET",
        "/v1/sessions",
        "List your sessions.",
        HTTPStatus.OK,
        gives=SessionList,
        session=True,
    ),
    Operation(
        "log_out",
        "DELETE",
        "/v1/sessions/current",
        "End this session and its sockets.",
        HTTPStatus.NO_CONTENT,
        session=True,
    ),
    Operation(
        "end_session",
        "DELETE",
        "/v1/sessions/{id}",
        "End one of your sessions and its sockets.",
        HTTPStatus.NO_CONTENT,
        session=True,
        refusals=(NOT_FOUND,),
    ),
    Operation(
        "issue_ticket",
        "POST",
        "/v1/tickets",
        "Get a ticket that opens one WebSocket right away.",
        HTTPStatus.CREATED,
        gives=TicketIssued,
        session=True,
        refusals=(BUSY,),
    ),
    Operation(
        "change_password",
        "POST",
        "/v1/password",
        "Change the password; every other session ends.",
        HTTPStatus.NO_CONTENT,
        takes=PasswordChange,
        session=True,
        refusals=(*BODY, FORBIDDEN, BUSY),
    ),
    Operation("is_alive", "GET", "/healthz", "Check that the process answers.", HTTPStatus.NO_CONTENT),
    Operation(
        "is_ready",
        "GET",
        "/readyz",
        "Check that the store can be written to.",
        HTTPStatus.NO_CONTENT,
        refusals=(BUSY,),
    ),
    Operation("describe", "GET", "/v1/openapi.json", "Get this document.", HTTPStatus.OK),
)

_LOGGED: Final = (*BODY, FORBIDDEN, NOT_FOUND, CONFLICT, BUSY)

DELIVERY_OPERATIONS: Final = (
    Operation(
        "set_account_key",
        "POST",
        "/v1/identity",
        "Publish your account's identity key; replacing one needs the password and revokes your devices.",
        HTTPStatus.NO_CONTENT,
        takes=AccountKey,
        session=True,
        refusals=(*BODY, FORBIDDEN, CONFLICT, BUSY),
    ),
    Operation(
        "register_device",
        "POST",
        "/v1/devices",
        "Bind this session to the device whose key it holds.",
        HTTPStatus.CREATED,
        takes=RegisterDevice,
        gives=DeviceInfo,
        session=True,
        refusals=(*BODY, FORBIDDEN, CONFLICT, BUSY),
    ),
    Operation(
        "list_devices",
        "GET",
        "/v1/devices",
        "List your devices and your account's key.",
        HTTPStatus.OK,
        gives=DeviceList,
        session=True,
    ),
    Operation(
        "certify_device",
        "POST",
        "/v1/devices/{id}/certificate",
        "Approve one of your devices with a certificate by your account's key.",
        HTTPStatus.NO_CONTENT,
        takes=CertifyDevice,
        session=True,
        refusals=(*BODY, FORBIDDEN, NOT_FOUND, CONFLICT, BUSY),
    ),
    Operation(
        "revoke_device",
        "POST",
        "/v1/devices/{id}/revocation",
        "Revoke one of your devices permanently; its sessions and sockets end.",
        HTTPStatus.NO_CONTENT,
        takes=RevokeDevice,
        session=True,
        refusals=(*BODY, NOT_FOUND, CONFLICT, BUSY),
    ),
    Operation(
        "put_key_packages",
        "PUT",
        "/v1/devices/{id}/key-packages",
        "Upload key packages of this session's device.",
        HTTPStatus.NO_CONTENT,
        takes=KeyPackages,
        session=True,
        refusals=(*BODY, FORBIDDEN, NOT_FOUND, CONFLICT, BUSY),
        cap=HTTP_KEYS,
    ),
    Operation(
        "claim_key_packages",
        "POST",
        "/v1/key-packages/claims",
        "Get one key package of each of these devices, to add them to a room's group.",
        HTTPStatus.OK,
        takes=ClaimKeyPackages,
        gives=ClaimedKeyPackages,
        session=True,
        refusals=(*BODY, FORBIDDEN, NOT_FOUND, BUSY),
    ),
    Operation(
        "read_key_log",
        "GET",
        "/v1/key-log",
        "Read the key log after entry number `after`, with the signed head of the whole log.",
        HTTPStatus.OK,
        gives=KeyLogPage,
        session=True,
        refusals=(HTTPStatus.BAD_REQUEST,),
        query=("after",),
    ),
    Operation(
        "group_state",
        "GET",
        "/v1/rooms/{id}/group",
        "Get the state of an encrypted room's group.",
        HTTPStatus.OK,
        gives=GroupState,
        session=True,
        refusals=(NOT_FOUND,),
    ),
    Operation(
        "found_group",
        "POST",
        "/v1/rooms/{id}/group",
        "Create the group of an encrypted room, with this session's device as its only member.",
        HTTPStatus.CREATED,
        takes=CreateGroup,
        gives=EventStored,
        session=True,
        refusals=_LOGGED,
    ),
    Operation(
        "commit_to_group",
        "POST",
        "/v1/rooms/{id}/commits",
        "Take the group to its next epoch, unless another commit came first.",
        HTTPStatus.CREATED,
        takes=Commit,
        gives=EventStored,
        session=True,
        refusals=_LOGGED,
        cap=HTTP_COMMIT,
    ),
    Operation(
        "contest_commit",
        "POST",
        "/v1/rooms/{id}/contests",
        "Report that your device cannot apply the newest commit.",
        HTTPStatus.CREATED,
        takes=Contest,
        gives=EventStored,
        session=True,
        refusals=_LOGGED,
    ),
    Operation(
        "list_welcomes",
        "GET",
        "/v1/devices/{id}/welcomes",
        "Get the oldest Welcomes that are waiting for this session's device.",
        HTTPStatus.OK,
        gives=Welcomes,
        session=True,
        refusals=(FORBIDDEN,),
    ),
    Operation(
        "drop_welcome",
        "DELETE",
        "/v1/welcomes/{id}",
        "Drop a Welcome that your device has used.",
        HTTPStatus.NO_CONTENT,
        session=True,
        refusals=(FORBIDDEN, NOT_FOUND),
    ),
    Operation(
        "upload_file",
        "POST",
        "/v1/rooms/{id}/files",
        "Upload a file to a room; then send a message that names it.",
        HTTPStatus.CREATED,
        gives=FileStored,
        session=True,
        refusals=(
            *BODY,
            FORBIDDEN,
            NOT_FOUND,
            HTTPStatus.LENGTH_REQUIRED,
            HTTPStatus.INSUFFICIENT_STORAGE,
            BUSY,
        ),
        cap=FILE_BYTES,
        takes_bytes=True,
    ),
    Operation(
        "download_file",
        "GET",
        "/v1/files/{id}",
        "Download a file from one of your rooms.",
        HTTPStatus.OK,
        session=True,
        refusals=(NOT_FOUND, BUSY),
        gives_bytes=True,
    ),
)

OPERATIONS: Final[tuple[Operation, ...]] = (*ACCOUNT_OPERATIONS, *DELIVERY_OPERATIONS)

_CAPS: Final[dict[type[Payload], Limit]] = {row.takes: row.cap for row in OPERATIONS if row.takes is not None}
_LARGE: Final = tuple(
    (row.method.encode(), re.compile(row.path.replace("{id}", "[A-Za-z0-9_-]{1,64}").encode()), row.cap.value)
    for row in OPERATIONS
    if row.cap.value > HTTP_BODY.value
)


def cap_of(kind: type[Payload]) -> Limit:
    """Return the largest body of the operation with this request type."""
    return _CAPS[kind]


def body_cap(method: bytes, path: bytes) -> int:
    """Return the largest body of a request, by its method and path.

    A path that is written in another way (`%2F`) gets the small limit.
    """
    for known, pattern, cap in _LARGE:
        if method == known and pattern.fullmatch(path):
            return cap
    return HTTP_BODY.value
