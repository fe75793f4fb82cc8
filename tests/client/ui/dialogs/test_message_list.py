"""A message on one line of a list."""

from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient

from parlour_client.ui.chat import search
from parlour_client.ui.dialogs.message_list import text_of


def test_no_list_shows_a_spoiler() -> None:
    """Search and threads show one text: covered, with every other marker as it was sent."""
    client = FakeClient.peopled()
    entry = client.say(LOBBY, BOB, "**ben** ||wins||\nand **you**")
    assert text_of(entry).plain.startswith("│ **ben** ||[spoiler]||")
    assert text_of(entry).plain in search._row(entry, is_marked=False).plain
