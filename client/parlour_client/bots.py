"""Bots: programs that chat. Give a ``Bot`` what to do with a message, and run it.

    bot = Bot(Path("~/.local/share/my-bot").expanduser())

    @bot.on_message
    async def answer(message: Incoming) -> None:
        if message.text == "!ping":
            await message.reply("pong")

    asyncio.run(bot.run())

A bot is a client like any other: it has an account and a home folder (`parlour --home DIR join …`), gets
each message once and in order, over drops of the connection and its own restarts alike if it keeps the
number of the last one. It never sees its own messages. What people write is ``WireText``: text to work with,
never to print to a terminal; ``safe_text`` makes it visible.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.client import Client
from parlour_client.core.events import Change, RoomsChanged, StatusChanged
from parlour_client.core.model import Invitation, Room
from parlour_client.kit.account.profile import Account
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import ParlourClientError, RefusedError, StoppedError
from parlour_client.kit.language import _
from parlour_protocol.frames.bodies import Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.secret import Secret
from parlour_protocol.rooms import RoomKind


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message by someone else."""

    bot: "Bot"
    room: Room
    seq: Seq
    at: Millis
    author: UserName
    text: WireText
    reply_to: Seq | None

    async def reply(self, text: str) -> Seq:
        """Reply to it; returns when the server has stored the reply."""
        return await self.bot.say(self.room.id, text, reply_to=self.seq)

    async def react(self, reaction: str) -> None:
        """React to it."""
        await self.bot.client.messages.react(self.room.id, self.seq, reaction)


Handler = Callable[[Incoming], Awaitable[None]]
Decide = Callable[[Invitation], Awaitable[bool]]
"""Says whether to accept an invitation; False declines it."""


class Bot:
    """A client with handlers."""

    def __init__(self, home: Path, *, passphrase: Secret | None = None, client: Client | None = None) -> None:
        self.client = client or Client(ChatHome(home), passphrase=passphrase)
        self.started = asyncio.Event()
        """Set once the bot is connected and every room has caught up."""
        self._handlers: list[Handler] = []
        self._decide: Decide | None = None
        self._seen: dict[RoomId, Seq] = {}

    @property
    def account(self) -> Account:
        """The bot's account, while it runs."""
        return self.client.account

    def on_message(self, handler: Handler) -> Handler:
        """Call ``handler`` for each message by someone else, one after the other."""
        self._handlers.append(handler)
        return handler

    def on_invitation(self, decide: Decide) -> Decide:
        """Let ``decide`` say which invitations the bot accepts; without it none is accepted or declined.

        A direct room that someone opened needs no acceptance: the bot's first reply there accepts it.
        """
        self._decide = decide
        return decide

    def resume(self, room: RoomId, after: Seq) -> None:
        """Begin after this number in this room, instead of with new messages."""
        self._seen[room] = after

    async def say(self, room: RoomId, text: str, *, reply_to: Seq | None = None) -> Seq:
        """Send a message; returns its number when the server has stored it."""
        entry = await self.client.messages.send(room, text, reply_to=reply_to)
        if entry.request is None:
            raise StoppedError(_("The message was not queued."))
        return await self.client.messages.stored(entry.request)

    def room(self, title: str) -> Room:
        """Return the room named `lobby` or `@user`. Raises LookupError."""
        return next(room for room in self.client.rooms.all if room.title == title)

    async def run(self) -> None:
        """Run until cancelled. Raises why the client stopped: an ended session, a changed pin."""
        some = asyncio.Event()

        def hear(change: Change) -> None:
            if not isinstance(change, StatusChanged) or change.status.state is not LinkState.CONNECTING:
                some.set()
            if isinstance(change, RoomsChanged):
                self._begin_new_rooms()

        await self.client.start()
        unsubscribe = self.client.events.subscribe(hear)
        try:
            await self.client.connection.ready()
            self._begin_new_rooms()
            self.started.set()
            await self._work(some)
        finally:
            unsubscribe()
            await self.client.stop()

    def _begin_new_rooms(self) -> None:
        """Begin every new room with its next message."""
        for room in self.client.rooms.all:
            self._seen.setdefault(room.id, room.head)

    async def _work(self, some: asyncio.Event) -> None:
        while self.client.connection.status.state is not LinkState.STOPPED:
            some.clear()
            await self._answer_invitations()
            for room in self.client.rooms.all:
                await self._read(room)
            await some.wait()
        raise ParlourClientError(self.client.connection.status.problem or _("The client stopped."))

    async def _answer_invitations(self) -> None:
        for invitation in self.client.invitations.all if self._decide is not None else ():
            if invitation.kind is RoomKind.DIRECT or self._decide is None:
                continue
            try:
                if await self._decide(invitation):
                    await self.client.invitations.accept(invitation.id)
                else:
                    await self.client.invitations.decline(invitation.id)
            except RefusedError:
                pass  # withdrawn meanwhile, or the bot is in too many rooms

    async def _read(self, room: Room) -> None:
        while room.head > self._seen.get(room.id, room.head):
            events = await self.client.history.log(room.id, after=self._seen[room.id])
            if not events:
                return
            for event in events:
                self._seen[room.id] = event.seq
                if isinstance(event.body, Message) and event.author != self.account.user:
                    body = event.body
                    message = Incoming(
                        self, room, event.seq, event.at, event.author, body.text, body.reply_to
                    )
                    for handler in self._handlers:
                        await handler(message)
