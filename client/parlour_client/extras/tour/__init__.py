"""The tour of `parlour demo`: a newcomer's first minute. F8 skips a step, F9 leaves it."""

from typing import TYPE_CHECKING, Any

from parlour_client.kit.language import N_
from parlour_client.ui.registry import Key, Registry

if TYPE_CHECKING:
    from textual.screen import Screen


def register(registry: Registry) -> None:
    """Show it in the demo."""
    registry.demo_opened.append(_start)
    registry.keys += (
        Key(id="chat.tour_next", keys="f8", about=N_("Next step of the tour"), do=_next),
        Key(id="chat.tour_end", keys="f9", about=N_("End the tour"), do=_end),
        Key(id="chat.tour_layout", keys="alt+l", about=N_("The tour's other layout of messages"), do=_switch),
    )


def _start(screen: "Screen[Any]") -> None:
    from parlour_client.extras.tour.panel import show  # noqa: PLC0415 - the demo only
    from parlour_client.extras.tour.steps import TOUR  # noqa: PLC0415 - as above

    show(screen, TOUR)


def _next(screen: "Screen[Any]") -> None:
    from parlour_client.extras.tour.panel import Tour  # noqa: PLC0415 - as above

    for tour in screen.query(Tour):
        tour.next()


def _end(screen: "Screen[Any]") -> None:
    from parlour_client.extras.tour.panel import Tour  # noqa: PLC0415 - as above

    for tour in screen.query(Tour):
        tour.end()


def _switch(screen: "Screen[Any]") -> None:
    from parlour_client.extras.tour.panel import Tour  # noqa: PLC0415 - as above

    for tour in screen.query(Tour):
        tour.switch_layout()
