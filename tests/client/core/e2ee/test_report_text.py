"""What the screens say of how the encryption was checked is what was checked, with a date."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

from parlour_client.core.e2ee.values import ASSURANCE, CHECKED

PEERS = Path(__file__).parents[3] / "mls" / "peers"


def test_it_names_what_was_checked_and_when() -> None:
    """No audit, the suite of the vectors, the day, and the very peer that the tests run against."""
    assert ASSURANCE.startswith("Not independently audited;")
    assert "test vectors of RFC 9420 (suite 3, {checked})" in ASSURANCE
    assert date.fromisoformat(CHECKED) <= datetime.now(UTC).date()
    peers = json.loads((PEERS / "package.json").read_text())["dependencies"]
    assert f"interoperates with ts-mls {peers['ts-mls']}." in ASSURANCE
