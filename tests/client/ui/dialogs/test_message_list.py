"""A message on one line of a list."""

from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient

from parlour_client.ui.chat import monitor, search
from parlour_client.ui.dialogs.message_list import text_of


def test_no_list_shows_a_spoiler() -> None:
    """Search, threads and the monitor show one text: covered, with every other marker as it was sent."""
    client = FakeClient.peopled()
    entry = client.say(LOBBY, BOB, "**ben** ||wins||\nand **you**")
    room = client.rooms.get(LOBBY)
    assert room is not None
    assert text_of(entry).plain.startswith("│ **ben** ||[spoiler]||")
    for row in (monitor._row(entry, room, None, new=False), search._row(entry, is_marked=False)):
        assert text_of(entry).plain in row.plain
