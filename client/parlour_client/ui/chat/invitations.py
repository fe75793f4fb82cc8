"""Invitations: their questions and answers.

Names are checked types and go through ``peer_line`` all the same; nothing else of a stranger's is shown.
"""

from collections.abc import Awaitable, Callable, Sequence

from textual.content import Content

from parlour_client.core.model import Invitation
from parlour_client.kit.language import _
from parlour_client.kit.widgets.questions import ChooseScreen
from parlour_client.kit.widgets.safe import filled, join, own, peer_line
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.pane import Pane
from parlour_protocol.ids import RoomId
from parlour_protocol.rooms import RoomKind


def question(invitation: Invitation) -> Content:
    """Return the question."""
    if invitation.kind is RoomKind.DIRECT:
        return filled(
            _("{user} wants to message you"), "bold", user=peer_line(invitation.inviter, style="bold")
        )
    kinds = {
        (RoomKind.PUBLIC, False): _("{user} invites you to {room}, a public room"),
        (RoomKind.PUBLIC, True): _("{user} invites you to {room}, an encrypted public room"),
        (RoomKind.PRIVATE, False): _("{user} invites you to {room}, a private room"),
        (RoomKind.PRIVATE, True): _("{user} invites you to {room}, an encrypted private room"),
    }
    return filled(
        kinds[invitation.kind, invitation.encrypted],
        "bold",
        user=peer_line(invitation.inviter, style="bold"),
        room=peer_line(invitation.title, style="bold"),
    )


def answers(invitation: Invitation) -> Sequence[tuple[str, Content]]:
    """Return the possible answers."""
    return [
        ("accept", own(_("Accept"))),
        ("decline", own(_("Decline; they aren't notified"))),
        ("block", filled(_("Block {user}; they aren't notified"), user=peer_line(invitation.inviter))),
    ]


def _row(invitation: Invitation) -> Content:
    return join(
        peer_line(invitation.title, style="bold"),
        filled(_(" by {user}"), "dim", user=peer_line(invitation.inviter)),
    )


class InvitationPrompts:
    """Asks about invitations and applies the answers."""

    def __init__(
        self,
        pane: Pane,
        composing: ComposerController,
        open_room: Callable[[RoomId], Awaitable[None]],
    ) -> None:
        self._client, self._interaction, self._open_room = pane.client, pane.interaction, open_room
        self._composing = composing

    def choose(self) -> None:
        """List the invitations, and ask about the chosen one."""
        choices = [(invitation.id, _row(invitation)) for invitation in self._client.invitations.all]

        def answered(chosen: str | None) -> None:
            if chosen:
                self.ask(RoomId(chosen))

        screen = ChooseScreen(own(_("Invitations"), "bold"), choices, _("You have no invitations."))
        self._interaction.push(screen, answered)

    def ask(self, room: RoomId) -> None:
        """Ask what to do about an invitation."""
        invitation = next(
            (invitation for invitation in self._client.invitations.all if invitation.id == room), None
        )
        if invitation is None:
            return

        def answer(chosen: str | None) -> None:
            match chosen:
                case "accept":
                    self._composing.opening(lambda: self.accept(invitation))
                case "decline":
                    self._interaction.run(lambda: self.decline(invitation))
                case "block":
                    self._interaction.run(lambda: self._client.invitations.block(invitation.inviter))
                case _:
                    pass

        self._interaction.push(ChooseScreen(question(invitation), answers(invitation), ""), answer)

    async def accept(self, invitation: Invitation) -> None:
        """Join a room that the person is invited to, or accept a direct one."""
        room = await self._client.invitations.accept(invitation.id)
        await self._open_room(room.id)

    async def decline(self, invitation: Invitation) -> None:
        """Decline an invitation."""
        await self._client.invitations.decline(invitation.id)
        self._interaction.say(_("Declined. {user} isn't notified.").format(user=invitation.inviter))
