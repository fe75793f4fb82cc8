"""The links of messages: a list if there are several, the dialog about one, then opening or copying it."""

from collections.abc import Sequence

from parlour_client.core.model import Entry, display_name
from parlour_client.kit.language import _
from parlour_client.kit.opener import open_address
from parlour_client.kit.widgets.questions import ChooseScreen
from parlour_client.kit.widgets.safe import ESCAPE, join, own, peer_line
from parlour_client.text.link_details import LinkDetails
from parlour_client.ui.chat.interaction import Interaction
from parlour_client.ui.dialogs.link import LinkAnswer, LinkScreen
from parlour_protocol.kit.text import safe_text

_SHOWN = 160


class LinkActions:
    """Shows links on one chat screen."""

    def __init__(self, interaction: Interaction) -> None:
        self._interaction = interaction

    def choose(self, links: Sequence[tuple[Entry, LinkDetails]], none: str) -> None:
        """Show the only link, or let the person choose one; ``none`` is said if there is none.

        Each comes with its message.
        """
        if not links:
            self._interaction.refuse(none)
            return
        if len(links) == 1:
            self.show(*links[0])
            return
        choices = [
            (
                str(at),
                join(
                    own("! " if link.warnings or link.refusal else "  ", ESCAPE),
                    peer_line(link.text, limit=_SHOWN),
                ),
            )
            for at, (_entry, link) in enumerate(links)
        ]

        def answered(chosen: str | None) -> None:
            if chosen is not None:
                self.show(*links[int(chosen)])

        self._interaction.push(ChooseScreen(own(_("Links"), "bold"), choices, ""), answered)

    def show(self, entry: Entry, link: LinkDetails) -> None:
        """Show one link, and do what the person wants with it."""

        def answered(answer: LinkAnswer | None) -> None:
            match answer:
                case LinkAnswer.OPEN:
                    self._interaction.run(lambda: self._open(link.address), group="link")
                case LinkAnswer.COPY:
                    self._interaction.copy(safe_text(link.text))
                case None:
                    pass

        self._interaction.push(LinkScreen(link, display_name(entry.author)), answered)

    async def _open(self, address: str) -> None:
        await open_address(address, self._interaction.settings.opener)
        self._interaction.say(_("The address was given to the program that opens it."))
