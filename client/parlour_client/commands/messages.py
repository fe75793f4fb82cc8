"""Commands for messages: reply, edit and delete, react, pin and star, and unsent ones."""

from parlour_client.commands.command import (
    Asks,
    Call,
    Connect,
    Elsewhere,
    Emoji,
    Here,
    Message,
    On,
    Text,
    Unsent,
    command,
)
from parlour_client.commands.find import find_message
from parlour_client.commands.front import Front
from parlour_client.commands.results import OutgoingListed, PinsListed, Question, Queued, SendWanted
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.rooms import Role

_IN_CHAT = Elsewhere(N_("Only in a chat."))
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

    async def do() -> None:
        await call.client.messages.delete(room.id, message)

    which = (
        _("this message")
        if call.front is Front.UI
        else _("#{message} in {title}").format(message=message, title=room.title)
    )
    question = _("Delete {which} for everyone? You can't undo this.").format(which=which)
    return Question(question, do, message=entry)


@command("react", cli=_IN_CHAT)
async def react(call: Call, room: Here, message: Message, emoji: Emoji) -> None:
    """React to a message; on the screen, the same reaction again removes it."""
    entry, emoji = await find_message(call, room, message), call.with_emoji(emoji)
    me = call.client.account.user
    there = any(one.reaction == emoji and me in one.users for one in entry.reactions)
    await call.client.messages.react(room.id, message, emoji, on=call.switch(None, there))


@command("unreact", ui=Elsewhere(N_("/react with the same emoji.")), cli=_IN_CHAT)
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
    return Question(question.format(message=which, room=room.title), do, message=entry)


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
