"""Extras of the client, beside its core: without its folder and the two lines here, one is gone.

Each is a folder whose ``register`` adds to the places of ``Registry``. Importing it is cheap: what it shows
is imported when it is used. Extras import the rest of the client and never each other.
"""

from collections.abc import Callable
from typing import Final

from parlour_client.extras.company_login import register as company_login
from parlour_client.extras.factor_commands import register as factor_commands
from parlour_client.extras.jump import register as jump
from parlour_client.extras.monitor import register as monitor
from parlour_client.extras.operator_notices import register as operator_notices
from parlour_client.extras.picture_previews import register as picture_previews
from parlour_client.extras.screen_lock import register as screen_lock
from parlour_client.extras.spell_check import register as spell_check
from parlour_client.extras.theme_files import register as theme_files
from parlour_client.extras.tour import register as tour
from parlour_client.extras.two_rooms import register as two_rooms
from parlour_client.extras.unread_title import register as unread_title
from parlour_client.extras.vim import register as vim
from parlour_client.ui.registry import REGISTRY, Registry

EXTRAS: Final[tuple[Callable[[Registry], None], ...]] = (
    company_login,
    factor_commands,
    jump,
    monitor,
    operator_notices,
    picture_previews,
    screen_lock,
    spell_check,
    theme_files,
    tour,
    two_rooms,
    unread_title,
    vim,
)  # fmt: skip


def register_all() -> None:
    """Add each of them, once in a process."""
    if REGISTRY.packages:
        return
    for register in EXTRAS:
        register(REGISTRY)
        REGISTRY.packages.append(register.__module__)
