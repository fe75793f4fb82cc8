"""Commands of extras, which stand in the table of all commands (``table``) with the core's.

It is apart from the table so that an extra can add one without loading every handler.
"""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from parlour_client.commands.command import Command

EXTRA_COMMANDS: Final["list[tuple[str, Command[..., Any]]]"] = []
"""The topic of help that each belongs to, and the command."""
