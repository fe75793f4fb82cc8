"""The client as `parlour chat` opens it, but one that notices a silent network within seconds.

`impatient.py HOME`; a program for `on_screen`, where no one waits for a real keepalive.
"""

import sys
from functools import partial
from pathlib import Path

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.client import Client, dial_over_tls
from parlour_client.ui import run

PING_SECONDS = 3.0
"""A busy machine must not take longer to answer."""

if __name__ == "__main__":
    home = ChatHome(Path(sys.argv[1]))
    sys.exit(run(Client(home, dial=partial(dial_over_tls, ping_seconds=PING_SECONDS)), folder=home.folder))
