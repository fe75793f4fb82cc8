"""How limits are kept, whatever it is that they limit."""

from dataclasses import dataclass, field

from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.limit_hits import LimitHits
from parlour_server.core.live_nodes import Alone, Nodes


@dataclass(frozen=True, slots=True)
class Quotas:
    """The servers that share limits, the limits of single accounts, and how often each was reached."""

    nodes: Nodes = field(default_factory=Alone)
    """The servers that share each limit."""
    accounts: AccountLimits = field(default_factory=AccountLimits)
    """The limits of single accounts, set by the operator in place of the settings."""
    hits: LimitHits = field(default_factory=LimitHits)
    """Counts what is refused."""
