"""The capabilities of a server, beside its core: without its folder and the two lines here, one is gone.

`App(…, capabilities=…)` takes fewer, or others. They import the kit and never each other.
"""

from typing import Final

from parlour_server.app.capability import Capability
from parlour_server.capabilities.acme import CAPABILITY as acme
from parlour_server.capabilities.address_bans import CAPABILITY as address_bans
from parlour_server.capabilities.audit_chain import CAPABILITY as audit_chain
from parlour_server.capabilities.browser_pages import CAPABILITY as browser_pages
from parlour_server.capabilities.certificate_import import CAPABILITY as certificate_import
from parlour_server.capabilities.diagnostics import CAPABILITY as diagnostics
from parlour_server.capabilities.disk_space import CAPABILITY as disk_space
from parlour_server.capabilities.inspection import CAPABILITY as inspection
from parlour_server.capabilities.nats import CAPABILITY as nats
from parlour_server.capabilities.oidc import CAPABILITY as oidc
from parlour_server.capabilities.openapi import CAPABILITY as openapi
from parlour_server.capabilities.opentelemetry import CAPABILITY as opentelemetry
from parlour_server.capabilities.operator_notices import CAPABILITY as operator_notices
from parlour_server.capabilities.personal_data import CAPABILITY as personal_data
from parlour_server.capabilities.postgres import CAPABILITY as postgres
from parlour_server.capabilities.prometheus import CAPABILITY as prometheus
from parlour_server.capabilities.proxy_protocol import CAPABILITY as proxy_protocol
from parlour_server.capabilities.readiness_check import CAPABILITY as readiness_check
from parlour_server.capabilities.second_factors import CAPABILITY as second_factors
from parlour_server.capabilities.server_backups import CAPABILITY as server_backups
from parlour_server.capabilities.user_limits import CAPABILITY as user_limits
from parlour_server.capabilities.worker_processes import CAPABILITY as worker_processes

CAPABILITIES: Final[tuple[Capability, ...]] = (
    postgres,
    address_bans,
    audit_chain,
    browser_pages,
    certificate_import,
    acme,
    diagnostics,
    disk_space,
    inspection,
    nats,
    oidc,
    openapi,
    opentelemetry,
    operator_notices,
    personal_data,
    prometheus,
    proxy_protocol,
    readiness_check,
    second_factors,
    server_backups,
    user_limits,
    worker_processes,
)  # fmt: skip
"""All that a server can do beside its core; a program names fewer."""
