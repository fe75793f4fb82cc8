"""Notices by the operator of a server to everyone: a program that shows them has both frames in its unions.

Only the server makes them, from its operator's command; no request of a client contains one. No program has a
handler for the request: a capability of the server answers it.
"""

from typing import Annotated, ClassVar, NewType

from msgspec import Meta

from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Push, Request
from parlour_protocol.kit.id_fields import MillisField
from parlour_protocol.kit.limits import NOTICE_BYTES, NOTICE_LINES

NoticeId = NewType("NoticeId", str)
NoticeIdField = Annotated[NoticeId, Meta(pattern=r"\A[a-z0-9]{10}\Z")]


class NoticeText(WireText):
    """The text of a notice: a few lines, shown strictly as text."""

    __slots__ = ()
    max_bytes = NOTICE_BYTES.value
    max_lines = NOTICE_LINES.value


class FollowNotices(Request, frozen=True, tag="follow_notices"):
    """Get the operator's notices, the current ones before the answer; `not_found`: the server offers none."""

    answered_by_server: ClassVar[bool] = True


class ServerNotice(Push, frozen=True, tag="server_notice"):
    """The operator of the server tells everyone something, until the time ``expires``.

    ``notice`` is its id. One that is withdrawn is sent again and has expired then.
    """

    notice: NoticeIdField
    at: MillisField
    expires: MillisField
    text: NoticeText
