"""The kit's attacks, played on the same pattern with other frameworks."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.examples.patterns.servers import CHEAP, MEASURABLE, PATTERNS, Pattern, running
from tests.server.core.net.conftest import Pair

from parlour_server.testing import target as targets
from parlour_server.testing.room_attacks import *  # noqa: F403
from parlour_server.testing.target import AttackTarget
from parlour_server.testing.wire_attacks import *  # noqa: F403

MEASURES = {"test_user_enumeration"}


@pytest.fixture(params=PATTERNS, ids=lambda pattern: pattern.name.removesuffix("_chat.py"))
def pattern(request: pytest.FixtureRequest) -> Pattern:
    """Return each file."""
    found: Pattern = request.param
    return found


@pytest_asyncio.fixture
async def target(
    pattern: Pattern, pair: Pair, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AttackTarget]:
    """Run its server."""
    attack = request.function.__name__
    if attack in pattern.cannot:
        monkeypatch.setattr(targets, "PATIENCE", 0.5)
        request.applymarker(pytest.mark.xfail(reason=pattern.cannot[attack], strict=True))
    hasher = MEASURABLE if attack in MEASURES else CHEAP
    async with running(pattern, pair, attack=attack, hasher=hasher) as found:
        yield found
