"""The line mode's commands for rooms and people: go, join, make, invite, moderate, ignore, be away.

Each takes the line mode and the rest of the line; its docstring is its help. ``commands`` lists them.
"""

from typing import TYPE_CHECKING

from parlour_client.core.errors import SetupError
from parlour_client.core.model import Invitation
from parlour_client.core.room_names import find_room
from parlour_client.plain.line_text import room_line, shown
from parlour_client.plain.messages import find, last
from parlour_client.plain.password_line import login
from parlour_client.plain.words import name_and_rest, number, on_or_off, seconds, two, without_yes
from parlour_client.text.encryption_text import POST_QUANTUM, suite_for
from parlour_protocol.frames.base import Role, RoomKind, Status
from parlour_protocol.names import parse_room_name, parse_user_name

if TYPE_CHECKING:
    from parlour_client.plain.line_mode import LineMode


async def rooms(mode: "LineMode", _: str) -> None:
    """/rooms: your rooms, and what is unread."""
    for room in mode.client.rooms:
        mode.say(room_line(room))
    if not mode.client.rooms:
        mode.say("You are in no room yet. /public lists the public ones.")


async def public(mode: "LineMode", _: str) -> None:
    """/public: the public rooms of this server."""
    listed = await mode.client.directory()
    for one in listed:
        topic = f": {shown(one.topic)}" if one.topic else ""
        mode.say(f"{one.name}, {one.members} people{topic}")
    if not listed:
        mode.say("There is no public room yet. /create ROOM makes one.")


async def go(mode: "LineMode", rest: str) -> None:
    """/go ROOM: write there from now on, and hear its last ten messages."""
    mode.enter(find(mode, rest))
    await last(mode, "10")


async def where(mode: "LineMode", _: str) -> None:
    """/where: which room you write in, and how the connection stands."""
    mode.say(room_line(mode.here()) if mode.current is not None else "You are in no room.")
    mode.say_status()


async def reconnect(mode: "LineMode", _: str) -> None:
    """/reconnect: try to connect now, and not only after a while."""
    if mode.client.status.session_ended:
        await login(mode, "")
    else:
        mode.client.hurry()


async def who(mode: "LineMode", _: str) -> None:
    """/who: who is in this room."""
    for member in await mode.client.members(mode.here().id):
        mode.say(f"{member.user}, {member.role.value}, {member.status.value}{', muted' * member.muted}")


async def whois(mode: "LineMode", rest: str) -> None:
    """/whois USER: what this device knows of somebody."""
    found = await mode.client.person(parse_user_name(name_and_rest(rest, "/whois USER")[0]))
    common = ", ".join(room.title for room, _ in found.rooms) or "none"
    mode.say(
        f"{found.user}, {found.status.value}, rooms in common: {common}{', ignored by you' * found.ignored}"
    )


async def join(mode: "LineMode", rest: str) -> None:
    """/join ROOM: enter a public room."""
    name = parse_room_name(rest.removeprefix("#"))
    found = next((listing for listing in await mode.client.directory() if listing.name == name), None)
    if found is None:
        raise SetupError(f"There is no public room called {name}.")
    mode.enter(await mode.client.join(found.room))


async def create(mode: "LineMode", rest: str) -> None:
    """/create ROOM [private] [encrypted] [post-quantum] [TOPIC]: make a room."""
    name, topic = name_and_rest(rest, "/create ROOM [private] [encrypted] [post-quantum] [TOPIC]")
    said: set[str] = set()
    while (word := topic.partition(" ")[0]) in {"private", "encrypted", POST_QUANTUM} - said:
        said.add(word)
        topic = topic.removeprefix(word).strip()
    kind = RoomKind.PRIVATE if "private" in said else RoomKind.PUBLIC
    encrypted, suite = bool(said & {"encrypted", POST_QUANTUM}), suite_for(post_quantum=POST_QUANTUM in said)
    made = await mode.client.create_room(parse_room_name(name), kind, topic, encrypted=encrypted, suite=suite)
    mode.enter(made)


