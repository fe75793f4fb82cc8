"""The operator's notices to everyone, shown by programs that have their frames in their unions."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks
from parlour_server.capabilities.operator_notices.commands import notice
from parlour_server.core.store.table_facts import Rule, Tables

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from parlour_server.app.parts import Parts


def _tables() -> "MetaData":
    from parlour_server.capabilities.operator_notices.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


async def _start(parts: "Parts[Any, Any]", hooks: Hooks) -> None:
    from parlour_protocol.kit.server_notices import FollowNotices  # noqa: PLC0415 - not for commands
    from parlour_server.capabilities.operator_notices.followers import NoticeFollowers  # noqa: PLC0415
    from parlour_server.capabilities.operator_notices.store import CHANGED, OperatorNotices  # noqa: PLC0415

    followers = NoticeFollowers(OperatorNotices(parts.store).current, parts.clock)
    hooks.answers[FollowNotices] = lambda peer, _request: followers.follow(peer)
    hooks.closed.append(followers.forget)
    hooks.read_again[CHANGED] = followers.refresh


CAPABILITY: Final = Capability(
    name="operator_notices",
    start=_start,
    commands=(notice,),
    tables=Tables(
        metadata=_tables,
        bounds={"notices": "until they end, or are withdrawn"},
        rules=(Rule("notices", ("notice",), "expires <= ?1"),),
    ),
)
