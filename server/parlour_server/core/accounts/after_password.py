"""The proof that an account needs besides its password: a capability asks for it, and checks it.

The core decides who needs it: an account with ``needs_proof`` gets nothing for its password alone, whatever
the capability does (``authority.py``).
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from parlour_protocol.kit.names import DeviceName
from parlour_protocol.kit.payload import Payload
from parlour_server.core.accounts.tables.authority import Proof
from parlour_server.core.store.records import Account, SessionRecord


class AfterPassword(Protocol):
    """Asks for more after the right password."""

    @property
    def is_required(self) -> bool:
        """Whether every account must need more; one that doesn't yet may only set that up."""
        ...

    async def ask(self, account: Account, device: DeviceName, *, address: str) -> Payload | None:
        """Return what a login is answered with, in place of a session; None: the password is enough.

        Raises LoginRefusedError if the account has another password by now.
        """
        ...

    def proved(
        self, session: SessionRecord, proof: Payload, *, address: str
    ) -> AbstractAsyncContextManager[Proof]:
        """Check what came with a request of this session, and run the block of the change that it allows.

        Raises ProofRefusedError, which counts like a wrong password.
        """
        ...
