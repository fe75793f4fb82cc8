"""Extras are tried on the screen, with the fixtures of its own tests."""

from tests.client.ui.conftest import (
    client,
    drawn_without_pauses,
    frozen_by_the_worker,
    in_utc,
    open_app,
    parsed_once,
)

__all__ = ["client", "drawn_without_pauses", "frozen_by_the_worker", "in_utc", "open_app", "parsed_once"]
