"""Who of a room's people is not verified, in words."""

import pytest

from parlour_client.core.e2ee.labels import who_is_verified
from parlour_client.core.e2ee.values import Trust
from parlour_protocol.kit.names import parse_user_name

VERIFIED, SEEN, CHANGED = Trust.VERIFIED, Trust.FIRST_SEEN, Trust.CHANGED


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({}, "no one else here"),
        ({"ana": VERIFIED}, "ana verified"),
        ({"ana": SEEN}, "ana not verified"),
        ({"ana": VERIFIED, "ben": VERIFIED}, "everyone verified"),
        ({"ana": VERIFIED, "ben": SEEN}, "ben not verified"),
        ({"ana": CHANGED, "ben": SEEN, "eve": VERIFIED}, "ana, ben not verified"),
        ({"ana": SEEN, "ben": SEEN, "eve": SEEN, "joe": VERIFIED}, "3 of 4 not verified"),
    ],
)
def test_few_are_named_and_many_are_counted(others: dict[str, Trust], words: str) -> None:
    """Someone whose key changed is not verified either."""
    assert who_is_verified({parse_user_name(name): trust for name, trust in others.items()}) == words
