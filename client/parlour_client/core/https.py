"""The calls of the HTTPS API: account, login, ticket, sessions, password, logout.

Each goes over a verified connection, directly (no proxy from the environment), follows no redirect, reads
no more than ``MAX_ANSWER`` bytes and decodes strictly. It never keeps a password. ``signin`` and the
connection call it.
"""

import asyncio
from typing import Final, TypeVar

from parlour_client.core.errors import (
    ApiRefusedError,
    CertificateError,
    LoginRefusedError,
    ParlourClientError,
    ServerMisbehavedError,
    SessionEndedError,
    UnreachableError,
    quoted,
)
from parlour_client.core.trust import Pin, Verifier, unreachable
from parlour_protocol.api import (
    AccountMade,
    Login,
    NewAccount,
    PasswordChange,
    Payload,
    Problem,
    SessionInfo,
    SessionList,
    SessionMade,
    TicketMade,
    decode_payload,
    encode_payload,
)
from parlour_protocol.errors import MalformedFrameError
from parlour_protocol.ids import SessionId
from parlour_protocol.secret import Secret

MAX_ANSWER: Final = 64 * 1024
"""Bytes: the longest honest answer is a list of some twenty sessions."""
_SECONDS: Final = 15.0
"""Connect, or a pause between two reads. argon2 on a busy server takes a second or two."""
_WHOLE_CALL: Final = 40.0
"""Seconds for all of it: a server that drips its answer does not hold the client."""

P = TypeVar("P", bound=Payload)


class Api:
    """One server's HTTPS API."""

    def __init__(self, verifier: Verifier) -> None:
        """Speak to the verifier's server."""
        self._verifier = verifier

    async def make_account(self, body: NewAccount) -> AccountMade:
        """Make an account with an invite's code."""
        return await self._call("POST", "/v1/accounts", AccountMade, body=body)

    async def log_in(self, body: Login) -> SessionMade:
        """Make a session. Raises LoginRefusedError for a wrong name or password."""
        try:
            return await self._call("POST", "/v1/sessions", SessionMade, body=body)
        except SessionEndedError as error:
            raise LoginRefusedError("Wrong name or password.", "login_refused") from error

    async def ticket(self, session: Secret) -> TicketMade:
        """Get a ticket for one WebSocket. Raises SessionEndedError."""
        return await self._call("POST", "/v1/tickets", TicketMade, bearer=session)

    async def sessions(self, session: Secret) -> tuple[SessionInfo, ...]:
        """List the account's sessions."""
        return (await self._call("GET", "/v1/sessions", SessionList, bearer=session)).sessions

    async def end_session(self, session: Secret, which: SessionId | None = None) -> None:
        """End another session, or the current one."""
        await self._succeed("DELETE", f"/v1/sessions/{which or 'current'}", session)

    async def change_password(self, session: Secret, body: PasswordChange) -> None:
        """Change the password; ends every other session. Raises LoginRefusedError for a wrong old one."""
        await self._succeed("POST", "/v1/password", session, body)

    async def _call(
        self,
        method: str,
        path: str,
        answer: type[P],
        *,
        bearer: Secret | None = None,
        body: Payload | None = None,
    ) -> P:
        data = await self._succeed(method, path, bearer, body)
        try:
            return decode_payload(answer, data)
        except MalformedFrameError as error:
            raise ServerMisbehavedError("The server's answer is not what this protocol says.") from error

    async def _succeed(
        self, method: str, path: str, bearer: Secret | None, body: Payload | None = None
    ) -> bytes:
        status, data = await self._exchange(method, path, bearer, body)
        if status >= 300:  # noqa: PLR2004 - HTTP: not a success; a redirect is never followed (T5)
            raise _refusal(status, data)
        return data

    async def _exchange(
        self, method: str, path: str, bearer: Secret | None, body: Payload | None
    ) -> tuple[int, bytes]:
        """Make one request; once more when a pinned server shows a renewed certificate."""
        try:
            async with asyncio.timeout(_WHOLE_CALL):
                try:
                    return await self._once(method, path, bearer, body)
                except CertificateError:
                    if not isinstance(self._verifier.trust, Pin):
                        raise
                    self._verifier.forget()
                return await self._once(method, path, bearer, body)
        except TimeoutError as error:
            raise unreachable(self._verifier.address, error) from error

    async def _once(
        self, method: str, path: str, bearer: Secret | None, body: Payload | None
    ) -> tuple[int, bytes]:
        import httpx  # noqa: PLC0415 - 150 ms that `parlour --help` does not pay

        address = self._verifier.address
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "parlour"}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer.reveal()}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with (
                httpx.AsyncClient(
                    verify=await self._verifier.context(),
                    trust_env=False,  # T5: no proxy, no .netrc
                    follow_redirects=False,
                    timeout=_SECONDS,
                    http2=False,
                ) as client,
                client.stream(
                    method,
                    f"https://{address.authority}{path}",
                    headers=headers,
                    content=encode_payload(body) if body is not None else None,
                ) as response,
            ):
                data = bytearray()
                async for chunk in response.aiter_raw():  # raw: a compressed answer is not inflated
                    data += chunk
                    if len(data) > MAX_ANSWER:
                        raise ServerMisbehavedError("The server's answer is too large.")
                return response.status_code, bytes(data)
        except httpx.TimeoutException as error:
            raise unreachable(address, TimeoutError()) from error
        except httpx.ConnectError as error:
            raise unreachable(address, error) from error
        except httpx.HTTPError as error:
            raise UnreachableError(f"The connection to {address.authority} broke.") from error


def _refusal(status: int, data: bytes) -> ParlourClientError:
    """Return the error for an answer that is no success. The server's sentence goes through the rule."""
    if status == 401:  # noqa: PLR2004 - HTTP
        return SessionEndedError("The session has ended.")
    try:
        problem = decode_payload(Problem, data)
    except MalformedFrameError:
        return ServerMisbehavedError(f"The server answered with HTTP status {status}.")
    hint = f"Try again in {problem.retry_after} s." if problem.retry_after else None
    text = quoted(problem.message) or f"The server refused ({problem.error})."
    return ApiRefusedError(text, problem.error, hint=hint, retry_after=problem.retry_after)
