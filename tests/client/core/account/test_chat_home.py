"""The home folder of a chat account, shared by several programs of one person."""

from pathlib import Path

from parlour_client.core.account.chat_home import ChatHome


def test_only_one_program_adopts_unsent_messages(tmp_path: Path) -> None:
    """The second one may use the home and sends only its own."""
    first, second = ChatHome(tmp_path / "h"), ChatHome(tmp_path / "h")
    assert first.adopt_outbox()
    assert not second.adopt_outbox()
    first.release_outbox()
    assert second.adopt_outbox()
    second.release_outbox()
