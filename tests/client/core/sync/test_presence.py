"""Who types and who is here."""

from tests.client.core.core_fake import ALICE, BOB, LOBBY, FakeClock

from parlour_client.core.events import Change, PresenceChanged, TypingChanged
from parlour_client.core.sync.presence import TYPING_SECONDS, Presence
from parlour_protocol.frames.replies import StatusUpdate, TypingUpdate
from parlour_protocol.rooms import Status


def test_typing_ends_by_itself() -> None:
    """Who began to type and is never heard of again is taken off; so is who sends."""
    clock, told = FakeClock(), list[Change]()
    presence = Presence(ALICE, clock, told.append)
    presence.typing(TypingUpdate(room=LOBBY, user=BOB, on=True))
    presence.typing(TypingUpdate(room=LOBBY, user=ALICE, on=True))
    assert told == [TypingChanged(LOBBY, (BOB,))]
    clock.advance(TYPING_SECONDS - 1)
    presence.typing(TypingUpdate(room=LOBBY, user=BOB, on=True))
    clock.advance(TYPING_SECONDS - 1)
    assert told[-1] == TypingChanged(LOBBY, (BOB,))
    clock.advance(2)
    assert told[-1] == TypingChanged(LOBBY, ())
    presence.typing(TypingUpdate(room=LOBBY, user=BOB, on=True))
    presence.stopped(LOBBY, BOB)
    assert told[-1] == TypingChanged(LOBBY, ())


def test_presence_is_pushed_and_ends_typing() -> None:
    """Who went does not type."""
    clock, told = FakeClock(), list[Change]()
    presence = Presence(ALICE, clock, told.append)
    presence.typing(TypingUpdate(room=LOBBY, user=BOB, on=True))
    presence.status(StatusUpdate(user=BOB, status=Status.OFFLINE))
    assert told[1:] == [PresenceChanged(BOB, Status.OFFLINE), TypingChanged(LOBBY, ())]
