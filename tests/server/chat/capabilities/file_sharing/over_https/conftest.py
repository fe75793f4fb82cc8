"""What tests of files share with those of the HTTPS API."""

from tests.server.chat.delivery.https.conftest import (  # noqa: F401 - fixtures
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
from tests.server.conftest import clock, store  # noqa: F401 - of a data folder, not the store's own
