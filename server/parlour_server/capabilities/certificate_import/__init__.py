"""Shows the server's certificate, and takes one that another program got from its CA."""

from typing import Final

from parlour_server.app.capability import Capability
from parlour_server.capabilities.certificate_import.commands import cert

CAPABILITY: Final = Capability(name="certificate_import", commands=(cert,))
