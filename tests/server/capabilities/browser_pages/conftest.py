"""The ticker with its page, which other tests of the ticker don't have."""

import importlib
import sys
from collections.abc import Iterator

import pytest

from ticker.server import app


@pytest.fixture(scope="module", autouse=True)
def page_is_mounted() -> Iterator[None]:
    """Mount the page for the tests of this folder."""
    sys.modules.pop("ticker_page", None)
    importlib.import_module("ticker_page")
    yield
    app.mounts = ()
