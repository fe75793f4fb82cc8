"""The systemd unit of a server: that of `deploy/`, with a program's names in it."""

import re
import shlex
import sys
from pathlib import Path
from typing import Final

from parlour_server.core.program_name import ProgramName

_NAME: Final = "parlour-server.service"
_HERE: Final = Path(__file__).resolve()
_PACKAGED: Final = _HERE.with_name(_NAME)
UNIT: Final = _PACKAGED if _PACKAGED.is_file() else _HERE.parents[4] / "deploy" / _NAME
"""In the wheel, or in the repository."""
_HEAD: Final = """\
# systemd unit for one {title} server. As root, with this text in /etc/systemd/system/{word}.service:
#   useradd --system --home-dir /var/lib/{word} --shell /usr/sbin/nologin {word}
#   install -d -o {word} -g {word} -m 0700 /var/lib/{word}
#   cd {folder} && runuser -u {word} -- {runs} init --data /var/lib/{word} --name {word}.example.org
#   systemctl enable --now {word}
"""


def systemd_unit(name: ProgramName) -> str:
    """Return the unit of a server that this Python runs, with its data in /var/lib."""
    first, *others = name.command.split()
    python = Path(sys.executable)
    runs = shlex.join([str(python if first == "python" else python.with_name(first)), *others])
    folder = Path.cwd() if others else Path("/")
    place = f"WorkingDirectory={folder}\nExecStart={runs} \\1 --data /var/lib/{name.word}"
    words = {
        r"^#.*\n": "",
        r"^Documentation=.*\n": "",
        r"^Description=.*": f"Description={name.title} server",
        r"^(User|Group|StateDirectory)=.*": rf"\1={name.word}",
        r"^ExecStart=\S+ (.*) --data \S+": place,
    }
    text = UNIT.read_text("utf-8")
    for old, new in words.items():
        text = re.sub(old, new, text, flags=re.MULTILINE)
    return _HEAD.format(word=name.word, title=name.title, folder=folder, runs=runs) + text
