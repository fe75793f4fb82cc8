"""Personal data: what a server has of a person, deleted or exported when they ask for it.

The core closes an account, and a program says what it has of one (``AccountData``).
"""

from typing import Final

from parlour_server.app.capability import Capability
from parlour_server.capabilities.personal_data.commands import user

CAPABILITY: Final = Capability(name="personal_data", commands=(user,))
