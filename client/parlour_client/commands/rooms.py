"""Commands for rooms: find, create, join, leave and describe them, and sort them for oneself."""

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

from parlour_client.commands.command import (
    SHELL,
    Asks,
    Call,
    Count,
    Elsewhere,
    Here,
    Kind,
    NamedRoom,
    NewRoom,
    On,
    OwnRoom,
    PublicRoom,
    Takes,
    View,
    command,
)
from parlour_client.commands.front import Front
from parlour_client.commands.results import (
    MembersListed,
    Opened,
    PlaceShown,
    PublicRoomsListed,
    Question,
    RetentionShown,
    RoomLeft,
    RoomOpened,
    RoomsListed,
    TopicShown,
)
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.answers import Letter, TypedName
from parlour_client.kit.errors import SetupError, WrongUseError
from parlour_client.kit.language import N_, _, ngettext
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.text import safe_text
from parlour_protocol.limits import RETENTION_DAYS
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind, RoomSuite

if TYPE_CHECKING:
    from parlour_client.core.model import Room

GUARDED: Final = frozenset({Front.UI, Front.CLI})
"""Front ends where a text with a command was checked for secrets already, or a script wrote it."""
_KINDS_OF_ROOMS: Final = ("public", "private", "encrypted", "post-quantum")
"""Words that say what `/create` makes."""
_NEAR: Final = 0.8
"""A word as much like one of them is a misspelling, or another language's."""
_NEWEST: Final = 10
"""Messages that are shown of a room that is opened."""


def _check_create(front: Front, values: Mapping[str, Any]) -> None:
    if values["public_room"] and values["private"]:
        raise WrongUseError(_("A room is either public or private."))
    if front is Front.CLI and values["post_quantum"] and not values["encrypted"]:
        raise WrongUseError(_("--post-quantum only works with --encrypted."))
    if front is not Front.CLI and (word := values["topic"].partition(" ")[0]):
        # `/create den privat` must not make a public room
        near = difflib.get_close_matches(word.lower(), _KINDS_OF_ROOMS, 1, _NEAR)
        if near:
            raise WrongUseError(
                _("Did you mean {choice}? The topic would begin with {word}.").format(
                    choice=near[0], word=" ".join(safe_text(word).lines)
                ),
                _("If you mean a topic, set it afterwards: /topic."),
            )


def _check_dm(_front: Front, values: Mapping[str, Any]) -> None:
    if values.get("is_open") and values["post_quantum"]:
        raise WrongUseError(_("--open and --post-quantum can't be used together."))
    if values.get("text"):
        from parlour_client.core.checked_text import message_text  # noqa: PLC0415 - `--help` needs no frames

        message_text(values["text"])


def _check_retention(_front: Front, values: Mapping[str, Any]) -> None:
    if values["clear"] and values["days"] is not None:
        raise WrongUseError(_("DAYS and --clear can't be used together."))
    if values["days"] is not None and not 1 <= values["days"] <= RETENTION_DAYS.value:
        raise WrongUseError(_("Give a number of days from 1 to {most}.").format(most=RETENTION_DAYS.value))


def _check_topic(_front: Front, values: Mapping[str, Any]) -> None:
    if values["clear"] and values["text"] is not None:
        raise WrongUseError(_("A TOPIC and --clear can't be used together."))
    if values["text"] is not None and not values["text"].strip():
        raise WrongUseError(_("The topic is empty."), _("To remove it, use --clear."))


@command(
    ui=Elsewhere(N_("F2 shows the list of your rooms.")),
    line="joined",
    cli="room list",
    json=True,
    examples=("room list --all",),
)
async def rooms(
    call: Call,
    *,
    everything: Annotated[
        bool,
        Takes(
            Kind.FLAG, help=N_("Include the public rooms you have not joined."), option="all", fronts=SHELL
        ),
    ] = False,
) -> RoomsListed:
    """List your rooms."""
    mine = call.client.rooms.all
    known = {room.id for room in mine}
    others = (
        [listing for listing in await call.client.rooms.directory() if listing.room not in known]
        if everything
        else []
    )
    return RoomsListed(mine, others)


