"""`doctor`: looks a server's data folder over, and says what is dangerous and what to do."""

from typing import Final

from parlour_server.app.capability import Capability
from parlour_server.capabilities.diagnostics.commands import doctor

CAPABILITY: Final = Capability(name="diagnostics", commands=(doctor,))
