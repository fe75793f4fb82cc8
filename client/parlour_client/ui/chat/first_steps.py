"""What to do where nothing has happened yet: no room is open, or nothing was written in a new one.

Each entry names the command that does it. Choosing it runs the command, or begins it in the composer if it
needs a name.
"""

from typing import ClassVar, Final

from textual.widgets import OptionList

from parlour_client.core.model import Room
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.safe import join, lines, option, own
from parlour_protocol.rooms import RoomKind

_WRITE: Final = ""
"""The step that only goes to the composer."""
_NO_ROOM: Final = (
    ("/rooms", N_("Browse the public rooms")),
    ("/dm ", N_("Write to someone")),
    ("/create ", N_("Create a room")),
)
_QUIET: Final = (
    (_WRITE, N_("Write the first message")),
    ("/invite ", N_("Invite someone")),
    ("/rooms", N_("Browse the public rooms")),
)


class FirstSteps(OptionList):
    """The steps that make sense now."""

    HELP: ClassVar[str | None] = N_(
        "Up and Down choose what to do, Enter does it. Letters go to the composer."
    )
    DEFAULT_CSS = """
    FirstSteps { height: 1fr; padding: 1 2 !important; background: $background; border: none !important; }
    FirstSteps.-quiet { height: auto; max-height: 6; padding: 0 1 !important; }
    """
    FOCUS_ON_CLICK = False  # a click does it

    def __init__(self) -> None:
        super().__init__(id="empty", markup=False, compact=True)
        self._shown: object = None

    def show(self, room: Room | None, *, quiet: bool) -> None:
        """Show the steps without a room, or in a ``quiet`` one, where nothing was written."""
        quiet = quiet and room is not None and room.kind is not RoomKind.DIRECT
        self.display = room is None or quiet
        steps = _QUIET if quiet else _NO_ROOM
        if self._shown is steps:
            return
        self._shown = steps
        self.set_class(quiet, "-quiet")
        title = own(_("Nothing has been written here yet") if quiet else _("No room is open"), "bold")
        self.set_options(
            [
                option(title if quiet else lines(title, own("")), disabled=True),
                *(
                    option(join(own(_(words)), own(f"  {line}", "dim")), id=f"step:{line}")
                    for line, words in steps
                ),
            ]
        )
        self.highlighted = 1


def step_of(option_id: str | None) -> str:
    """Return the command of a chosen step, with a blank behind it if something has to be added."""
    return (option_id or "").removeprefix("step:")
