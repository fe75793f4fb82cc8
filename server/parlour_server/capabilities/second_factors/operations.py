"""The operations of the HTTPS API about second factors, and how it answers their errors."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from parlour_protocol.kit.api import SessionCreated
from parlour_protocol.kit.second_factor import (
    FactorAdded,
    FactorChallenge,
    FactorList,
    FactorRemoval,
    LoginProof,
    NewRecoveryCodes,
    NewSecurityKey,
    NewTotp,
    RecoveryCodes,
    SecurityKeyCredential,
    SecurityKeyOptions,
    TotpConfirmation,
    TotpSecret,
)
from parlour_server.core.errors import EnrolmentRequiredError, ProofNeededError, ProofRefusedError
from parlour_server.core.https.error_answer import ErrorAnswer
from parlour_server.core.https.operations import (
    BODY,
    BUSY,
    CONFLICT,
    FORBIDDEN,
    NOT_FOUND,
    UNKNOWN,
    Operation,
)

OPERATIONS: Final = (
    Operation(
        "finish_login",
        "POST",
        "/v1/sessions/second-factor",
        "Finish a login with a second factor, right or wrong: the challenge is used up.",
        HTTPStatus.CREATED,
        session=False,
        takes=LoginProof,
        gives=SessionCreated,
        refusals=(*BODY, UNKNOWN, BUSY),
    ),
    Operation(
        "list_second_factors",
        "GET",
        "/v1/second-factors",
        "List your second factors.",
        HTTPStatus.OK,
        gives=FactorList,
        while_enrolling=True,
        by_session=True,
    ),
    Operation(
        "challenge",
        "POST",
        "/v1/second-factors/challenges",
        "Get a challenge for an action that needs a second factor again.",
        HTTPStatus.CREATED,
        gives=FactorChallenge,
        refusals=(BUSY,),
        by_session=True,
    ),
    Operation(
        "begin_totp",
        "POST",
        "/v1/second-factors/totp",
        "Begin to set up codes of an app.",
        HTTPStatus.CREATED,
        takes=NewTotp,
        gives=TotpSecret,
        while_enrolling=True,
        refusals=(*BODY, FORBIDDEN, CONFLICT, BUSY),
        by_session=True,
    ),
    Operation(
        "confirm_totp",
        "POST",
        "/v1/second-factors/{id}/totp",
        "Finish setting up an app by its first code. With the first factor, every other session ends.",
        HTTPStatus.OK,
        takes=TotpConfirmation,
        gives=FactorAdded,
        while_enrolling=True,
        refusals=(*BODY, FORBIDDEN, NOT_FOUND, CONFLICT, BUSY),
        by_session=True,
    ),
    Operation(
        "begin_security_key",
        "POST",
        "/v1/second-factors/security-keys",
        "Begin to set up a security key.",
        HTTPStatus.CREATED,
        takes=NewSecurityKey,
        gives=SecurityKeyOptions,
        while_enrolling=True,
        refusals=(*BODY, FORBIDDEN, CONFLICT, BUSY),
        by_session=True,
    ),
    Operation(
        "confirm_security_key",
        "POST",
        "/v1/second-factors/{id}/security-key",
        "Finish setting up a security key. With the first factor, every other session ends.",
        HTTPStatus.OK,
        takes=SecurityKeyCredential,
        gives=FactorAdded,
        while_enrolling=True,
        refusals=(*BODY, FORBIDDEN, NOT_FOUND, CONFLICT, BUSY),
        by_session=True,
    ),
    Operation(
        "remove_second_factor",
        "POST",
        "/v1/second-factors/{id}/removal",
        "Remove a second factor.",
        HTTPStatus.NO_CONTENT,
        takes=FactorRemoval,
        refusals=(*BODY, FORBIDDEN, NOT_FOUND, CONFLICT, BUSY),
        by_session=True,
    ),
    Operation(
        "replace_recovery_codes",
        "POST",
        "/v1/second-factors/recovery-codes",
        "Get new recovery codes in place of the old ones.",
        HTTPStatus.CREATED,
        takes=NewRecoveryCodes,
        gives=RecoveryCodes,
        refusals=(*BODY, FORBIDDEN, CONFLICT, BUSY),
        by_session=True,
    ),
)
OR_GIVES: Final = {"log_in": (HTTPStatus.ACCEPTED, FactorChallenge)}
"""The answer to a right password that is not enough."""
ERROR_ANSWERS: Final[Mapping[type[Exception], ErrorAnswer]] = {
    ProofRefusedError: ErrorAnswer(
        HTTPStatus.UNAUTHORIZED,
        "second_factor_refused",
        "The code is wrong or was used already, or the login took too long. Log in again.",
    ),
    ProofNeededError: ErrorAnswer(
        HTTPStatus.FORBIDDEN, "second_factor_needed", "Your account has a second factor. Prove it, too."
    ),
    EnrolmentRequiredError: ErrorAnswer(
        HTTPStatus.FORBIDDEN,
        "enrolment_required",
        "You must set up a second factor before you can do anything else here.",
    ),
}
