"""Commands for owners and moderators: remove, ban and mute people, give roles."""

from typing import TYPE_CHECKING, Annotated

from parlour_client.commands.command import Asks, Call, For, Here, Kind, Person, Reason, Takes, command
from parlour_client.commands.results import BansListed, Question
from parlour_client.kit.answers import Letter
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role, RoomKind

if TYPE_CHECKING:
    from parlour_client.core.model import Room


def _may_moderate(room: "Room") -> None:
    """Refuse what the server would refuse, before the person is asked about it. Raises SetupError."""
    if room.kind is RoomKind.DIRECT:
        raise SetupError(_("This cannot be done in a direct room."))
    if room.role is Role.MEMBER:
        raise SetupError(_("Only moderators and owners can do this here."))


def _may_kick(call: Call, room: "Room", user: UserName) -> None:
    _may_moderate(room)
    if user == call.client.account.user:
        raise SetupError(_("You can't remove yourself. /leave leaves the room."))


def _reason(reason: str) -> tuple[str, ...]:
    """Return what everyone will read, so that a word that is no length of time is seen to be a reason."""
    from parlour_protocol.kit.text import safe_text  # noqa: PLC0415 - `--help` needs no text rule

    return (_("Reason: {reason}").format(reason=" ".join(safe_text(reason).lines)),) if reason else ()


@command(
    "kick",
    aliases=("k", "remove"),
    cli="room kick",
    role=Role.MODERATOR,
    asks=Asks(),
    examples=("room kick garden mallory --reason 'see the rules of this room'",),
)
async def kick(call: Call, room: Here, user: Person, *, reason: Reason = "") -> Question:
    """Remove someone from this room; they can come back."""
    _may_kick(call, room, user)
    if not await call.client.rooms.has(room.id, user):
        raise SetupError(
            _("{user} is not in {room}.").format(user=user, room=room.title),
            _("/ban keeps someone out who is not there."),
        )

    async def do() -> None:
        await call.client.rooms.kick(room.id, user, reason)

    back = (
        _("Everyone sees it, with your reason. {user} can join again. For good: /ban")
        if room.kind is RoomKind.PUBLIC
        else _("Everyone sees it, with your reason. You can invite {user} again. For good: /ban")
    ).format(user=user)
    question = _("Remove {user} from {room}?").format(user=user, room=room.title)
    return Question(question, Letter("r", _("remove them")), do, details=(back, *_reason(reason)))


@command(
    "ban",
    cli="room ban",
    role=Role.MODERATOR,
    asks=Asks(),
    examples=("room ban garden mallory --for 86400",),
)
async def ban(call: Call, room: Here, user: Person, *, seconds: For = None, reason: Reason = "") -> Question:
    """Remove someone from this room and keep them out, for a time or for good."""
    from parlour_client.commands.values import duration_words  # noqa: PLC0415 - it has the text rule

    _may_kick(call, room, user)

    async def do() -> None:
        await call.client.rooms.ban(room.id, user, seconds=seconds, reason=reason)

    back = _("/unban lifts a ban, but does not bring them back.")
    question = (
        _("Ban {user} from {room} for good?").format(user=user, room=room.title)
        if seconds is None
        else _("Ban {user} from {room} for {how_long}?").format(
            user=user, room=room.title, how_long=duration_words(seconds)
        )
    )
    return Question(question, Letter("b", _("ban")), do, details=(back, *_reason(reason)))


@command("bans", cli="room bans", role=Role.MODERATOR, json=True, examples=("room bans garden",))
async def bans(call: Call, room: Here) -> BansListed:
    """List who is banned from this room: by whom, when, until when, and why."""
    _may_moderate(room)
    return BansListed(room, await call.client.rooms.bans(room.id))


@command(
    "unban", cli="room unban", role=Role.MODERATOR, undoes="ban", examples=("room unban garden mallory",)
)
async def unban(call: Call, room: Here, user: Person) -> None:
    """Lift a ban."""
    await call.client.rooms.unban(room.id, user)


@command("mute", cli="room mute", role=Role.MODERATOR, examples=("room mute garden mallory --for 600",))
async def mute(call: Call, room: Here, user: Person, *, seconds: For = None) -> None:
    """Let someone read here but not write, for a time or for good."""
    await call.client.rooms.mute(room.id, user, seconds=seconds)


@command(
    "unmute", cli="room unmute", role=Role.MODERATOR, undoes="mute", examples=("room unmute garden mallory",)
)
async def unmute(call: Call, room: Here, user: Person) -> None:
    """Let someone write here again."""
    await call.client.rooms.unmute(room.id, user)


@command(
    "role",
    cli="room role",
    role=Role.OWNER,
    asks=Asks(),
    examples=("room role garden ben moderator",),
)
async def role(
    call: Call,
    room: Here,
    user: Person,
    role: Annotated[str, Takes(Kind.CHOICE, "ROLE", choices=tuple(choice.value for choice in Role))],
) -> Question | None:
    """Give someone a role in this room."""

    async def do() -> None:
        await call.client.rooms.set_role(room.id, user, Role(role))

    if Role(role) is not Role.OWNER:
        await do()
        return None
    why = _("An owner can do everything here, and you can't take it back.")
    return Question(
        _("Make {user} an owner of {title}?").format(user=user, title=room.title),
        Letter("o", _("make them an owner")),
        do,
        details=(why,),
    )
