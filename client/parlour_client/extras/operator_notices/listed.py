"""The notices as lines and as fields."""

from collections.abc import Sequence

from msgspec.structs import asdict

from parlour_client.commands.results import Listed
from parlour_client.text.server_notice_text import no_notices, notice_heading
from parlour_client.text.untrusted_text import shown
from parlour_protocol.kit.server_notices import ServerNotice


def listed(found: Sequence[ServerNotice], server: str) -> Listed:
    """Return the lines and the fields, or that there is nothing to read."""
    lines = [f"{notice_heading(notice, server)}: {shown(notice.text)}" for notice in found]
    return Listed(lines, "" if found else no_notices(server), [asdict(notice) for notice in found])
