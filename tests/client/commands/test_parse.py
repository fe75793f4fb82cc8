"""Reading a line of a chat: a command or a message, and each kind of argument."""

from parlour_client.commands.command import Kind
from parlour_client.commands.front import Front
from parlour_client.commands.parse import READERS, read_line
from parlour_client.commands.table import names


def test_every_kind_of_argument_can_be_read_in_a_chat() -> None:
    """Each has its reader."""
    assert set(READERS) == set(Kind)


def test_a_line_is_a_command_or_a_message() -> None:
    """Two slashes begin a message with one; two words can name a command."""
    assert read_line("//help", Front.UI).rest == "/help"
    assert read_line("hello /help", Front.UI).command is None
    assert read_line("/nothing at all", Front.LINE).unknown == "nothing"
    longer = read_line("/devices  revoke 2", Front.LINE)
    assert longer.command is names(Front.LINE)["devices revoke"]
    assert longer.rest == "2"
    assert read_line("/DEVICES", Front.LINE).command is names(Front.LINE)["devices"]
