"""The sessions of the account: where it is logged in, ending one of them, and its second factors."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from parlour_client.core.account.sign_in import ChatSignIn
from parlour_client.core.archive import Archive
from parlour_client.kit.account.second_factor import NO_DIALOG, FactorDialog, Factors
from parlour_protocol.kit.api import SessionInfo
from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.invite_link import LoginLink
from parlour_protocol.kit.second_factor import FactorList


class Sessions:
    """The sessions of one account."""

    def __init__(self, archive: Archive) -> None:
        self._chat = ChatSignIn(archive)
        self._sign_in = self._chat.account

    async def all(self) -> Sequence[SessionInfo]:
        """List the account's sessions, including this one."""
        return await self._sign_in.sessions()

    async def second_factors(self) -> FactorList:
        """List the account's second factors."""
        async with self._sign_in.factors(NO_DIALOG) as factors:
            return await factors.list()

    def factors(self, dialog: FactorDialog) -> AbstractAsyncContextManager[Factors]:
        """Return the account's second factors, for as long as the context lasts."""
        return self._sign_in.factors(dialog)

    async def login_link(self) -> LoginLink:
        """Return the link for another device of this account."""
        return await self._chat.login_link()

    async def end(self, which: SessionId) -> None:
        """Log out another session of this account."""
        await self._sign_in.end_session(which)
