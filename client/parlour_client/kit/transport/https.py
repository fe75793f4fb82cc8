"""The calls of the HTTPS API (account, login, sessions, password, logout), and how others are made.

Each uses a verified connection without a proxy, follows no redirect, reads no more than a limit
(``MAX_ANSWER`` unless the call names another) and decodes strictly. It never stores a password.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from parlour_client.kit.errors import (
    ApiRefusedError,
    CertificateError,
    EnrolmentRequiredError,
    LoginRefusedError,
    ParlourClientError,
    SecondFactorRefusedError,
    ServerMisbehavedError,
    SessionEndedError,
    UnreachableError,
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
    import httpx

MAX_ANSWER: Final = 64 * 1024
"""Bytes: the longest honest answer is a list of some twenty sessions."""
_FACTORS: Final = "/v1/second-factors"
_SECONDS: Final = 15.0
"""Connect, or a pause between two reads. argon2 on a busy server takes a second or two."""
_WHOLE_CALL: Final = 40.0
"""Seconds for the whole call: a server that sends byte by byte must not block the client."""
_WHOLE_FILE: Final = 3_600.0
"""Seconds for a file, which may be large on a slow line."""

P = TypeVar("P", bound=Payload)
Content = bytes | AsyncIterator[bytes] | None


class Api:
    """One server's HTTPS API. With ``keep`` one connection stays open between calls; then ``close`` it."""

    def __init__(self, verifier: Verifier, *, keep: bool = False) -> None:
        self._verifier = verifier
        self._keep = keep
        self._is_closed = False
        self._kept: _Pool | None = None

    async def close(self) -> None:
        """Close the open connection; a late call has one of its own."""
        self._is_closed = True
        await self._drop()

    async def _drop(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept.retire()

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
        content: Content = body if isinstance(body, AsyncIterator) else None
        if isinstance(body, Payload):
            headers["Content-Type"] = "application/json"
            content = encode_payload(body)
        elif content is not None:
            headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        status, data = await self._exchange(method, path, headers, content, limit)
        if status >= 300:  # noqa: PLR2004 - HTTP: not a success; a redirect is never followed (T5)
            raise refusal(status, data)
        return status, data

    @asynccontextmanager
    async def download(self, path: str, bearer: Secret) -> "AsyncIterator[AsyncIterator[bytes]]":
        """Open a download: its bytes as they arrive; the caller counts them. Raises ParlourClientError."""
        async with AsyncExitStack() as stack:
            client = await self._client(stack)
            with _translated_errors(self._verifier):
                response = await self._begin(stack, client, "GET", path, _headers(bearer), None)
                if response.status_code >= 300:  # noqa: PLR2004 - HTTP, as above
                    raise refusal(response.status_code, await _read(response, MAX_ANSWER))
            yield _chunks(response, self._verifier)

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], content: Content, limit: int
    ) -> tuple[int, bytes]:
        """Make one request, and repeat it once if a pinned server shows a renewed certificate."""
        whole = _WHOLE_CALL if isinstance(content, bytes | None) else _WHOLE_FILE
        try:
            async with asyncio.timeout(whole):
                try:
                    return await self._once(method, path, headers, content, limit)
                except CertificateError:
                    if not isinstance(self._verifier.trust, Pin):
                        raise
                    await self._forget()
                except _KeptTooLongError:
                    await self._drop()
                return await self._once(method, path, headers, content, limit)
        except TimeoutError as error:
            raise unreachable(self._verifier.address, error) from error

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], content: Content, limit: int
    ) -> tuple[int, bytes]:
        import httpx  # noqa: PLC0415 - 150 ms that `parlour --help` does not pay

        had = self._kept is not None and not isinstance(content, AsyncIterator)
        async with AsyncExitStack() as stack:
            client = await self._client(stack)
            with _translated_errors(self._verifier):
                try:
                    response = await self._begin(stack, client, method, path, headers, content)
                    return response.status_code, await _read(response, limit)
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                    # The server may close an idle connection at any time, even while we begin to write.
                    if had:
                        raise _KeptTooLongError from error
                    raise

    async def _begin(
        self,
        stack: AsyncExitStack,
        client: "httpx.AsyncClient",
        method: str,
        path: str,
        headers: Mapping[str, str],
        content: Content,
    ) -> "httpx.Response":
        """Send a request, and return its response as soon as its head is there; ``stack`` ends it."""
        url = f"https://{self._verifier.address.authority}{path}"
        extensions = await stack.enter_async_context(_half_open_closed())
        stream = client.stream(method, url, headers=headers, content=content, extensions=extensions)
        return await stack.enter_async_context(stream)

    async def _client(self, stack: AsyncExitStack) -> "httpx.AsyncClient":
        """Return a client: the one that stays open, or one that ends with the call."""
        import httpx  # noqa: PLC0415 - as above

        context = await self._verifier.context()
        if self._kept is not None:  # looked at after the wait: another call may have made it meanwhile
            return await stack.enter_async_context(self._kept.used())
        pool = _Pool(
            httpx.AsyncClient(
                verify=context,
                trust_env=False,  # T5: no proxy, no .netrc
                follow_redirects=False,
                timeout=_SECONDS,
                http2=False,
            )
        )
        client = await stack.enter_async_context(pool.used())
        if self._keep and not self._is_closed:
            self._kept = pool
        else:
            await pool.retire()
        return client

    async def _forget(self) -> None:
        self._verifier.forget()
        await self._drop()


