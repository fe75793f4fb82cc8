"""The steps of the demo's tour: what a newcomer does in the first minute."""

from typing import Final

from parlour_client.extras.tour.panel import Action, Step
from parlour_client.kit.language import N_

TOUR: Final = (
    Step(
        N_("You are guest, on a server that lives only for this demo. Write a line; Enter sends it."),
        Action.WRITE,
    ),
    Step(
        N_("Which do you like? Alt+L switches between the two; F8 takes what you see. Later: F10."),
        layouts=True,
    ),
    Step(N_("Reply: Alt+Up selects a message, r replies to it."), Action.REPLY),
    Step(N_("React: Alt+Up, then + and Enter."), Action.REACT),
    Step(N_("Search: F3, then type tomatoes. Esc comes back."), Action.SEARCH),
    Step(
        N_("Mallory's messages are attacks, shown as text: select one, and i shows each character."),
        Action.OPEN_PAGE,
    ),
    Step(
        N_("Write to one person: /dm cora, then a line. It is encrypted, and she answers."),
        Action.WRITE_DIRECTLY,
    ),
    Step(N_("Ctrl+K goes anywhere, F1 explains what has the focus. Ctrl+Q ends and deletes everything.")),
)
