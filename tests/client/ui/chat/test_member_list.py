"""The list of members follows the open room, whatever comes of asking."""

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import pytest
from tests.client.ui.chat.interaction_fake import FakeInteraction
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, GARDEN, LOBBY, FakeClient

from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.model import MemberView
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.errors import ParlourClientError, RefusedError, UnreachableError
from parlour_client.ui.chat.current_room import CurrentRoom
from parlour_client.ui.chat.member_list import MembersController
from parlour_protocol.errors import ErrorCode
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName

EVERYBODY = [ALICE, BOB, CAROL]


@dataclass
class Members:
    """A list of members, a composer, and the controller that fills them."""

    client: FakeClient
    interaction: FakeInteraction = field(default_factory=FakeInteraction)
    shown: list[list[UserName]] = field(default_factory=list)
    people: Mapping[UserName, str] = field(default_factory=dict)
    """Whom the composer completes."""
    known: AbstractSet[str] = frozenset()
    """Whom commands complete."""

    def __post_init__(self) -> None:
        """Open the lobby."""
        self.current = CurrentRoom(self.client)
        self.current.turn_to(LOBBY)
        self.member_list = self.composer = self
        self.controller = MembersController(self)  # type: ignore[arg-type]

    def fill(self, members: Sequence[MemberView], _doubtful: object, *, lost: bool) -> None:
        """Show them."""
        assert lost == (self.current.lost is not None)
        self.shown.append([one.user for one in members])

    async def fail(self, error: ParlourClientError) -> None:
        """Load while the client refuses."""

        async def members(_room: RoomId) -> Sequence[MemberView]:
            raise error

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.client, "members", members)
            await self.controller.load()


@pytest.fixture
def members() -> Members:
    """Return an open room, whose members were not asked for yet."""
    return Members(FakeClient.peopled())


async def test_the_composer_completes_everybody_else(members: Members) -> None:
    """A person mentions themself to nobody."""
    await members.controller.load()
    assert members.shown == [EVERYBODY]
    assert list(members.people) == [BOB, CAROL]


async def test_members_are_asked_for_when_the_connection_comes(members: Members) -> None:
    """A client starts before it is connected: that is no error to tell, and the list does not stay empty."""
    await members.fail(UnreachableError("There is no connection to the server right now."))
    assert members.shown == [[]]
    assert members.interaction.refused == []
    members.controller.load_missing()
    await members.interaction.settle()
    assert members.shown == [[], EVERYBODY]
    members.controller.load_missing()
    await members.interaction.settle()
    assert members.shown == [[], EVERYBODY]  # asked once


async def test_what_was_known_stays_while_there_is_no_connection(members: Members) -> None:
    """The list of another room does not."""
    await members.controller.load()
    gone = UnreachableError("There is no connection to the server right now.")
    members.client.status = ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "not connected")
    await members.fail(gone)
    members.controller.load_missing()
    await members.interaction.settle()
    assert members.shown == [EVERYBODY]
    members.current.turn_to(GARDEN)
    await members.fail(gone)
    assert members.shown == [EVERYBODY, []]


async def test_a_late_answer_is_not_shown_for_another_room(members: Members) -> None:
    """The garden was opened while the lobby's members were on their way."""
    found = members.client.people_in[LOBBY]

    async def late(_room: RoomId) -> Sequence[MemberView]:
        members.current.turn_to(GARDEN)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members.client, "members", late)
        await members.controller.load()
    assert members.shown == []


async def test_a_refusal_is_told_except_by_a_room_that_is_left(members: Members) -> None:
    """The list of rooms says that already."""
    with pytest.raises(RefusedError):
        await members.fail(ChatRefusedError(ErrorCode.RATE_LIMITED))
    members.client.remove_room(LOBBY)
    await members.fail(ChatRefusedError(ErrorCode.NOT_FOUND))
    assert members.shown == []


@pytest.mark.parametrize("first", [0, 1], ids=["in order", "overtaken"])
async def test_the_answer_to_the_last_question_stays(members: Members, first: int) -> None:
    """Someone left while the list was on its way: it is asked for again, and the first answer comes last."""
    answers = [asyncio.get_running_loop().create_future() for _ in range(2)]
    lists, asked = [members.client.people_in[LOBBY], members.client.people_in[LOBBY][:2]], iter(answers)

    async def one_after_another(_room: RoomId) -> Sequence[MemberView]:
        return await next(asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members.client, "members", one_after_another)
        loads = [asyncio.ensure_future(members.controller.load()) for _ in answers]
        await asyncio.sleep(0)
        for at in (first, 1 - first):
            answers[at].set_result(lists[at])
            await loads[at]
    assert members.shown[-1] == [ALICE, BOB]
    assert list(members.people) == [BOB]


async def test_an_answer_is_shown_though_the_next_one_does_not_come(members: Members) -> None:
    """The connection broke after the second question: the first answer is the best there is."""
    answer = asyncio.get_running_loop().create_future()

    async def one(_room: RoomId) -> Sequence[MemberView]:
        return await answer  # type: ignore[no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members.client, "members", one)
        load = asyncio.ensure_future(members.controller.load())
        await asyncio.sleep(0)
    await members.fail(UnreachableError("There is no connection to the server right now."))
    answer.set_result(members.client.people_in[LOBBY])
    await load
    assert members.shown[-1] == EVERYBODY


async def test_the_list_is_about_the_room_that_comes_to_the_front(members: Members) -> None:
    """Also without a connection: people of the other room are no members of this one."""
    await members.controller.load()
    members.fill([], None, lost=False)  # by the room that was in front
    members.client.online = False

    async def unreachable(_room: RoomId) -> Sequence[MemberView]:
        raise UnreachableError("There is no connection to the server right now.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members.client, "members", unreachable)
        members.controller.come_to_front()
        await members.interaction.settle()
        assert members.shown == [EVERYBODY, [], EVERYBODY]
        members.current.turn_to(GARDEN)  # which was never loaded
        members.controller.come_to_front()
        await members.interaction.settle()
        assert members.shown[3] == []
