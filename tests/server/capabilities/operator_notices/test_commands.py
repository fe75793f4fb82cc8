"""`notice`, where the program has no place for it."""

import pytest

from parlour_protocol.kit.server_notices import FollowNotices
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.capabilities.operator_notices import CAPABILITY
from parlour_server.chat.name import NAME
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.cli.command_line import CommandLine


def test_a_program_whose_clients_show_no_notices_sends_none(
    folder: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operator is told, instead of believing that everyone saw it."""
    silent = App[None](Wire("parlour.v1", requests=FollowNotices))
    line = CommandLine(NAME, lambda: silent, about="", example="", capabilities=(CAPABILITY,))
    assert line.run(["notice", "send", "--data", str(folder.path), "down at 8"]) == 1
    assert "nothing was sent" in capsys.readouterr().err