async def leave(mode: "LineMode", rest: str) -> None:
    """/leave [--yes]: leave this room; you are asked once."""
    room = mode.here()
    words, yes = without_yes(rest)
    if words:
        raise SetupError("Use it like this: /leave [--yes]")

    async def go() -> None:
        await mode.client.leave(room.id)
        mode.current = None

    await mode.ask_first(f"Leave {room.title}?", go, yes=yes)


async def dm(mode: "LineMode", rest: str) -> None:
    """/dm USER: open the room with one person, end-to-end encrypted."""
    mode.enter(await mode.client.open_direct(parse_user_name(name_and_rest(rest, "/dm USER")[0])))
    await last(mode, "10")


async def topic(mode: "LineMode", rest: str) -> None:
    """/topic [TEXT | --clear]: hear this room's topic, or set it; --clear takes it away."""
    room = mode.here()
    if rest:
        await mode.client.set_topic(room.id, "" if rest == "--clear" else rest)
    elif room.topic:
        mode.say_text(f"{room.title}, topic: ", room.topic)
    else:
        mode.say(f"{room.title} has no topic. /topic TEXT sets one.")


async def favourite(mode: "LineMode", rest: str) -> None:
    """/favourite [off]: let this room stand first."""
    await mode.client.favour(mode.here().id, on=on_or_off(rest, "/favourite [off]"))


async def silence(mode: "LineMode", rest: str) -> None:
    """/silence [off]: hear nothing of this room by itself."""
    await mode.client.silence(mode.here().id, on=on_or_off(rest, "/silence [off]"))


async def invite(mode: "LineMode", rest: str) -> None:
    """/invite USER: invite somebody into this room; they enter it by accepting."""
    await mode.client.invite(mode.here().id, parse_user_name(name_and_rest(rest, "/invite USER")[0]))


async def uninvite(mode: "LineMode", rest: str) -> None:
    """/uninvite USER: take your invitation of somebody back."""
    await mode.client.uninvite(mode.here().id, parse_user_name(name_and_rest(rest, "/uninvite USER")[0]))


async def invitations(mode: "LineMode", _: str) -> None:
    """/invitations: who invites you into which room, and who wants to write to you."""
    mode.say_invitations(again=True)
    if not mode.client.invitations:
        mode.say("No invitation waits for you.")


def _invitation(mode: "LineMode", wanted: str) -> Invitation:
    """Return the invitation that is meant; without a word the only one. Raises SetupError."""
    waiting = mode.client.invitations
    found = find_room(waiting, wanted) if wanted else waiting[0] if len(waiting) == 1 else None
    if found is None:
        raise SetupError("There is no such invitation.", "/invitations lists yours.")
    return found


async def accept(mode: "LineMode", rest: str) -> None:
    """/accept [ROOM|@USER]: enter a room that you are invited into, or say yes to a direct room."""
    mode.enter(await mode.client.accept(_invitation(mode, rest).id))


async def decline(mode: "LineMode", rest: str) -> None:
    """/decline [ROOM|@USER]: turn an invitation down, or hide a direct room; nobody is told."""
    found = _invitation(mode, rest)
    await mode.client.decline(found.id)
    mode.say(f"{found.title}: declined. {found.inviter} is not told.")


async def block(mode: "LineMode", rest: str) -> None:
    """/block USER: see no invitation and no direct room of somebody any more; they are not told."""
    await mode.client.block(parse_user_name(name_and_rest(rest, "/block USER")[0]))


async def unblock(mode: "LineMode", rest: str) -> None:
    """/unblock USER: see invitations and new direct rooms of somebody again."""
    await mode.client.block(parse_user_name(name_and_rest(rest, "/unblock USER")[0]), on=False)


