"""The calls of the HTTPS API (account, login, sessions, password, logout), and how others are made.

Each uses a verified connection without a proxy, follows no redirect, reads no more than a limit
(``MAX_ANSWER`` unless the call names another) and decodes strictly. It never stores a password.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from parlour_client.kit.errors import (
    ApiRefusedError,
    CertificateError,
    EnrolmentRequiredError,
    LoginRefusedError,
    ParlourClientError,
    SecondFactorRefusedError,
    ServerMisbehavedError,
    SessionEndedError,
    quoted,
)
from parlour_client.kit.language import N_, _
from parlour_client.kit.transport.trust import Pin, Verifier, unreachable
from parlour_protocol.kit.api import (
    AccountCreated,
    Login,
    NewAccount,
    PasswordChange,
    Problem,
    SessionCreated,
    SessionInfo,
    SessionList,
    decode_payload,
    encode_payload,
)
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.second_factor import (
    FactorAdded,
    FactorChallenge,
    FactorId,
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
from parlour_protocol.kit.secret import Secret

if TYPE_CHECKING:
    from parlour_client.kit.transport.https_connection import Content, HttpsConnection

MAX_ANSWER: Final = 64 * 1024
"""Bytes: the longest honest answer is a list of some twenty sessions."""
_FACTORS: Final = "/v1/second-factors"
_WHOLE_CALL: Final = 40.0
"""Seconds for the whole call: a server that sends byte by byte must not block the client."""
_WHOLE_FILE: Final = 3_600.0
"""Seconds for a file, which may be large on a slow line."""

_KEPT: Final = 4
"""Connections that are kept open: calls at the same time need one each."""

P = TypeVar("P", bound=Payload)


class Api:
    """One server's HTTPS API. With ``keep`` connections stay open between calls; then ``close`` them."""

    def __init__(self, verifier: Verifier, *, keep: bool = False) -> None:
        self._verifier = verifier
        self._keep = keep
        self._kept: list[HttpsConnection] = []

    async def close(self) -> None:
        """Close the open connections; a call that runs or comes late closes its own."""
        self._keep = False
        self._drop()

    async def make_account(self, body: NewAccount) -> AccountCreated:
        """Create an account with an invite code."""
        return await self.call("POST", "/v1/accounts", AccountCreated, body=body)

    async def log_in(self, body: Login) -> SessionCreated | FactorChallenge:
        """Log in; an account with a second factor gets a challenge.

        Raises LoginRefusedError for a wrong name or password.
        """
        try:
            status, data = await self._success("POST", "/v1/sessions", None, body)
        except SessionEndedError as error:
            raise LoginRefusedError(_("Wrong name or password."), "login_refused") from error
        return understood(FactorChallenge, data) if status == 202 else understood(SessionCreated, data)  # noqa: PLR2004 - HTTP: Accepted

    async def finish_login(self, body: LoginProof) -> SessionCreated:
        """Answer the challenge of a login. Raises SecondFactorRefusedError, after which it begins again."""
        try:
            return await self.call("POST", "/v1/sessions/second-factor", SessionCreated, body=body)
        except SessionEndedError as error:
            raise SecondFactorRefusedError(
                _("The code is wrong, was used already, or came too late."), "second_factor_refused"
            ) from error

    async def sessions(self, session: Secret) -> tuple[SessionInfo, ...]:
        """List the account's sessions."""
        return (await self.call("GET", "/v1/sessions", SessionList, bearer=session)).sessions

    async def end_session(self, session: Secret, which: SessionId | None = None) -> None:
        """End another session, or the current one."""
        await self.succeed("DELETE", f"/v1/sessions/{which or 'current'}", session)

    async def change_password(self, session: Secret, body: PasswordChange) -> None:
        """Change the password; ends every other session. Raises LoginRefusedError if the old one is wrong."""
        await self.succeed("POST", "/v1/password", session, body)

    async def challenge(self, session: Secret) -> FactorChallenge:
        """Get a challenge for an action that needs a second factor again."""
        return await self.call("POST", f"{_FACTORS}/challenges", FactorChallenge, bearer=session)

    async def second_factors(self, session: Secret) -> FactorList:
        """List the account's second factors."""
        return await self.call("GET", _FACTORS, FactorList, bearer=session)

    async def begin_totp(self, session: Secret, body: NewTotp) -> TotpSecret:
        """Get the secret for an app."""
        return await self.call("POST", f"{_FACTORS}/totp", TotpSecret, bearer=session, body=body)

    async def confirm_totp(self, session: Secret, factor: FactorId, body: TotpConfirmation) -> FactorAdded:
        """Activate an app by its first code."""
        path = f"{_FACTORS}/{factor}/totp"
        return await self.call("POST", path, FactorAdded, bearer=session, body=body)

    async def begin_security_key(self, session: Secret, body: NewSecurityKey) -> SecurityKeyOptions:
        """Get what a security key needs for a new credential."""
        path = f"{_FACTORS}/security-keys"
        return await self.call("POST", path, SecurityKeyOptions, bearer=session, body=body)

    async def confirm_security_key(
        self, session: Secret, factor: FactorId, body: SecurityKeyCredential
    ) -> FactorAdded:
        """Activate a security key by its new credential."""
        path = f"{_FACTORS}/{factor}/security-key"
        return await self.call("POST", path, FactorAdded, bearer=session, body=body)

    async def remove_second_factor(self, session: Secret, factor: FactorId, body: FactorRemoval) -> None:
        """Remove a second factor."""
        await self.succeed("POST", f"{_FACTORS}/{factor}/removal", session, body)

    async def replace_recovery_codes(self, session: Secret, body: NewRecoveryCodes) -> RecoveryCodes:
        """Get new recovery codes in place of the old ones."""
        path = f"{_FACTORS}/recovery-codes"
        return await self.call("POST", path, RecoveryCodes, bearer=session, body=body)

    async def call(
        self,
        method: str,
        path: str,
        answer: type[P],
        *,
        bearer: Secret | None = None,
        body: Payload | AsyncIterator[bytes] | None = None,
        limit: int = MAX_ANSWER,
        size: int | None = None,
    ) -> P:
        """Make a call and read its answer, of ``limit`` bytes at most. Raises ParlourClientError.

        A ``body`` that is not a payload is sent as it is, in ``size`` bytes: a file.
        """
        return understood(answer, await self.succeed(method, path, bearer, body, limit=limit, size=size))

    async def succeed(
        self,
        method: str,
        path: str,
        bearer: Secret | None,
        body: Payload | AsyncIterator[bytes] | None = None,
        *,
        limit: int = MAX_ANSWER,
        size: int | None = None,
    ) -> bytes:
        """Make a call and return the result of a success. Raises ParlourClientError."""
        return (await self._success(method, path, bearer, body, limit=limit, size=size))[1]

    async def _success(
        self,
        method: str,
        path: str,
        bearer: Secret | None,
        body: Payload | AsyncIterator[bytes] | None = None,
        *,
        limit: int = MAX_ANSWER,
        size: int | None = None,
    ) -> tuple[int, bytes]:
        headers = _headers(bearer)
        content: Content = b""
        if isinstance(body, AsyncIterator):
            headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            content = body
        elif body is not None:
            content = encode_payload(body)
            headers["Content-Type"] = "application/json"
        if isinstance(content, bytes) and method != "GET":
            headers["Content-Length"] = str(len(content))
        status, data = await self._exchange(method, path, headers, content, limit)
        if status >= 300:  # noqa: PLR2004 - HTTP: not a success; a redirect is never followed (T5)
            raise refusal(status, data)
        return status, data

    @asynccontextmanager
    async def download(self, path: str, bearer: Secret) -> "AsyncIterator[AsyncIterator[bytes]]":
        """Open a download: its bytes as they arrive; the caller counts them. Raises ParlourClientError."""
        async with AsyncExitStack() as stack:
            async with self._deadline(_WHOLE_CALL):
                request = self._request("GET", path, _headers(bearer), b"", MAX_ANSWER)
                connection, status = await stack.enter_async_context(request)
                if status >= 300:  # noqa: PLR2004 - HTTP, as above
                    raise refusal(status, await connection.body())
            yield connection.chunks()

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], content: "Content", limit: int
    ) -> tuple[int, bytes]:
        """Make one request, and repeat it once if a pinned server shows a renewed certificate."""
        async with self._deadline(_WHOLE_CALL if isinstance(content, bytes) else _WHOLE_FILE):
            try:
                return await self._once(method, path, headers, content, limit)
            except CertificateError:
                if not isinstance(self._verifier.trust, Pin):
                    raise
            self._verifier.forget()
            self._drop()
            return await self._once(method, path, headers, content, limit)

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], content: "Content", limit: int
    ) -> tuple[int, bytes]:
        async with self._request(method, path, headers, content, limit) as (connection, status):
            return status, await connection.body()

    @asynccontextmanager
    async def _deadline(self, seconds: float) -> AsyncIterator[None]:
        """Give up a call that takes longer. Raises UnreachableError."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise unreachable(self._verifier.address, error) from error

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, headers: Mapping[str, str], content: "Content", limit: int
    ) -> "AsyncIterator[tuple[HttpsConnection, int]]":
        """Send a request; yields when the head of its answer is there: the connection, and the status."""
        from parlour_client.kit.transport.https_connection import ConnectionLostError  # noqa: PLC0415 - not for `--help`

        while True:
            connection, was_kept = await self._connection(fresh=not isinstance(content, bytes))
            try:
                status = await connection.begin(method, path, headers, content, limit)
                break
            except ConnectionLostError:
                connection.close()
                # The server may close an idle connection at any time, even while we begin to write.
                if not was_kept or connection.has_answered:
                    raise
            except BaseException:
                connection.close()
                raise
        try:
            yield connection, status
        finally:
            if self._keep and len(self._kept) < _KEPT and connection.rest():
                self._kept.append(connection)
            else:
                connection.close()

    async def _connection(self, *, fresh: bool) -> "tuple[HttpsConnection, bool]":
        """Return a connection, and whether it was open before."""
        from parlour_client.kit.transport.https_connection import HttpsConnection  # noqa: PLC0415 - as above

        while self._kept and not fresh:
            kept = self._kept.pop()
            if await kept.wake():
                return kept, True
        return await HttpsConnection.open(self._verifier), False

    def _drop(self) -> None:
        while self._kept:
            self._kept.pop().close()


def _headers(bearer: Secret | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "parlour"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer.reveal()}"
    return headers


SENTENCES: Final = frozenset(
    {
        N_("The password has fewer than 5 different characters."),
        N_("The password repeats one short part. Attackers try that first."),
        N_("The password is too similar to the name of this account or server."),
        N_("The password consists of common words and sequences. Attackers try those first."),
        N_("The password is too short. Use at least 15 characters, for example four words."),
        N_("The password is longer than 1024 bytes."),
        N_("This invite is unknown, used up or expired. Ask for a new one."),
        N_("This name, or one that looks like it, is taken. Choose another."),
        N_("The password is wrong."),
        N_("The password or the second factor is wrong."),
        N_("The server can't do this right now and changed nothing. Try again."),
    }
)
"""A server's sentences that the client knows, so that a newcomer reads them in their language."""


def understood(kind: type[P], data: bytes) -> P:
    """Read the body of an answer. Raises ServerMisbehavedError."""
    try:
        return decode_payload(kind, data)
    except MalformedFrameError as error:
        raise ServerMisbehavedError(_("The server's answer does not follow the protocol.")) from error


def refusal(status: int, data: bytes) -> ParlourClientError:
    """Return the error for an answer that is not a success. The server's sentence is sanitised."""
    if status == 401:  # noqa: PLR2004 - HTTP
        return SessionEndedError(_("The session has ended."))
    try:
        problem = decode_payload(Problem, data)
    except MalformedFrameError:
        return ServerMisbehavedError(
            _("The server answered with HTTP status {status}.").format(status=status)
        )
    if problem.error == "enrolment_required":
        return EnrolmentRequiredError(_("This account must set up a second factor."))
    hint = (
        _("Try again in {retry_after} s.").format(retry_after=problem.retry_after)
        if problem.retry_after
        else None
    )
    text = _(problem.message) if problem.message in SENTENCES else quoted(problem.message)
    text = text or _("The server refused ({error}).").format(error=problem.error)
    return ApiRefusedError(text, problem.error, hint=hint, retry_after=problem.retry_after)