@command("rooms", aliases=("list", "public"), cli=Elsewhere("parlour room list --all"))
async def public(call: Call) -> PublicRoomsListed:
    """List the public rooms on this server, to join them."""
    listed = await call.client.rooms.directory()
    return PublicRoomsListed(listed, {room.id for room in call.client.rooms.all})


@command(
    ui=Elsewhere(N_("F2, or Ctrl+P and the name.")), line="go", cli=Elsewhere("parlour send, parlour tail")
)
async def go(call: Call, room: NamedRoom) -> RoomOpened:
    """Go to a room and show its last ten messages."""
    entries = await call.client.history.timeline(room.id, limit=_NEWEST)
    return RoomOpened(room, Opened.WENT, entries)


@command(
    ui=Elsewhere(N_("See the heading and the status line.")), line="where", cli=Elsewhere("parlour room list")
)
async def where(call: Call) -> PlaceShown:
    """Show the current room and the state of the connection."""
    return PlaceShown(call.client.rooms.get(call.room.id) if call.room is not None else None)


@command("join", aliases=("j",), cli="room join", examples=("room join garden",))
async def join(call: Call, room: PublicRoom) -> RoomOpened:
    """Join a public room."""
    if call.front is Front.UI:
        mine = call.client.rooms.find(room) or call.client.rooms.find(f"@{room}")
        if mine is not None:
            return RoomOpened(mine, Opened.WENT)
    name = parse_room_name(room.lstrip("#*"))
    found = next((listing for listing in await call.client.rooms.directory() if listing.name == name), None)
    if found is None:
        raise SetupError(
            _("There is no public room called {name}.").format(name=name),
            _("List them: {written}").format(written=call.written(public)),
        )
    return RoomOpened(await call.client.rooms.join(found.room), Opened.JOINED)


@command(
    "create",
    cli="room create",
    examples=("room create garden --private --topic 'plants and bees'",),
    check=_check_create,
)
async def create(
    call: Call,
    name: NewRoom,
    *,
    public_room: Annotated[
        bool,
        Takes(
            Kind.FLAG,
            help=N_("Anyone on the server can find and join it. This is the default."),
            word="public",
            option="public",
        ),
    ] = False,
    private: Annotated[
        bool,
        Takes(Kind.FLAG, help=N_("People join by invitation only, and it isn't listed.")),
    ] = False,
    encrypted: Annotated[
        bool,
        Takes(Kind.FLAG, help=N_("End-to-end encrypted, for good: the server can't read it.")),
    ] = False,
    post_quantum: Annotated[
        bool,
        Takes(
            Kind.FLAG,
            help=N_("With --encrypted: post-quantum keys, against future quantum computers. Experimental."),
            word="post-quantum",
        ),
    ] = False,
    topic: Annotated[str, Takes(Kind.TEXT, "TOPIC", N_("One line, shown above the messages."))] = "",
) -> RoomOpened:
    """Create a room as its owner; people join private rooms by invitation."""
    del public_room  # a room is, unless it is private
    made = await call.client.rooms.create(
        name,
        RoomKind.PRIVATE if private else RoomKind.PUBLIC,
        call.with_emoji(topic),
        encrypted=encrypted or post_quantum,
        suite=RoomSuite.X_WING if post_quantum else RoomSuite.X25519,
    )
    return RoomOpened(made, Opened.CREATED)


@command(
    "leave",
    aliases=("part",),
    undoes="join",
    cli="room leave",
    asks=Asks(cli=True),
    examples=("room leave garden", "room leave garden --yes"),
)
async def leave(call: Call, room: Here) -> Question:
    """Leave a room."""

    async def do() -> RoomLeft:
        await call.client.rooms.leave(room.id)
        return RoomLeft(room)

    public_room = room.kind is RoomKind.PUBLIC
    back = _("You can join it again.") if public_room else _("You can come back only if someone invites you.")
    question = _("Leave {title}?").format(title=room.title)
    return Question(question, Letter("l", _("leave")), do, details=(back,))