async def blocked(mode: "LineMode", _: str) -> None:
    """/blocked: whom you block."""
    mode.say(f"You block {', '.join(await mode.client.blocked()) or 'nobody'}.")


async def kick(mode: "LineMode", rest: str) -> None:
    """/kick USER [REASON]: put somebody out; they may come back."""
    who_, reason = name_and_rest(rest, "/kick USER [REASON]")
    await mode.client.kick(mode.here().id, parse_user_name(who_), reason)


async def ban(mode: "LineMode", rest: str) -> None:
    """/ban USER [10m|2h|7d] [REASON]: put somebody out and keep them out."""
    who_, tail = name_and_rest(rest, "/ban USER [10m|2h|7d] [REASON]")
    length, _, reason = tail.partition(" ")
    span = seconds(length)
    await mode.client.ban(
        mode.here().id,
        parse_user_name(who_),
        seconds=span,
        reason=reason.strip() if span is not None else tail,
    )


async def unban(mode: "LineMode", rest: str) -> None:
    """/unban USER: lift a ban."""
    await mode.client.unban(mode.here().id, parse_user_name(name_and_rest(rest, "/unban USER")[0]))


async def mute(mode: "LineMode", rest: str) -> None:
    """/mute USER [10m|2h|7d]: let somebody read but not write."""
    who_, length = name_and_rest(rest, "/mute USER [10m|2h|7d]")
    if length and seconds(length) is None:
        raise SetupError("Write how long as 10m, 2h or 7d.")
    await mode.client.mute(mode.here().id, parse_user_name(who_), seconds=seconds(length))


async def unmute(mode: "LineMode", rest: str) -> None:
    """/unmute USER: let somebody write again."""
    await mode.client.unmute(mode.here().id, parse_user_name(name_and_rest(rest, "/unmute USER")[0]))


async def role(mode: "LineMode", rest: str) -> None:
    """/role USER owner|moderator|member [--yes]: give somebody a role; owners are asked about once."""
    words, yes = without_yes(rest)
    who_, word = two(words, "/role USER owner|moderator|member [--yes]")
    if word not in set(Role):
        raise SetupError("A role is owner, moderator or member.")
    room, user = mode.here(), parse_user_name(who_.removeprefix("@"))
    question = f"Make {user} an owner of {room.title}? You can't take it back."
    undoable = word != Role.OWNER
    await mode.ask_first(
        question, lambda: mode.client.set_role(room.id, user, Role(word)), yes=yes or undoable
    )


async def ignore(mode: "LineMode", rest: str) -> None:
    """/ignore USER: hear nothing of somebody on this device."""
    await mode.client.ignore(parse_user_name(name_and_rest(rest, "/ignore USER")[0]))


async def unignore(mode: "LineMode", rest: str) -> None:
    """/unignore USER: hear somebody again."""
    await mode.client.ignore(parse_user_name(name_and_rest(rest, "/unignore USER")[0]), on=False)


async def ignored(mode: "LineMode", _: str) -> None:
    """/ignored: whom you ignore."""
    mode.say(f"You ignore {', '.join(sorted(mode.client.ignored)) or 'nobody'}.")


async def sessions(mode: "LineMode", rest: str) -> None:
    """/sessions [end NUMBER]: the devices that are logged in to your account, or log one out."""
    found = list(await mode.client.sessions())
    if rest:
        word, which = two(rest, "/sessions end NUMBER")
        if word != "end":
            raise SetupError("Use it like this: /sessions end NUMBER")
        await mode.client.end_session(found[number(which, most=len(found)) - 1].id)
        return
    for at, one in enumerate(found, 1):
        mode.say(f"{at}: {one.device}{', this one' * one.current}")


async def away(mode: "LineMode", _: str) -> None:
    """/away: tell the others that you are away."""
    await mode.client.set_status(Status.AWAY)


async def back(mode: "LineMode", _: str) -> None:
    """/back: tell the others that you are here."""
    await mode.client.set_status(Status.ONLINE)
