"""What the terminal can draw: real pictures by one of three protocols, or half blocks."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parlour_client.kit.pictures.protocols import Protocol
from parlour_client.kit.terminal.safe_app import SafeApp

_ASK_KITTY: Final = "\x1b_Gi=1,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
_SIXEL_ATTRIBUTE: Final = "4"
"""Of the answer to DA1."""
_ITERM2_PROGRAMS: Final = {"iTerm.app", "WezTerm", "mintty"}
"""The TERM_PROGRAM of terminals with iTerm2's protocol, for which no terminal can be asked."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """A protocol, and how many pixels a cell has."""

    protocol: Protocol
    cell_width: int
    cell_height: int


async def find_canvas(app: SafeApp, environment: Mapping[str, str] = os.environ) -> Canvas | None:
    """Return how the terminal shows pictures; None where only half blocks will do."""
    width, height = app.cell_pixels
    if not width or not height:
        return None  # nobody could say which cells a picture covers
    protocol = await _find_protocol(app, environment)
    return None if protocol is None else Canvas(protocol, width, height)


async def _find_protocol(app: SafeApp, environment: Mapping[str, str]) -> Protocol | None:
    *kitty, attributes = (await app.ask_terminal(_ASK_KITTY)).split("\x1b[?")
    if any(answer.endswith(";OK\x1b\\") for answer in kitty):
        return Protocol.KITTY
    is_inside = "TMUX" in environment or "STY" in environment  # tmux and screen don't pass the sequence on
    is_iterm2 = environment.get("LC_TERMINAL") == "iTerm2"  # comes along over SSH
    if not is_inside and (is_iterm2 or environment.get("TERM_PROGRAM") in _ITERM2_PROGRAMS):
        return Protocol.ITERM2
    return Protocol.SIXEL if _SIXEL_ATTRIBUTE in attributes.removesuffix("c").split(";")[1:] else None
