"""The operations of the HTTPS API about company logins."""

from http import HTTPStatus
from typing import Final

from parlour_protocol.kit.api import SessionCreated
from parlour_server.capabilities.oidc.bodies import CompanyCode, CompanyLogin, CompanyPending, CompanyPoll
from parlour_server.core.https.operations import BODY, BUSY, CONFLICT, FORBIDDEN, NOT_FOUND, Operation

OPERATIONS: Final = (
    Operation(
        "begin_company_login",
        "POST",
        "/v1/company-logins",
        "Begin to log in with the company's account: get an address and a code for a browser.",
        HTTPStatus.CREATED,
        session=False,
        takes=CompanyLogin,
        gives=CompanyCode,
        refusals=(*BODY, NOT_FOUND, BUSY),
    ),
    Operation(
        "poll_company_login",
        "POST",
        "/v1/company-logins/session",
        "Ask whether the login was approved in the browser. Too early is answered like not yet.",
        HTTPStatus.CREATED,
        session=False,
        takes=CompanyPoll,
        gives=SessionCreated,
        or_gives=(HTTPStatus.ACCEPTED, CompanyPending),
        refusals=(*BODY, FORBIDDEN, NOT_FOUND, CONFLICT, BUSY),
    ),
)
