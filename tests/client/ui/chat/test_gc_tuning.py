"""The garbage collector's pauses do not grow with the messages."""

import gc

from parlour_client.ui.chat import gc_tuning as collector
from parlour_client.ui.chat.gc_tuning import Collector


def test_what_survives_is_set_aside_and_comes_back() -> None:
    """A full collection freezes what lives; stopping gives all of it back."""
    mine = Collector()
    mine.start()
    try:
        before = gc.get_freeze_count()
        kept = [[number] for number in range(5_000)]
        gc.collect()
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        mine.stop()
    assert gc.get_freeze_count() == 0


def test_everything_is_collected_when_no_one_types() -> None:
    """Garbage among what was set aside goes at the next rest, and no rest comes while someone types."""

    class Node:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            gone.append(1)

    gone: list[int] = []
    mine = Collector()
    node = Node()
    mine.start()
    try:
        del node
        mine.typed()
        assert not mine.rest()
        assert not gone
        mine._typed -= collector.IDLE_SECONDS + 1
        assert mine.rest()
        assert gone
    finally:
        mine.stop()
