"""Second factors in a server: it asks for them after the password, and lets people set them up."""

from collections.abc import Mapping
from typing import Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.parts import Parts
from parlour_server.capabilities.second_factors.audit_events import FactorEvent
from parlour_server.capabilities.second_factors.challenges import SecondFactors
from parlour_server.capabilities.second_factors.endpoints import SecondFactorEndpoints
from parlour_server.capabilities.second_factors.enrolment import FactorEnrolment
from parlour_server.capabilities.second_factors.operations import ERROR_ANSWERS, OPERATIONS, OR_GIVES
from parlour_server.capabilities.second_factors.security_keys import SecurityKeys
from parlour_server.capabilities.second_factors.settings import FactorSettings
from parlour_server.capabilities.second_factors.store import FactorStore
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.config.server_settings import Settings, section
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.request_guard import RequestGuard


async def _start(parts: Parts[Any, Any]) -> None:
    factors = SecondFactors(
        FactorStore(parts.store, parts.steady),
        SecurityKeys(parts.server),
        parts.clock,
        parts.steady,
        parts.audit,
        section(parts.settings, FactorSettings),
    )

    def use(settings: Settings) -> None:
        factors.settings = section(settings, FactorSettings)

    def handlers(
        guard: RequestGuard, logins: LoginService, reauthentication: Reauthentication
    ) -> Mapping[str, Handler]:
        enrolment = FactorEnrolment(factors, guard.sessions, reauthentication)
        return SecondFactorEndpoints(guard, logins, factors, enrolment, parts.steady).handlers

    hooks = parts.hooks
    hooks.set_after_password(factors)
    hooks.reloaded.append(use)
    hooks.handlers.append(handlers)


SERVED: Final = Served(
    start=_start,
    operations=OPERATIONS,
    or_gives=OR_GIVES,
    error_answers=ERROR_ANSWERS,
    audit_events=tuple(FactorEvent),
    repeatable_events=frozenset({FactorEvent.SECOND_FACTOR_FAILED}),
)
