"""The sessions of the account: where it is logged in, and ending one of them."""

from collections.abc import Sequence

from parlour_client.core.account.sign_in import ChatSignIn
from parlour_client.core.archive import Archive
from parlour_protocol.kit.api import SessionInfo
from parlour_protocol.kit.ids import SessionId


class Sessions:
    """The sessions of one account."""

    def __init__(self, archive: Archive) -> None:
        self._sign_in = ChatSignIn(archive).account

    async def all(self) -> Sequence[SessionInfo]:
        """List the account's sessions, including this one."""
        return await self._sign_in.sessions()

    async def end(self, which: SessionId) -> None:
        """Log out another session of this account."""
        await self._sign_in.end_session(which)
