"""One finding of `doctor`."""

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["danger", "advice", "fine"]
DANGER: Final = "danger"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. One that is not "fine" says what to do."""

    level: Level
    about: str
    text: str
