"""One outgoing request: its state, and the row that a view shows."""

import asyncio
from dataclasses import dataclass, field

from parlour_client.core.e2ee.group.contents import SendContent
from parlour_client.core.model import Delivery, Entry, Outgoing
from parlour_client.kit.account.profile import Account
from parlour_client.kit.errors import ParlourClientError
from parlour_protocol.frames.bodies import Deleted, Edited, Message, Pinned, Reacted
from parlour_protocol.frames.replies import Stored
from parlour_protocol.frames.requests import Delete, Edit, Pin, React, Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, RequestId, Seq

DurableRequest = Send | Edit | Delete | React | Pin
"""What a person writes: it is kept until the server has it."""


@dataclass(frozen=True, slots=True)
class StoredAt:
    """The place of a request in its room's log, and the server's time."""

    room: RoomId
    seq: Seq
    at: Millis


@dataclass(slots=True)
class Item:
    """One outgoing request."""

    position: int
    frame: DurableRequest | SendContent
    at: Millis
    delivery: Delivery
    stored: StoredAt | None = None
    error: ParlourClientError | None = None
    tries: int = 0
    waits: ParlourClientError | None = None
    """Why it is held, while it is."""
    left: bool = False
    """The server may have it."""
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def request(self) -> RequestId:
        """The request's id."""
        return self.frame.id

    def is_at(self, room: RoomId, first: Seq, last: Seq) -> bool:
        """Say whether the server stored it at one of these places."""
        return self.stored is not None and self.stored.room == room and first <= self.stored.seq <= last

    def outgoing(self, account: Account) -> Outgoing | None:
        """Return it as the list of outgoing requests shows it, if it does."""
        frame = self.frame
        match frame:
            case Send():
                return Outgoing(self.message(frame, account))
            case Edit():
                return Outgoing(self._change(Edited(frame.target, frame.text), account), "edit")
            case Delete():
                return Outgoing(self._change(Deleted(frame.target), account), "deletion")
            case React():
                body = Reacted(frame.target, frame.reaction, frame.on)
                return Outgoing(self._change(body, account), "reaction")
            case Pin():
                return Outgoing(self._change(Pinned(frame.target, frame.on), account), "pin")
            case SendContent():
                return None

    def message(self, frame: Send, account: Account) -> Entry:
        """Return the row of a message at the end of a timeline; ``frame`` is this item's."""
        why = self.error if self.delivery is Delivery.FAILED else self.waits
        return Entry(
            room=frame.room,
            at=self.stored.at if self.stored else self.at,
            author=account.user,
            device=account.device,
            body=Message(text=frame.text, reply_to=frame.reply_to, file=frame.file),
            seq=self.stored.seq if self.stored else None,
            request=self.request,
            text=frame.text,
            reply_to=frame.reply_to,
            delivery=self.delivery,
            problem=why.whole if why is not None else "",
        )

    def _change(self, body: Edited | Deleted | Reacted | Pinned, account: Account) -> Entry:
        return Entry(
            room=self.frame.room,
            at=self.at,
            author=account.user,
            device=account.device,
            body=body,
            request=self.request,
            delivery=self.delivery,
            text=body.text if isinstance(body, Edited) else None,
        )


def at_of(stored: Stored) -> StoredAt:
    """Parse the place in a server's answer."""
    return StoredAt(stored.room, stored.seq, stored.at)
