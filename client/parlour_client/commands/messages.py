"""Commands for messages: reply, edit and delete, react, pin and star, and unsent ones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Final

from parlour_client.commands.command import (
    Asks,
    Call,
    Connect,
    Elsewhere,
    Emoji,
    Here,
    Kind,
    Message,
    On,
    Takes,
    Text,
    Unsent,
    command,
)
from parlour_client.commands.find import find_message
from parlour_client.commands.front import Front
from parlour_client.commands.results import (
    ChoiceWanted,
    Done,
    OutgoingListed,
    PinsListed,
    Question,
    Queued,
    SendWanted,
)
from parlour_client.kit.answers import Harmless, Letter
from parlour_client.kit.errors import SetupError, WrongUseError
from parlour_client.kit.language import N_, _
from parlour_protocol.reports import ReportReason
from parlour_protocol.rooms import Role, RoomKind

if TYPE_CHECKING:
    from parlour_client.core.model import Entry

_IN_CHAT = Elsewhere(N_("Only in a chat."))
REPORT_REASONS: Final[Mapping[str, str]] = {
    ReportReason.SPAM.value: N_("spam or advertising"),
    ReportReason.HARASSMENT.value: N_("harassment or insults"),
    ReportReason.THREAT.value: N_("threats or violence"),
    ReportReason.ILLEGAL.value: N_("illegal content"),
    ReportReason.IMPERSONATION.value: N_("pretends to be someone else"),
    ReportReason.OTHER.value: N_("something else"),
}
"""Why a message can be reported, as people read it."""
_OUTBOX = Elsewhere(N_("A command reports at once what it could not send."))


@command("reply", ui=Elsewhere(N_("r on the message.")), cli=_IN_CHAT)
async def reply(call: Call, room: Here, message: Message, text: Text) -> SendWanted:
    """Reply to a message."""
    del call, room
    return SendWanted(text, message)


@command("me", cli=Elsewhere(N_("Begin the text with /me.")))
async def me(call: Call, room: Here, text: Text) -> SendWanted:
    """Write what you do, about yourself by name: /me waves."""
    del call, room
    return SendWanted(f"/me {text}")


@command("edit", ui=Elsewhere(N_("e on the message.")), cli=_IN_CHAT)
async def edit(call: Call, room: Here, message: Message, text: Text) -> None:
    """Edit one of your messages."""
    entry = await find_message(call, room, message)
    await call.client.messages.edit(room.id, entry.seq or message, call.with_emoji(text))


@command("delete", ui=Elsewhere(N_("d on the message.")), cli=_IN_CHAT, asks=Asks())
async def delete(call: Call, room: Here, message: Message) -> Question:
    """Delete a message for everyone."""
    entry = await find_message(call, room, message)
    if entry.author != call.client.account.user and (
        room.kind is RoomKind.DIRECT or room.role is Role.MEMBER
    ):
        raise SetupError(_("You can only delete your own messages here."))

    async def do() -> None:
        await call.client.messages.delete(room.id, message)

    which = (
        _("this message")
        if call.front is Front.UI
        else _("#{message} in {title}").format(message=message, title=room.title)
    )
    question = _("Delete {which} for everyone? You can't undo this.").format(which=which)
    return Question(question, Letter("d", _("delete it")), do, message=entry)


@command("react", cli=_IN_CHAT)
async def react(call: Call, room: Here, message: Message, emoji: Emoji) -> None:
    """React to a message; on the screen, the same reaction again removes it."""
    entry, emoji = await find_message(call, room, message), call.with_emoji(emoji)
    me = call.client.account.user
    there = any(reaction.reaction == emoji and me in reaction.users for reaction in entry.reactions)
    await call.client.messages.react(room.id, message, emoji, on=call.switch(None, there))


@command("unreact", undoes="react", ui=Elsewhere(N_("/react with the same emoji.")), cli=_IN_CHAT)
async def unreact(call: Call, room: Here, message: Message, emoji: Emoji) -> None:
    """Remove your reaction."""
    await find_message(call, room, message)
    await call.client.messages.react(room.id, message, call.with_emoji(emoji), on=False)


@command("star", cli=_IN_CHAT)
async def star(call: Call, room: Here, message: Message, *, on: On = None) -> None:
    """Star a message to find it again, or remove the star."""
    entry = await find_message(call, room, message)
    await call.client.messages.star(room.id, message, on=call.switch(on, entry.starred))


@command(
    "pin",
    cli="room pin",
    role=Role.MODERATOR,
    asks=Asks(),
    connect=Connect.CAUGHT_UP,
    examples=("room pin lobby 42", "room pin lobby 42 --off"),
)
async def pin(call: Call, room: Here, message: Message, *, on: On = None) -> Question:
    """Pin a message for everyone in the room, or unpin it."""
    entry = await find_message(call, room, message)
    wanted = call.switch(on, entry.pinned)

    async def do() -> Queued:
        return Queued(await call.client.messages.pin(room.id, message, on=wanted))

    which = _("this message") if call.front is Front.UI else f"#{message}"
    question = (
        _("Pin {message} for everyone in {room}?") if wanted else _("Unpin {message} for everyone in {room}?")
    )
    return Question(question.format(message=which, room=room.title), Harmless(), do, message=entry)


@command(
    "report",
    cli="report",
    asks=Asks(cli=True),
    connect=Connect.CAUGHT_UP,
    examples=("report lobby 42 spam", "report lobby 42 threat --note 'the third time'"),
)
async def report(
    call: Call,
    room: Here,
    message: Message,
    reason: Annotated[str, Takes(Kind.CHOICE, "REASON", choices=tuple(REPORT_REASONS))] = "",
    *,
    note: Annotated[str, Takes(Kind.TEXT, "NOTE", N_("A line for the operator."))] = "",
) -> Question | ChoiceWanted:
    """Report a message to the server's operator.

    The operator gets its text as you see it, who wrote it and when, the room, the reason, your note and your
    name. The author and the room are not told. Of an encrypted message the operator can't check the text.
    """
    entry = await find_message(call, room, message)
    if entry.text is None:
        raise SetupError(
            _("Only a message that you can read can be reported."), _("Select one, or check its number.")
        )
    if entry.author == call.client.account.user:
        raise SetupError(_("This is your own message."), _("You can delete it."))
    if not reason:
        if call.front is Front.CLI:
            raise WrongUseError(_("Say why: {choices}.").format(choices=", ".join(REPORT_REASONS)))
        choices = [(word, _(shown)) for word, shown in REPORT_REASONS.items()]
        return ChoiceWanted(
            _("Why are you reporting this message?"),
            choices,
            lambda chosen: report(call, room, message, chosen, note=note),
        )

    async def do() -> Done:
        await call.client.messages.report(entry, ReportReason(reason), note)
        return Done(_("Reported to the operator of {server}.").format(server=call.client.account.server))

    server = call.client.account.server
    which = (
        _("this message")
        if call.front is Front.UI
        else _("#{message} in {title}").format(message=message, title=room.title)
    )
    question = _("Report {which} to the operator of {server}: {reason}?").format(
        which=which, server=server, reason=_(REPORT_REASONS[reason])
    )
    return Question(question, Letter("r", _("report it")), do, message=entry, details=_what_is_sent(entry))


def _what_is_sent(entry: "Entry") -> Sequence[str]:
    """Say what a report gives to the operator, and what it proves."""
    from parlour_client.core.model import display_name  # noqa: PLC0415 - `--help` needs no frames

    sent = (
        _("The operator gets its text, its author and time, the room, the reason, your note and your name."),
        _("{author} and the room are not told.").format(author=display_name(entry.author)),
    )
    if not entry.sealed:
        return (*sent, _("The operator can compare the text with the room's log."))
    return (
        *sent,
        _("It is encrypted: you hand over the text of this one message, and nothing else of the room."),
        _("The operator can't check that text: the report proves only that a message was sent then."),
    )


@command("pins", cli="room pins", connect=Connect.CAUGHT_UP, json=True, examples=("room pins lobby --json",))
async def pins(call: Call, room: Here) -> PinsListed:
    """Show what is pinned in this room, newest pin first."""
    return PinsListed(room, await call.client.history.pins(room.id))


@command("outbox", aliases=("unsent",), cli=_OUTBOX)
async def unsent(call: Call) -> OutgoingListed:
    """Show your unsent messages, and what they are waiting for."""
    return OutgoingListed(call.client.messages.outgoing())


@command("retry", ui=Elsewhere(N_("s in /outbox.")), cli=_OUTBOX)
async def retry(call: Call, outgoing: Unsent) -> None:
    """Send a failed message again, by its number in /outbox."""
    entry = outgoing.entry
    if entry.request is None or not entry.failed:
        raise SetupError(_("That message has not failed."), _("It will be sent automatically."))
    await call.client.messages.retry(entry.request)


@command("cancel", ui=Elsewhere(N_("x in /outbox.")), cli=_OUTBOX)
async def cancel(call: Call, outgoing: Unsent) -> None:
    """Cancel an unsent message, by its number in /outbox."""
    if outgoing.entry.request is not None:
        await call.client.messages.cancel(outgoing.entry.request)
