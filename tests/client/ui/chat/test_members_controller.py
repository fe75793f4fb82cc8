"""The list of members follows the open room, whatever comes of asking."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from tests.client.ui.chat.interaction_fake import FakeInteraction
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, GARDEN, LOBBY, FakeClient

from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.model import MemberView
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.errors import ParlourClientError, RefusedError, UnreachableError
from parlour_client.ui.chat.current_room import CurrentRoom
from parlour_client.ui.chat.members_controller import MembersController
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
    people: Sequence[UserName] = ()
    """Whom the composer completes."""

    def __post_init__(self) -> None:
        """Open the lobby."""
        self.current = CurrentRoom(self.client)
        self.current.id = LOBBY
        self.controller = MembersController(self.client, self.current, self, self, self.interaction)  # type: ignore[arg-type]

    def fill(self, members: Sequence[MemberView]) -> None:
        """Show them."""
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
    assert members.people == [BOB, CAROL]


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
    members.current.id = GARDEN
    await members.fail(gone)
    assert members.shown == [EVERYBODY, []]


async def test_a_late_answer_is_not_shown_for_another_room(members: Members) -> None:
    """The garden was opened while the lobby's members were on their way."""
    found = members.client.people_in[LOBBY]

    async def late(_room: RoomId) -> Sequence[MemberView]:
        members.current.id = GARDEN
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
