"""What each slash command does: one method a command, found by its name in the table.

Names that a person types are parsed into their types first, so nothing else goes to the client; refusals are
told by ``ask``. The chat screen inherits it.
"""

from parlour_client.core.model import Invitation
from parlour_client.core.room_names import find_room
from parlour_client.text.encryption_text import POST_QUANTUM, suite_for
from parlour_client.ui.chat.command_table import CLEAR, first_word, parse, seconds
from parlour_client.ui.chat.devices_part import DevicesPart
from parlour_client.ui.chat.invitations import row as invitation_row
from parlour_client.ui.chat.member_list import how_many
from parlour_client.ui.chat.messages_part import Aim
from parlour_client.ui.dialogs.help import help_page
from parlour_client.ui.dialogs.login import LoginScreen
from parlour_client.ui.dialogs.questions import ChooseScreen
from parlour_client.ui.safe import join, lines, own, peer_line
from parlour_protocol.frames.base import Role, RoomKind, Status
from parlour_protocol.ids import RoomId
from parlour_protocol.names import parse_room_name, parse_user_name


class Deeds(DevicesPart):
    """The slash commands."""

    async def do_line(self, text: str, aim: Aim | None = None) -> None:
        """Do what was written: a command, or a message to send; what is refused raises why.

        ``aim`` is where it was written; None: here and now.
        """
        line = parse(text)
        if line.unknown:
            raise ValueError("There is no such command. /help lists them; // at the start sends a slash.")
        if line.command is None:
            await self.send_text(line.rest, aim or self.aim)
            return
        if aim is not None and aim.room != self.current:
            raise ValueError("Another room was opened meanwhile, so this was not done.")
        await getattr(self, f"_do_{line.command.name}")(line.rest)

    def _room(self) -> RoomId:
        if self.current is None:
            raise ValueError("No room is open. /rooms shows which there are.")
        return self.current

    async def _do_help(self, _rest: str) -> None:
        self.push(help_page(self))

    async def _do_rooms(self, _rest: str) -> None:
        listing = await self.client.directory()
        mine = {room.id for room in self.client.rooms}
        choices = []
        for room in listing:
            facts = f"  {how_many(room.members)}{', you are in' if room.room in mine else ''}  "
            choices.append(
                (
                    room.room,
                    join(
                        peer_line(room.name, style="bold"),
                        own(facts, "dim"),
                        peer_line(room.topic) if room.topic else own(""),
                    ),
                )
            )

        def take(chosen: str | None) -> None:
            if chosen:
                self.ask(lambda: self._enter(RoomId(chosen)))

        empty = "No public rooms yet. /create NAME makes one."
        self.push(ChooseScreen(own("Public rooms", "bold"), choices, empty), take)

    async def _enter(self, room: RoomId) -> None:
        if self.client.room(room) is None:
            await self.client.join(room)
        await self.open_room(room)

    async def _do_join(self, rest: str) -> None:
        word = rest.split(" ", maxsplit=1)[0]
        mine = find_room(self.client.rooms, word) or find_room(self.client.rooms, f"@{word}")
        if mine is not None:
            await self.open_room(mine.id)
            return
        name = parse_room_name(first_word(rest)[0])
        found = next((room for room in await self.client.directory() if room.name == name), None)
        if found is None:
            raise ValueError("There is no such public room. /rooms shows which there are.")
        await self._enter(found.room)

    async def _do_leave(self, _rest: str) -> None:
        room = self.client.room(self._room())
        if room is None:
            raise ValueError("You are no longer in that room.")
        back = (
            "You can join it again."
            if room.kind is RoomKind.PUBLIC
            else "You come back only if somebody invites you."
        )
        title = join(own("Leave ", "bold"), peer_line(room.title, style="bold"), own("?", "bold"))
        self.ask_first(lines(title, own(back)), lambda: self.client.leave(room.id))

    async def _do_create(self, rest: str) -> None:
        name, how = first_word(rest)
        wishes = how.split()
        known = {"private", "public", "encrypted", POST_QUANTUM}
        if set(wishes) - known or {"private", "public"} <= set(wishes):
            raise ValueError("Write /create NAME, and after it any of: private, encrypted, post-quantum.")
        kind = RoomKind.PRIVATE if "private" in wishes else RoomKind.PUBLIC
        suite = suite_for(post_quantum=POST_QUANTUM in wishes)
        encrypted = bool({"encrypted", POST_QUANTUM} & set(wishes))
        made = await self.client.create_room(parse_room_name(name), kind, encrypted=encrypted, suite=suite)
        await self.open_room(made.id)

    async def _do_dm(self, rest: str) -> None:
        who, message = first_word(rest)
        room = await self.client.open_direct(parse_user_name(who))
        await self.open_room(room.id)
        if message:
            await self.client.send(room.id, message)

    async def _do_invite(self, rest: str) -> None:
        await self.client.invite(self._room(), parse_user_name(first_word(rest)[0]))

    async def _do_uninvite(self, rest: str) -> None:
        await self.client.uninvite(self._room(), parse_user_name(first_word(rest)[0]))

    async def _do_invitations(self, _rest: str) -> None:
        choices = [(one.id, invitation_row(one)) for one in self.client.invitations]

        def take(chosen: str | None) -> None:
            if chosen:
                self.ask_about(RoomId(chosen))

        self.push(ChooseScreen(own("Invitations", "bold"), choices, "No invitation waits for you."), take)

    async def _do_accept(self, rest: str) -> None:
        await self.accept(self._invitation(rest))

    async def _do_decline(self, rest: str) -> None:
        await self.decline(self._invitation(rest))

    def _invitation(self, wanted: str) -> Invitation:
        """Return the invitation that is meant: the one of this name, of the open room, or the only one."""
        waiting = self.client.invitations
        found = find_room(waiting, wanted) if wanted else None
        if not wanted:
            here = [one for one in waiting if one.id == self.current] or list(waiting)
            found = here[0] if len(here) == 1 else None
        if found is None:
            raise ValueError("There is no such invitation. /invitations lists yours.")
        return found

    async def _do_block(self, rest: str) -> None:
        peer = self.room.peer if self.room is not None and not rest else None
        await self.client.block(peer or parse_user_name(first_word(rest)[0]))
        self.say("Blocked. You won't see their invitations any more; they aren't told.")

    async def _do_unblock(self, rest: str) -> None:
        await self.client.block(parse_user_name(first_word(rest)[0]), on=False)

    async def _do_blocked(self, _rest: str) -> None:
        choices = [(one, peer_line(one)) for one in await self.client.blocked()]
        self.push(ChooseScreen(own("You block", "bold"), choices, "You block nobody."))

    async def _do_topic(self, rest: str) -> None:
        room = self.client.room(self._room())
        if rest == CLEAR:
            await self.client.set_topic(self._room(), "")
        elif rest:
            await self.client.set_topic(self._room(), rest)
        elif room is not None and room.topic:
            self.hint.refuse(join(own("Topic: ", "bold"), peer_line(room.topic)), sign="· ")
        else:
            self.say("This room has no topic. /topic TEXT sets one.")

    async def _do_who(self, _rest: str) -> None:
        self.action_people()

    async def _do_kick(self, rest: str) -> None:
        who, reason = first_word(rest)
        await self.client.kick(self._room(), parse_user_name(who), reason)

    async def _do_ban(self, rest: str) -> None:
        who, tail = first_word(rest)
        length, reason = first_word(tail)
        span = seconds(length)
        await self.client.ban(
            self._room(), parse_user_name(who), seconds=span, reason=reason if span is not None else tail
        )

    async def _do_unban(self, rest: str) -> None:
        await self.client.unban(self._room(), parse_user_name(first_word(rest)[0]))

    async def _do_mute(self, rest: str) -> None:
        who, length = first_word(rest)
        if length and seconds(length) is None:
            raise ValueError("Write how long as 10m, 2h or 7d.")
        await self.client.mute(self._room(), parse_user_name(who), seconds=seconds(length))

    async def _do_unmute(self, rest: str) -> None:
        await self.client.unmute(self._room(), parse_user_name(first_word(rest)[0]))

    async def _do_role(self, rest: str) -> None:
        who, role = first_word(rest)
        if role not in set(Role):
            raise ValueError("A role is owner, moderator or member.")
        room, user = self._room(), parse_user_name(who)
        if role != Role.OWNER:
            await self.client.set_role(room, user, Role(role))
            return
        title = join(own("Make ", "bold"), peer_line(user, style="bold"), own(" an owner?", "bold"))
        why = own("An owner can do everything here, and you can't take it back.")
        self.ask_first(lines(title, why), lambda: self.client.set_role(room, user, Role.OWNER))

    async def _do_react(self, rest: str) -> None:
        entry = self.timeline.selected or next((e for e in reversed(self.timeline.entries) if e.text), None)
        if entry is None or not rest:
            raise ValueError("Write /react and an emoji or a short word.")
        self.react_to(entry, rest)

    async def _do_search(self, rest: str) -> None:
        self.search(rest)

    async def _do_login(self, _rest: str) -> None:
        if not self.client.status.session_ended:
            raise ValueError("You are logged in.")
        self.push(LoginScreen(self.client))

    async def _do_reconnect(self, rest: str) -> None:
        if self.client.status.session_ended:
            await self._do_login(rest)
        else:
            self.client.hurry()

    async def _do_away(self, _rest: str) -> None:
        await self.client.set_status(Status.AWAY)

    async def _do_back(self, _rest: str) -> None:
        await self.client.set_status(Status.ONLINE)

    async def _do_quit(self, _rest: str) -> None:
        self.app.exit()

    def action_people(self) -> None:
        """Show or hide who is here."""
        raise NotImplementedError
