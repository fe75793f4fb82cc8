"""What members read about how long the server keeps messages."""

from datetime import datetime

import pytest

from parlour_client.text.retention_text import retention_sentences, retention_short
from parlour_protocol.frames.replies import Retention
from parlour_protocol.kit.ids import Millis

SOON = Millis(1_700_000_000_000)
DAY = f"{datetime.fromtimestamp(SOON / 1000).astimezone():%Y-%m-%d}"
FOR_EVER = "The server keeps the messages of this room for ever."
COPIES = "People's devices keep their copies; /forget deletes yours."
REMOVES = "The server deletes messages of this room, and their files, after 30 days."


@pytest.mark.parametrize(
    ("retention", "short", "sentences"),
    [
        (None, "", [FOR_EVER]),
        (Retention(days=30), "messages kept for 30 days", [REMOVES, COPIES]),
        (
            Retention(days=30, next_days=7, next_from=SOON),
            f"messages kept for 7 days from {DAY}",
            [REMOVES, f"From {DAY} on they are kept for 7 days.", COPIES],
        ),
        (
            Retention(days=30, next_from=SOON),
            f"messages kept for ever from {DAY}",
            [REMOVES, f"From {DAY} on they are kept for ever.", COPIES],
        ),
        (
            Retention(removed_before=SOON),
            "",
            [FOR_EVER, f"Messages up to {DAY} may have been removed here.", COPIES],
        ),
    ],
)
def test_it_says_what_applies_what_will_and_what_did(
    retention: Retention | None, short: str, sentences: list[str]
) -> None:
    """In the heading only what concerns new messages."""
    assert retention_short(retention) == short
    assert retention_sentences(retention) == sentences


def test_a_time_that_no_calendar_has_is_shown_as_the_last_one() -> None:
    """A server may write any number."""
    assert "from 9999-" in retention_short(Retention(next_days=7, next_from=Millis(2**53 - 1)))
