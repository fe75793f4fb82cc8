"""Prints the result of a command in the line mode, and each question before one is done.

Most results are the lines of ``commands.show``; messages go through the printer, which remembers them.
"""

from collections.abc import Iterator
from functools import singledispatch

from parlour_client.commands import results
from parlour_client.commands.front import Front
from parlour_client.commands.show import lines
from parlour_client.kit.language import _, ngettext
from parlour_client.plain.line_text import outgoing_line
from parlour_client.plain.printer import Printer
from parlour_client.text.date_text import day_found
from parlour_client.text.encryption_text import LOST, WON, admitted_by_encrypting
from parlour_client.text.file_text import facts_of
from parlour_client.text.room_text import created_room, room_line
from parlour_client.text.untrusted_text import shown


@singledispatch
async def show(result: results.Result, printer: Printer) -> None:
    """Print the result of a command."""
    _say_lines(result, printer)


def _say_lines(result: results.Result, printer: Printer) -> None:
    for line in lines(result, Front.LINE):
        printer.say(line)


# --- rooms


@show.register
async def _room_opened(result: results.RoomOpened, printer: Printer) -> None:
    if result.peek:
        printer.entries(result.entries, again=True)
        return
    words = ""
    if result.how is results.Opened.UNREAD:
        words = _("{unread} unread in {title}.").format(title=result.room.title, unread=result.room.unread)
    elif result.how is results.Opened.CREATED:
        words = created_room(result.room)
    printer.enter(result.room, words)
    if result.how in {results.Opened.WENT, results.Opened.DIRECT}:
        printer.newest(result.room, result.entries)
    else:
        printer.entries(result.entries)
    await printer.mark_read(result.room, result.entries)


@show.register
async def _room_left(result: results.RoomLeft, printer: Printer) -> None:
    if printer.current is not None and printer.current.id == result.room.id:
        printer.current = None


@show.register
async def _place_shown(result: results.PlaceShown, printer: Printer) -> None:
    printer.say(room_line(result.room) if result.room is not None else _("No room is open."))
    printer.status()


@show.register
async def _invitations_listed(result: results.InvitationsListed, printer: Printer) -> None:
    if result.invitations:
        printer.invitations(again=True)
    else:
        _say_lines(result, printer)


# --- messages


@show.register
async def _messages_listed(result: results.MessagesListed, printer: Printer) -> None:
    if result.newest:
        printer.newest(result.room, result.entries)
        await printer.mark_read(result.room, result.entries)
    elif result.entries:
        printer.entries(result.entries)
    else:
        printer.say(_("Nothing older in {title}.").format(title=result.room.title))


@show.register
async def _date_found(result: results.DateFound, printer: Printer) -> None:
    first = result.entries[0].at if result.entries else None
    words = day_found(result.wanted, first, is_that_day=result.is_that_day)
    if words:
        printer.say(words)
    printer.entries(result.entries)


@show.register
async def _message_shown(result: results.MessageShown, printer: Printer) -> None:
    entries = [result.parent, result.entry] if result.parent is not None else [result.entry]
    printer.entries(entries, covered=False)


@show.register
async def _messages_found(result: results.MessagesFound, printer: Printer) -> None:
    count = len(result.entries)
    if result.more:
        printer.say(
            _("The newest {count}. There are more: before:DATE finds older ones.").format(count=count)
        )
    else:
        printer.say(_("{count} found, newest first.").format(count=count) if count else _("Nothing found."))
    printer.entries(result.entries, again=True)


@show.register
async def _pins_listed(result: results.PinsListed, printer: Printer) -> None:
    count = len(result.entries)
    printer.say(
        _("{count} pinned.").format(count=count)
        if count
        else _("Nothing is pinned here. /pin NUMBER pins a message.")
    )
    printer.entries(result.entries, again=True)


@show.register
async def _thread_shown(result: results.ThreadShown, printer: Printer) -> None:
    thread = result.thread
    if thread.missing is not None:
        printer.say(
            _("The thread begins with message {missing}, which is not available.").format(
                missing=thread.missing
            )
        )
    printer.entries(thread.entries, again=True)
    count = len(thread.entries)
    words = ngettext(
        "{count} message in this thread. /reply {root} TEXT writes in it.",
        "{count} messages in this thread. /reply {root} TEXT writes in it.",
        count,
    )
    printer.say(words.format(count=count, root=thread.root))


@show.register
async def _outgoing_listed(result: results.OutgoingListed, printer: Printer) -> None:
    for at, message in enumerate(result.outgoing, 1):
        printer.say(outgoing_line(printer.title(message.entry.room), at, message))
    if not result.outgoing:
        printer.say(_("Everything is sent."))


@show.register
async def _queued(_result: results.Queued, _printer: Printer) -> None:
    """Print nothing: the room's log shows it."""


# --- files


def transfer_line(transfer: results.Transfer) -> str:
    """Return the file that is being transferred."""
    if transfer.file is None:
        return _("Sending {name} to {title}.").format(name=shown(transfer.name), title=transfer.room.title)
    return _("Saving a file, {facts_of}.").format(facts_of=facts_of(transfer.file))


# --- encryption


@show.register
async def _room_encrypted(result: results.RoomEncrypted, printer: Printer) -> None:
    printer.say(printer.encryption_status.room_line(printer.client.encryption, result.room))


@show.register
async def _devices_listed(result: results.DevicesListed, printer: Printer) -> None:
    printer.listed = tuple(device.device for device in result.devices)
    _say_lines(result, printer)


# --- questions


@singledispatch
def explain(question: results.Question, yes: str) -> Iterator[str]:
    """Explain a yes, before it is typed as ``yes``."""
    yield _("{text} {details} {yes} confirms.").format(
        text=question.text, details=" ".join(question.details), yes=yes
    )


@explain.register
def _encrypt_question(question: results.EncryptQuestion, yes: str) -> Iterator[str]:
    yield admitted_by_encrypting(question.people)
    yield _(WON)
    yield from map(_, LOST)
    yield _("{yes} encrypts {title}.").format(yes=yes, title=question.room.title)


@explain.register
def _revoke_question(question: results.RevokeQuestion, yes: str) -> Iterator[str]:
    yield (
        _(
            "{name} would be logged out and removed from every encrypted room; it keeps what it has "
            "already read. {yes} confirms."
        ).format(name=question.device.name, yes=yes)
    )
