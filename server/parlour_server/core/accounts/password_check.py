"""Whether a password is an account's: at a login, and before an action that could take the account over.

A hash with weaker parameters is replaced on the way (P1).
"""

from dataclasses import replace

from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.accounts.tables.authority import ByPassword
from parlour_server.core.errors import LoginRefusedError
from parlour_server.core.store.records import Account


async def verified_account(
    accounts: Accounts, passwords: HashingPool, user: UserName | None, password: Secret, *, address: str
) -> Account:
    """Return the account whose password this is. Raises LoginRefusedError, UnavailableError.

    A weaker hash has been replaced by then, so its hash stays the same until the password changes.
    """
    account = await accounts.find(user) if user else None
    # Always verify one hash; without an account it is one that no password matches.
    hashed = account.password_hash if account else None
    rehashed = await passwords.verify(hashed, password, address=address)
    if account is None or account.disabled:
        raise LoginRefusedError
    if rehashed is None:
        return account
    try:
        await accounts.set_rehashed(ByPassword(account.user, account.password_hash), rehashed)
    except LoginRefusedError:
        # It was replaced meanwhile: by someone else in the same way, or by another password.
        return await verified_account(accounts, passwords, user, password, address=address)
    return replace(account, password_hash=rehashed)
