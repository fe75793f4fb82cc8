"""How many reports wait."""

from typing import Final

from parlour_server.app.metrics import Kind, Metric, Scope

REPORTS_OPEN: Final = Metric(
    "reports_open", Kind.GAUGE, "Abuse reports that wait for the operator", scope=Scope.DATABASE
)
