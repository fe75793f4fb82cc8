"""The connection to the server, as views see it: status, waiting for it, reconnecting, logging in again."""

import asyncio
from contextlib import suppress

from parlour_client.core.account.sign_in import ChatSignIn
from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.sync.catch_up import CatchUp
from parlour_client.core.transport.chat_conversation import ChatConnection
from parlour_client.kit.account.profile import Credentials
from parlour_client.kit.account.second_factor import NO_DIALOG, FactorDialog
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.errors import SetupError, StoppedError
from parlour_client.kit.language import _
from parlour_client.kit.transport.reconnector import UNDER_WAY_SECONDS, Reconnector
from parlour_protocol.kit.secret import Secret


class Connection:
    """The connection of one client."""

    def __init__(
        self,
        credentials: Credentials,
        archive: Archive,
        reconnector: Reconnector,
        live: ChatConnection,
        catch_up: CatchUp,
        e2ee: E2ee,
    ) -> None:
        self._credentials = credentials
        self._archive = archive
        self._reconnector = reconnector
        self._live = live
        self._catch_up = catch_up
        self._e2ee = e2ee

    @property
    def status(self) -> ConnectionStatus:
        """The current status."""
        return self._reconnector.status

    async def connected(self, patience: float | None = None) -> None:
        """Wait until the connection is up, caught up or not. Raises like ``ready``."""
        await self._reconnector.reach(self._live.online, patience)

    async def ready(self, patience: float | None = None) -> None:
        """Wait until the connection is up and every room has caught up, with history from our other devices.

        Raises why it cannot connect; with ``patience`` (seconds) also the last problem after that time, but
        not while the first try still goes on: a slow machine or line is no failure.
        """
        await self.connected(patience)
        await self._reconnector.reach(self._catch_up.caught_up, patience)
        with suppress(TimeoutError):  # it continues in the background
            async with asyncio.timeout(None if patience is None else max(patience, UNDER_WAY_SECONDS)):
                await self._reconnector.unless_stopped(self._e2ee.catch_up_history())

    def retry_now(self) -> None:
        """Try to connect now. Raises SetupError when connected, or when a retry can't help."""
        match self.status.state:
            case LinkState.ONLINE:
                raise SetupError(_("You are already connected."))
            case LinkState.STOPPED:
                raise self._reconnector.error or StoppedError(_("The client has stopped."))
            case _:
                self._reconnector.retry_now()

    async def log_in_again(self, password: Secret, dialog: FactorDialog = NO_DIALOG) -> None:
        """Log in again after the session has ended, and send what is queued.

        Raises SetupError while the session has not ended, and why the server refuses.
        """
        if not self.status.session_ended:
            raise SetupError(_("You are already logged in."))
        self._credentials.profile = await ChatSignIn(self._archive).account.log_in_again(password, dialog)
        self._e2ee.session_renewed()
        self._reconnector.session_renewed()
