"""The HTTPS API of a whole program, the chat: what the kit has of it is tested here."""

from tests.server.chat.delivery.https.conftest import (
    account_limits,
    api,
    application,
    budgets,
    factor_settings,
    large,
    rates,
    upload_budgets,
    uploads,
    village,
)

__all__ = [
    "account_limits",
    "api",
    "application",
    "budgets",
    "factor_settings",
    "large",
    "rates",
    "upload_budgets",
    "uploads",
    "village",
]