@command(
    "dm", aliases=("msg", "query", "m"), cli="dm", examples=("dm ben 'are you there?'",), check=_check_dm
)
async def dm(
    call: Call,
    user: Annotated[UserName, Takes(Kind.PERSON, "PERSON", help=N_("whom you write to"))],
    text: Annotated[str, Takes(Kind.TEXT, "MESSAGE", fronts=GUARDED)] = "",
    *,
    is_open: Annotated[
        bool,
        Takes(
            Kind.FLAG,
            help=N_(
                "NOT end-to-end encrypted, unless the room is encrypted already: the server can read it."
            ),
            option="open",
            fronts=SHELL,
        ),
    ] = False,
    post_quantum: Annotated[
        bool,
        Takes(
            Kind.FLAG,
            help=N_("Post-quantum keys, against future quantum computers, if the room is new. Experimental."),
            fronts=SHELL,
        ),
    ] = False,
) -> RoomOpened:
    """Open an end-to-end encrypted direct room with someone."""
    room = await call.client.rooms.open_direct(
        user, encrypted=not is_open, suite=RoomSuite.X_WING if post_quantum else RoomSuite.X25519
    )
    if call.front is Front.CLI and not room.encrypted and not is_open:
        raise EncryptionError(
            _("The direct room with {user} was opened without encryption: the server can read it.").format(
                user=user
            ),
            _("Use --open to send it anyway, or turn encryption on in the chat with /encrypt."),
        )
    sent = await call.client.messages.send(room.id, call.with_emoji(text)) if text else None
    entries = await call.client.history.timeline(room.id, limit=_NEWEST) if call.front is Front.LINE else ()
    return RoomOpened(room, Opened.DIRECT, entries, sent)


@command(
    "topic",
    aliases=("t",),
    cli="room topic",
    examples=("room topic garden", "room topic garden 'bees only'", "room topic garden --clear"),
    check=_check_topic,
)
async def topic(
    call: Call,
    room: Here,
    text: Annotated[str | None, Takes(Kind.TEXT, "TOPIC")] = None,
    *,
    clear: Annotated[bool, Takes(Kind.FLAG, help=N_("Remove the topic."), word="--clear")] = False,
) -> TopicShown | None:
    """Show the topic, or set it; --clear removes it."""
    if text is None and not clear:
        return TopicShown(room)
    await call.client.rooms.set_topic(room.id, call.with_emoji(text or ""))
    return None


def _own(room: "Room") -> None:
    """Refuse what the server would refuse, before the person is asked. Raises SetupError."""
    if room.kind is RoomKind.DIRECT:
        raise SetupError(_("This cannot be done in a direct room."))
    if room.role is not Role.OWNER:
        raise SetupError(_("Only owners can do this here."))


@command("rename", cli="room rename", role=Role.OWNER, examples=("room rename garden orchard",))
async def rename(call: Call, room: Here, name: NewRoom) -> None:
    """Give this room another name."""
    _own(room)
    await call.client.rooms.rename(room.id, name)


@command(
    "archive",
    cli="room archive",
    role=Role.OWNER,
    asks=Asks(),
    examples=("room archive garden", "room archive garden --off"),
)
async def archive(call: Call, room: Here, *, on: On = None) -> Question | None:
    """Archive this room, so that it can only be read, or make it active again."""
    _own(room)
    wanted = call.switch(on, room.archived)
    if not wanted:
        await call.client.rooms.archive(room.id, on=False)
        return None

    async def do() -> None:
        await call.client.rooms.archive(room.id, on=True)

    details = (_("Everyone can read it, but nobody can write in it. You can make it active again."),)
    question = _("Archive {title}?").format(title=room.title)
    return Question(question, Letter("a", _("archive it")), do, details=details)


