"""`docs/explanation/reading.md` leads through the core: each file is there, once, and none is left out."""

from collections import Counter
from pathlib import Path
from typing import Final

from tools.code_lines import ROOT, listed

LISTED: Final = listed((ROOT / "docs/explanation/reading.md").read_text("utf-8"))
KIT: Final = Path("server/parlour_server/kit")
CORE: Final = [KIT / name for name in ("net", "connections", "auth", "api", "store/accounts", "store/engine")]
"""The folders in which guarantees are enforced."""
BESIDE: Final = {
    KIT / name
    for name in (
        "api/acme_endpoint.py",
        "api/second_factor_endpoints.py",
        "auth/second_factor/enrolment.py",
        "auth/second_factor/factors.py",
        "auth/second_factor/recovery_codes.py",
        "auth/second_factor/security_keys.py",
        "auth/second_factor/totp.py",
        "connections/server_notices.py",
        "connections/traced_handle.py",
        "net/plain_listener.py",
        "net/proxy_protocol.py",
        "store/accounts/second_factors.py",
        "store/accounts/shared_tickets.py",
        "store/engine/postgres_engine.py",
    )
}
"""What is in these folders and no guarantee needs. It only shrinks: such things belong in `capabilities/`."""


def test_every_file_that_is_listed_is_there() -> None:
    """A file that was moved is listed at its new place; one that was taken out of the core is not listed."""
    assert [file for file in LISTED if not (ROOT / file).is_file()] == []
    assert len(LISTED) > 50


def test_no_file_is_listed_twice() -> None:
    """Once is enough to read it."""
    assert [file for file, times in Counter(LISTED).items() if times > 1] == []


def test_no_file_of_the_core_is_left_out() -> None:
    """What is new in its folders is read with the rest."""
    there = {path.relative_to(ROOT) for folder in CORE for path in (ROOT / folder).rglob("*.py")}
    left_out = {path for path in there if path.name != "__init__.py"} - {Path(file) for file in LISTED}
    assert sorted(map(str, left_out - BESIDE)) == []
