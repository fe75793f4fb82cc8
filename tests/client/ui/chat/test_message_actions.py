"""What can be done with one message, by whose it is and how far it has come."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.client.ui.chat.interaction_fake import FakeInteraction
from tests.client.ui.ui_fake import ALICE, BOB, LOBBY, FakeClient

from parlour_client.commands import history, messages, people
from parlour_client.commands.command import Command
from parlour_client.core.model import Delivery, Entry
from parlour_client.ui.chat.message_actions import MessageActions
from parlour_client.ui.chat.timeline.keys import MessageAction
from parlour_client.ui.dialogs.reaction import ReactScreen
from parlour_client.ui.toasts import Toast
from parlour_protocol.frames import bodies
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq, new_request_id


@dataclass
class Screen:
    """The parts of a chat screen that the actions use, which note what they are asked for."""

    client: FakeClient = field(default_factory=FakeClient.peopled)
    interaction: FakeInteraction = field(default_factory=FakeInteraction)
    asked: list[tuple[object, ...]] = field(default_factory=list)

    def reply_to(self, entry: Entry, seq: Seq) -> None:
        """Write a reply, as the composer does."""
        self.asked.append(("reply", entry.text, seq))

    def edit(self, entry: Entry, seq: Seq) -> None:
        """Write another text, as the composer does."""
        self.asked.append(("edit", entry.text, seq))

    async def reveal(self, room: RoomId, seq: Seq) -> None:
        """Go to a message, as the navigation does."""
        self.asked.append(("reveal", room, seq))

    async def mark_unread(self, seq: Seq) -> None:
        """Keep it unread, as the navigation does."""
        self.asked.append(("unread", seq))

    def act_soon(self, command: Command[..., Any], **given: object) -> None:
        """Run a command."""
        self.asked.append((command, given.get("message") or given.get("user"), given.get("emoji")))

    async def act(self, action: MessageAction, entry: Entry) -> None:
        """Press a key on a message."""
        self.actions().act(action, entry)
        await self.interaction.settle()

    def actions(self) -> MessageActions:
        """Return the actions of this screen."""
        return MessageActions(self, self, self, self, self)  # type: ignore[arg-type]


@pytest.fixture
def screen() -> Screen:
    """Return a lobby with a few messages."""
    return Screen()


def unsent(screen: Screen) -> Entry:
    """Return an own message that the server does not have."""
    entry = screen.client.say(LOBBY, ALICE, "later")
    return replace(entry, seq=None, request=new_request_id(), delivery=Delivery.FAILED)


async def test_only_own_messages_can_be_edited(screen: Screen) -> None:
    """On those of others it says so."""
    mine, theirs = screen.client.say(LOBBY, ALICE, "tyop"), screen.client.say(LOBBY, BOB, "hello")
    await screen.act(MessageAction.EDIT, mine)
    await screen.act(MessageAction.EDIT, theirs)
    assert screen.asked == [("edit", "tyop", mine.seq)]
    assert screen.interaction.toasts == [Toast.NOT_YOURS]


@pytest.mark.parametrize(
    "action",
    [
        MessageAction.REPLY,
        MessageAction.EDIT,
        MessageAction.REACT,
        MessageAction.UNREAD,
        MessageAction.DELETE,
        MessageAction.STAR,
        MessageAction.PIN,
        MessageAction.HISTORY,
        MessageAction.SAVE,
    ],
)
async def test_what_names_a_message_waits_until_the_server_has_it(
    screen: Screen, action: MessageAction
) -> None:
    """It has no number yet."""
    await screen.act(action, unsent(screen))
    assert screen.interaction.toasts == [Toast.NOT_STORED]
    assert screen.asked == []
    assert screen.interaction.dialogs == []


async def test_only_what_is_not_stored_is_sent_again_or_cancelled(screen: Screen) -> None:
    """A stored message keeps its request's id, and nothing is sent twice."""
    waiting, entry = unsent(screen), screen.client.say(LOBBY, ALICE, "stored")
    stored = replace(entry, request=new_request_id())
    for action in (MessageAction.RETRY, MessageAction.CANCEL):
        await screen.act(action, stored)
    assert screen.client.calls == []
    await screen.act(MessageAction.RETRY, waiting)
    assert screen.client.calls == [("retry", waiting.request)]