@command(
    "delete-room",
    cli="room delete",
    role=Role.OWNER,
    asks=Asks(for_good=True, cli=True),
    examples=("room delete garden", "room delete garden --yes"),
)
async def delete_room(call: Call, room: Here) -> Question:
    """Delete this room with its messages and files, for everyone and for good."""
    _own(room)

    async def do() -> RoomLeft:
        await call.client.rooms.delete(room.id)
        return RoomLeft(room)

    details = (
        _("The server removes its messages and files, and everyone loses the room at once."),
        _("People's devices keep the copies that they have."),
    )
    question = _("Delete {title}? You can't undo this.").format(title=room.title)
    return Question(question, TypedName(room.title, _("delete it")), do, details=details)


@command(
    "retention",
    cli="room retention",
    json=True,
    asks=Asks(cli=True),
    examples=("room retention garden", "room retention garden 30 --yes", "room retention garden --clear"),
    check=_check_retention,
)
async def retention(
    call: Call,
    room: Here,
    days: Annotated[int | None, Takes(Kind.DAYS, "DAYS")] = None,
    *,
    clear: Annotated[
        bool, Takes(Kind.FLAG, help=N_("Keep messages as long as the server keeps any."), word="--clear")
    ] = False,
) -> RetentionShown | Question | None:
    """Show how long the server keeps messages here, or set it in days; --clear removes the limit."""
    if days is None and not clear:
        return RetentionShown(room)
    if room.kind is not RoomKind.DIRECT and room.role is not Role.OWNER:
        raise SetupError(_("Only owners can do this here."))
    if clear:
        await call.client.rooms.set_retention(room.id, None)
        return None

    async def do() -> None:
        await call.client.rooms.set_retention(room.id, days)

    now = None if room.retention is None else room.retention.days
    if now is not None and days is not None and days >= now:
        await do()
        return None
    question = ngettext(
        "Delete messages in {title} after {days} day?",
        "Delete messages in {title} after {days} days?",
        days or 0,
    )
    return Question(
        question.format(title=room.title, days=days),
        Letter("r", _("remove them")),
        do,
        details=(
            _("The server removes them, and their files, for everyone; devices keep their copies."),
            _("Members see the change at once. A shorter time applies only after a few days of notice."),
        ),
    )


@command(
    "who",
    aliases=("names", "members", "w"),
    cli="room members",
    view=View.MEMBERS,
    json=True,
    examples=("room members lobby",),
)
async def members(call: Call, room: Here) -> MembersListed:
    """Show who is in this room."""
    return MembersListed(await call.client.rooms.members(room.id))


@command("favourite", cli=Elsewhere(N_("It only changes the order of the room list.")))
async def favourite(call: Call, room: OwnRoom, *, on: On = None) -> None:
    """Add a room to your favourites, or remove it."""
    await call.client.preferences.favourite(room.id, on=call.switch(on, room.favourite))


@command("number", cli=Elsewhere(N_("A number is a key of an open chat.")))
async def number(call: Call, number: Count, room: OwnRoom) -> None:
    """Open a room with Alt and this digit; it changes numbers with the room that has it."""
    await call.client.preferences.number(room.id, number)


@command("silence", cli=Elsewhere(N_("It only changes the notifications of an open chat.")))
async def silence(call: Call, room: OwnRoom, *, on: On = None) -> None:
    """Silence a room for yourself, or undo it."""
    await call.client.preferences.mute(room.id, on=call.switch(on, room.muted))


@command("peek", cli=Elsewhere(N_("parlour tail marks nothing as read.")))
async def peek(call: Call, room: OwnRoom) -> RoomOpened:
    """Peek into a room without marking anything as read."""
    entries = await call.client.history.timeline(room.id, limit=_NEWEST) if call.front is Front.LINE else ()
    return RoomOpened(room, Opened.WENT, entries, peek=True)
