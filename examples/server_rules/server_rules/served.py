"""The rules in a server: `GET /v1/rules`, a metric, and what `doctor` says."""

from collections.abc import Iterable
from contextlib import closing
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.payload import Payload
from parlour_server.app.capability import Served
from parlour_server.app.finding import Finding
from parlour_server.app.metrics import Kind, Metric
from parlour_server.app.parts import Parts
from parlour_server.core.clock import DAY_MILLIS, SystemClock
from parlour_server.core.config.server_settings import Settings, section
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import RefusedError
from parlour_server.core.https.operations import NOT_FOUND, Operation
from parlour_server.core.https.problems import answer
from parlour_server.core.store.engine.connection import Engine

from server_rules.settings import RulesSettings
from server_rules.store import CHANGED, READ, Rules, RulesStore, RulesText

_AGE: Final = Metric("rules_age_days", Kind.GAUGE, "Days since the rules were written; 0 without rules")


class RulesAnswer(Payload, frozen=True):
    """The rules, and when they were written."""

    text: RulesText
    at: Millis


_GET: Final = Operation(
    "get_rules",
    "GET",
    "/v1/rules",
    "Get the rules of the server, without an account.",
    HTTPStatus.OK,
    gives=RulesAnswer,
    session=False,
    refusals=(NOT_FOUND,),
)


class CurrentRules:
    """The rules in memory: a request reads no database."""

    def __init__(self, store: RulesStore) -> None:
        self._store = store
        self.rules: Rules | None = None

    async def refresh(self) -> None:
        """Read them again. Raises UnavailableError."""
        self.rules = await self._store.current()

    async def get(self, _request: Request) -> Response:
        """Answer with the rules. Raises RefusedError."""
        if self.rules is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "this server has no rules")
        return answer(RulesAnswer(self.rules.text, self.rules.at))


async def _start(parts: Parts[Any, Any]) -> None:
    current = CurrentRules(RulesStore(parts.store))

    def age() -> float:
        return 0 if current.rules is None else (parts.clock.now() - current.rules.at) / DAY_MILLIS

    parts.hooks.read_again[CHANGED] = current.refresh
    parts.hooks.handlers.append(lambda *_: {_GET.name: current.get})
    parts.metrics.number(_AGE, age)


def _findings(_: DataFolder, settings: Settings | None, engine: Engine | None) -> Iterable[Finding]:
    if settings is None or engine is None:
        return
    with closing(engine.connect_reader()) as db:
        row = db.execute(READ).fetchone()
    if row is None:
        yield Finding("advice", "rules", "there are none; `rules set` writes them")
    elif row[1] < SystemClock().now() - section(settings, RulesSettings).review_days * DAY_MILLIS:
        yield Finding(
            "advice", "rules", "they are old: read them, and set them again if they are still right"
        )
    else:
        yield Finding("fine", "rules", "everyone can read them")


SERVED: Final = Served(start=_start, operations=(_GET,), metrics=(_AGE,), findings=_findings)
