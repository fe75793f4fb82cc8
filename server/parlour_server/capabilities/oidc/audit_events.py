"""The audit events of company logins."""

from enum import StrEnum


class OidcEvent(StrEnum):
    """The audit events of company logins."""

    COMPANY_LOGIN_REFUSED = "company_login_refused"
    COMPANY_ACCOUNT_LINKED = "company_account_linked"
    COMPANY_SESSIONS_ENDED = "company_sessions_ended"