class _Pool:
    """Connections of one HTTP client, which are closed when they are retired and no call uses them.

    Not before: httpcore forgets a connection that is being made while its pool is closed, and leaves it open.
    """

    def __init__(self, client: "httpx.AsyncClient") -> None:
        self._client = client
        self._calls = 0
        self._retired = False

    @asynccontextmanager
    async def used(self) -> "AsyncIterator[httpx.AsyncClient]":
        """Yield the client for one call."""
        self._calls += 1
        try:
            yield self._client
        finally:
            self._calls -= 1
            await self._close_if_over()

    async def retire(self) -> None:
        """Close the connections, or let the last call that uses them do it."""
        self._retired = True
        await self._close_if_over()

    async def _close_if_over(self) -> None:
        if self._retired and not self._calls:
            await self._client.aclose()


@asynccontextmanager
async def _half_open_closed() -> AsyncIterator[dict[str, Any]]:
    """Close a connection whose TLS handshake was cancelled, which httpcore leaves open.

    Yields the extensions of a request: its trace says when TCP is connected and when TLS is.
    """
    half_open = list[Any]()

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            half_open.append(info["return_value"])
        elif event == "connection.start_tls.complete":
            half_open.clear()

    try:
        yield {"trace": trace}
    finally:
        for stream in half_open:
            await stream.aclose()


class _KeptTooLongError(Exception):
    """The open connection was closed; use a new one."""


class _translated_errors:  # noqa: N801 - used like a function
    """Translate the HTTP library's errors into ours."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        import httpx  # noqa: PLC0415 - as above

        address = self._verifier.address
        match error:
            case httpx.TimeoutException():
                raise unreachable(address, TimeoutError()) from error
            case httpx.ConnectError():
                raise unreachable(address, error) from error
            case httpx.HTTPError():
                raise UnreachableError(
                    _("The connection to {authority} was lost.").format(authority=address.authority)
                ) from error
            case _:
                return


def _headers(bearer: Secret | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "parlour"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer.reveal()}"
    return headers


async def _read(response: "httpx.Response", limit: int) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_raw():  # raw: a compressed answer is not inflated
        data += chunk
        if len(data) > limit:
            raise ServerMisbehavedError(_("The server's answer is too large."))
    return bytes(data)


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


async def _chunks(response: "httpx.Response", verifier: Verifier) -> AsyncIterator[bytes]:
    with _translated_errors(verifier):
        async for chunk in response.aiter_raw():
            yield chunk


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
