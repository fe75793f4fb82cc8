"""Notices in a server: it sends them to everyone who follows them."""

from typing import Any, Final

from parlour_protocol.kit.server_notices import FollowNotices
from parlour_server.app.capability import Served
from parlour_server.app.parts import Parts
from parlour_server.capabilities.operator_notices.followers import NoticeFollowers
from parlour_server.capabilities.operator_notices.store import CHANGED, OperatorNotices


async def _start(parts: Parts[Any, Any]) -> None:
    followers, hooks = NoticeFollowers(OperatorNotices(parts.store).current, parts.clock), parts.hooks
    hooks.answers[FollowNotices] = lambda peer, _request: followers.follow(peer)
    hooks.closed.append(followers.forget)
    hooks.read_again[CHANGED] = followers.refresh


SERVED: Final = Served(start=_start)
