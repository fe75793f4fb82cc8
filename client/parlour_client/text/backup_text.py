"""Sentences about backups, the same in every front end."""

from collections.abc import Iterator

from parlour_client.core.e2ee.backup.backup import Exported, Restored, Verified
from parlour_client.kit.language import _, ngettext
from parlour_client.text.date_text import day_and_time
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.text import safe_text


def status_line(last: int | None, export: str) -> str:
    """Say when the last backup was written, or how to write one."""
    if last is None:
        return _("This device has written no backup of your encrypted history. {export} writes one.").format(
            export=export
        )
    return _("Last backup written here: {when}. What you have read since is not in it.").format(
        when=day_and_time(Millis(last))
    )


def exported_lines(done: Exported) -> Iterator[str]:
    """Say what was written."""
    yield ngettext(
        "Wrote {count} event to {path}. Only your recovery words open it.",
        "Wrote {count} events to {path}. Only your recovery words open it.",
        done.events,
    ).format(count=done.events, path=" ".join(safe_text(str(done.path)).lines))


def restored_lines(done: Restored) -> Iterator[str]:
    """Say what was restored, and name what could not be."""
    yield ngettext(
        "Restored {count} event from the backup of {when}; {here} were here already.",
        "Restored {count} events from the backup of {when}; {here} were here already.",
        done.new,
    ).format(count=done.new, when=day_and_time(Millis(done.made)), here=done.here)
    for room, count in done.missing.items():
        yield ngettext(
            "{count} event of {room} was not restored: you are not in this room here, it hasn't caught up, "
            "or the server has something else in its place.",
            "{count} events of {room} were not restored: you are not in this room here, it hasn't caught up, "
            "or the server has something else in their place.",
            count,
        ).format(count=count, room=" ".join(safe_text(room).lines))


def verified_lines(done: Verified) -> Iterator[str]:
    """Say how a backup compares with this device."""
    yield ngettext(
        "The backup of {when} is whole and yours. Of its {count} event, {same} is the same on this device, "
        "{elsewhere} is missing or different here.",
        "The backup of {when} is whole and yours. Of its {count} events, {same} are the same on this device, "
        "{elsewhere} are missing or different here.",
        done.events,
    ).format(
        when=day_and_time(Millis(done.made)), count=done.events, same=done.same, elsewhere=done.elsewhere
    )
