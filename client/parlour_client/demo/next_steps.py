"""What to do after the demo, in one screen: the commands that join a server, or run one."""

import shlex
import sysconfig
from pathlib import Path
from typing import Final

from parlour_client.kit.language import N_, _
from parlour_client.kit.programs import find_program

_STEPS: Final = (
    (
        N_("Someone sent you an invite link? Join with it:"),
        ("parlour join 'parlour://chat.example.org:8443/join#code=…&pin=…'",),
    ),
    (
        N_("Run a server for your friends, under the name that they reach it by:"),
        (
            "parlour-server init --data ~/parlour --name chat.example.org",
            "parlour-server run --data ~/parlour --listen 0.0.0.0:8443",
        ),
    ),
    (
        N_("While it runs, make a link that six people can join with, you among them:"),
        ("parlour-server invite create --data ~/parlour --uses 6",),
    ),
)


def next_steps() -> str:
    """Return the text. Programs that are not on the ``PATH`` are written with their folder."""
    folder = "" if find_program("parlour") else _folder()
    parts = [_("The demo is over. Its server, its people and all messages are deleted.")]
    for words, commands in _STEPS:
        parts += ["", _(words), *(f"  {folder}{command}" for command in commands)]
    parts += [
        "",
        _("To try it on this computer only: --name localhost, --listen 127.0.0.1:8443."),
        _("parlour --help and parlour-server --help have everything else."),
    ]
    return "\n".join(parts)


def _folder() -> str:
    """Return where this environment's programs are, as a shell takes it before their names."""
    scripts, here = Path(sysconfig.get_path("scripts")), Path.cwd()
    return shlex.quote(f"{scripts.relative_to(here) if scripts.is_relative_to(here) else scripts}/")
