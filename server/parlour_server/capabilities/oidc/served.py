"""Company logins in a server."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.hooks import Serving
from parlour_server.app.parts import Parts
from parlour_server.capabilities.oidc.audit_events import OidcEvent
from parlour_server.capabilities.oidc.endpoints import NOT_OFFERED, OidcEndpoints, without_passwords
from parlour_server.capabilities.oidc.operations import OPERATIONS
from parlour_server.capabilities.oidc.sealing import Sealer
from parlour_server.capabilities.oidc.settings import OidcSettings
from parlour_server.capabilities.oidc.store import OidcStore
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.accounts.registration import Registration
from parlour_server.core.addresses import Networks
from parlour_server.core.config.server_settings import section
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.request_guard import RequestGuard

if TYPE_CHECKING:
    from parlour_server.capabilities.oidc.logins import CompanyLogins


async def _start(parts: Parts[Any, Any]) -> None:
    settings, hooks = section(parts.settings, OidcSettings), parts.hooks
    store = OidcStore(parts.store, parts.steady)
    if not settings.issuer:
        for account in await store.linked():
            if account.refresh is not None:  # no one checks it any more
                await store.end(account)
        hooks.handlers.append(lambda *_: NOT_OFFERED)
        return
    company = _company(parts, settings, store)
    made: list[Registration] = []

    def handlers(
        guard: RequestGuard, logins: LoginService, _reauthentication: Reauthentication
    ) -> Mapping[str, Handler]:
        return OidcEndpoints(guard, logins, company, lambda: made[-1], parts.steady).handlers

    async def serve(_serving: Serving) -> None:
        is_required = hooks.after_password is not None and hooks.after_password.is_required
        if is_required and not settings.is_strong:
            raise SetupError(
                "everyone must have a second factor here, and a company account has no password to set one up"
                " with: let the provider ask for it, and say so in oidc.acr or oidc.amr"
            )
        from parlour_server.capabilities.oidc.recheck import Recheck  # noqa: PLC0415 - loads the extra

        check = Recheck(store, company.provider, company.sealer, settings, parts.steady, parts.audit)
        parts.run(check.run())

    hooks.registration.append(made.append)
    hooks.handlers.append(handlers)
    hooks.serving.append(serve)
    if settings.passwords == "never":
        hooks.around_api.append(without_passwords)


def _company(parts: Parts[Any, Any], settings: OidcSettings, store: OidcStore) -> "CompanyLogins":
    """Return what logs people in. Raises SetupError."""
    try:
        from parlour_server.capabilities.oidc.fetch import Fetcher  # noqa: PLC0415 - the extra
        from parlour_server.capabilities.oidc.logins import CompanyLogins  # noqa: PLC0415
        from parlour_server.capabilities.oidc.provider import Provider  # noqa: PLC0415
    except ImportError as error:
        raise SetupError(
            f"oidc.issuer needs joserfc ({error}); install its extra `oidc` (docs/how-to/company-login.md)"
        ) from error
    folder = parts.folder
    context = _context(folder, settings.ca_file)
    fetcher = Fetcher(context, Networks("oidc.private_networks", settings.private_networks))
    provider = Provider(settings, fetcher, _secret(folder, settings.client_secret_file), parts.clock)
    sealer = Sealer.of(folder.key)
    return CompanyLogins(store, parts.store.accounts, provider, sealer, settings, parts.steady, parts.audit)


def _context(folder: DataFolder, ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=_place(folder, ca_file) if ca_file else None)
    except OSError as error:
        raise SetupError(f"oidc.ca_file: cannot use {ca_file}: {error}") from error


def _secret(folder: DataFolder, file: str) -> str:
    try:
        return _place(folder, file).read_text("ascii").strip() if file else ""
    except (OSError, ValueError) as error:
        raise SetupError(f"oidc.client_secret_file: cannot read {file}") from error


def _place(folder: DataFolder, file: str) -> Path:
    """Return a file in the data folder, or elsewhere with its whole path."""
    return (folder.main or folder).path / file


SERVED: Final = Served(
    start=_start,
    operations=OPERATIONS,
    audit_events=tuple(OidcEvent),
    repeatable_events=frozenset({OidcEvent.COMPANY_LOGIN_REFUSED}),
)