async def test_a_reaction_is_asked_for_and_may_be_left_out(screen: Screen) -> None:
    """Closing the dialog reacts with nothing."""
    entry = screen.client.say(LOBBY, BOB, "news")
    await screen.act(MessageAction.REACT, entry)
    (dialog,) = screen.interaction.dialogs
    assert isinstance(dialog, ReactScreen)
    await screen.interaction.answer(None)
    assert screen.asked == []
    await screen.interaction.answer("🎉")
    assert screen.asked == [(messages.react, entry.seq, "🎉")]


async def test_the_parent_is_what_it_answers_or_has_pinned(screen: Screen) -> None:
    """A message that answers nothing leads nowhere."""
    first = screen.client.say(LOBBY, BOB, "first")
    assert first.seq is not None
    reply = screen.client.say(LOBBY, ALICE, "second", reply_to=first.seq)
    pin = screen.client.happen(LOBBY, BOB, bodies.Pinned(target=Seq(2), on=True))
    for entry in (first, reply, pin):
        await screen.act(MessageAction.PARENT, entry)
    assert screen.asked == [("reveal", LOBBY, first.seq), ("reveal", LOBBY, Seq(2))]


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("curl x\x1b[8m;evil", "curl x⟦ESC⟧[8m;evil"),
        ("ls\x1b[201~\rreboot\r", "ls⟦ESC⟧[201~⟦CR⟧reboot⟦CR⟧"),
        ("ls\x9b201~reboot", "ls⟦U+009B⟧201~reboot"),
        ("ls\u202egnp", "ls⟦U+202E⟧gnp"),
    ],
)
async def test_copying_copies_what_is_shown(screen: Screen, text: str, copied: str) -> None:
    """L10: no escape reaches the clipboard, so pasting it into a shell can't end the bracketed paste."""
    await screen.act(MessageAction.COPY, screen.client.say(LOBBY, BOB, text))
    assert screen.interaction.copied == [copied]


async def test_code_is_copied_without_fences_one_block_after_the_other(screen: Screen) -> None:
    """The text as it is shown, without label, indent or fold; the same key goes on to the next block."""
    code = "\n".join(f"line {number} " + "x" * 100 for number in range(40)) + "\n\x1b[200~"
    entry = screen.client.say(LOBBY, BOB, f"one\n```py\n{code}\n```\n```\nother\n```")
    actions = screen.actions()
    for _ in range(3):
        actions.act(MessageAction.COPY_CODE, entry)
    shown = code.replace("\x1b", "⟦ESC⟧")
    assert screen.interaction.copied == [shown, "other", shown]
    assert screen.interaction.said == [f"Code block {number} of 2 (c: the next one)" for number in (1, 2, 1)]


async def test_there_is_no_code_to_copy(screen: Screen) -> None:
    """The key says so, and the clipboard stays as it was."""
    await screen.act(MessageAction.COPY_CODE, screen.client.say(LOBBY, BOB, "`inline`"))
    assert not screen.interaction.copied
    assert screen.interaction.said == ["This message has no code block."]


@pytest.mark.parametrize(
    ("action", "command"),
    [
        (MessageAction.DELETE, messages.delete),
        (MessageAction.STAR, messages.star),
        (MessageAction.PIN, messages.pin),
        (MessageAction.HISTORY, history.history),
        (MessageAction.REPORT, messages.report),
    ],
)
async def test_other_keys_are_commands_on_the_message(
    screen: Screen, action: MessageAction, command: Command[..., Any]
) -> None:
    """They ask and refuse as the command does where it is written."""
    entry = screen.client.say(LOBBY, BOB, "hello")
    await screen.act(action, entry)
    await screen.act(MessageAction.PERSON, entry)
    assert screen.asked == [(command, entry.seq, None), (people.whois, BOB, None)]
