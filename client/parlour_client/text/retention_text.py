"""How long the server keeps messages of a room, in words."""

from parlour_client.kit.language import _, ngettext
from parlour_client.text.date_text import iso_day
from parlour_protocol.frames.replies import Retention


def kept_for(days: int | None) -> str:
    """Return `kept for 30 days`, of messages."""
    if days is None:
        return _("kept for ever")
    return ngettext("kept for {days} day", "kept for {days} days", days).format(days=days)


def retention_short(retention: Retention | None) -> str:
    """Return what belongs into a room's heading; empty if everything is kept."""
    if retention is None:
        return ""
    if retention.next_from is not None:
        return _("messages {kept} from {date}").format(
            date=iso_day(retention.next_from), kept=kept_for(retention.next_days)
        )
    if retention.days is None:
        return ""
    return _("messages {kept}").format(kept=kept_for(retention.days))


def retention_sentences(retention: Retention | None) -> list[str]:
    """Return everything that a member should know about it, one sentence each."""
    if retention is None:
        return [_("The server keeps the messages of this room for ever.")]
    days = retention.days
    if days is None:
        sentences = [_("The server keeps the messages of this room for ever.")]
    else:
        sentences = [
            ngettext(
                "The server deletes messages of this room, and their files, after {days} day.",
                "The server deletes messages of this room, and their files, after {days} days.",
                days,
            ).format(days=days)
        ]
    if retention.next_from is not None:
        sentences.append(
            _("From {date} on they are {kept}.").format(
                date=iso_day(retention.next_from), kept=kept_for(retention.next_days)
            )
        )
    if retention.removed_before is not None:
        sentences.append(
            _("Messages up to {date} may have been removed here.").format(
                date=iso_day(retention.removed_before)
            )
        )
    sentences.append(_("People's devices keep their copies; /forget deletes yours."))
    return sentences
