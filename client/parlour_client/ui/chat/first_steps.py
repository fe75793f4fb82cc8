"""Hints where nothing has happened yet or nothing can: without a room, in a new one, in a lost one.

Each entry names the command that does it. Choosing it runs the command, or begins it in the composer if it
needs a name. The list never goes away while it has the focus: the next Enter would be the composer's.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from parlour_client.core.model import Room
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.questions import Choices
from parlour_client.kit.widgets.safe import join, lines, option, own
from parlour_client.ui.chat.removal import Removal
from parlour_protocol.rooms import RoomKind

_WRITE: Final = ""
"""The step that only goes to the composer."""
GO: Final = "go"
"""The step that lists everything one can go to."""
COPY: Final = "copy"
"""The step that copies what is in the composer."""
Steps = Sequence[tuple[str, str]]
_NO_ROOM: Final[Steps] = (
    ("/rooms", N_("Browse the public rooms")),
    ("/dm ", N_("Write to someone")),
    ("/create ", N_("Create a room")),
)
_NONE_OPEN: Final[Steps] = ((GO, N_("Go to one of your rooms")), *_NO_ROOM)
_QUIET: Final[Steps] = (
    (_WRITE, N_("Write the first message")),
    ("/invite ", N_("Invite someone")),
    ("/rooms", N_("Browse the public rooms")),
)
_KEYS: Final = {GO: "Ctrl+K", COPY: "", _WRITE: ""}


class FirstSteps(Choices):
    """The steps that make sense now."""

    HELP: ClassVar[str | None] = N_(
        "Up and Down choose what to do, Enter does it. Letters go to the composer."
    )
    DEFAULT_CSS = """
    FirstSteps { height: 1fr; padding: 1 0; background: $background; }
    FirstSteps.-quiet { height: auto; max-height: 8; padding: 0; }
    """
    FOCUS_ON_CLICK = False  # a click does it

    def __init__(self) -> None:
        super().__init__(id="empty")
        self._shown: object = None
        self._wanted = True

    def show(
        self, room: Room | None, *, quiet: bool, lost: Removal | None = None, has_rooms: bool = False
    ) -> None:
        """Show the steps without a room, in a ``lost`` one, or in a ``quiet`` one: no one wrote there."""
        quiet = quiet and room is not None and room.kind is not RoomKind.DIRECT
        self._wanted = room is None or quiet
        if not self._wanted:
            self._hide()
            return
        self.display = True
        steps, title = _QUIET, [own(_("Nothing has been written here yet"), "bold")]
        if lost is not None:  # the heading says how
            steps, title = _after(lost), []
        elif not quiet:
            steps = _NONE_OPEN if has_rooms else _NO_ROOM
            title = [lines(own(_("No room is open"), "bold"), own(""))]
        if self._shown == steps:
            return
        self._shown = steps
        self.set_class(room is not None or lost is not None, "-quiet")
        self.set_options(
            [
                *(option(words, disabled=True) for words in title),
                *(
                    option(join(own(_(words)), own(f"  {_KEYS.get(line, line)}", "dim")), id=f"step:{line}")
                    for line, words in steps
                ),
            ]
        )
        self.highlighted = len(title)

    def on_blur(self) -> None:
        """Go away now, if that was wanted meanwhile."""
        if not self._wanted:
            self.display = False

    def _hide(self) -> None:
        if not self.has_focus:
            self.display = False


def _after(lost: Removal) -> Steps:
    """Return what can be done about a lost room."""
    steps: list[tuple[str, str]] = [(GO, N_("Go to another room"))]
    if not (lost.deleted or lost.banned):
        if lost.room.kind is RoomKind.PUBLIC and lost.room.name is not None:
            steps.append((f"/join {lost.room.name}", N_("Join it again")))
        elif lost.by is not None:
            steps.append((f"/dm {lost.by}", N_("Ask to be invited again")))
    steps.append((COPY, N_("Copy what you wrote")))
    return tuple(steps)


def step_of(option_id: str | None) -> str:
    """Return the command of a chosen step, with a blank behind it if something has to be added."""
    return (option_id or "").removeprefix("step:")
