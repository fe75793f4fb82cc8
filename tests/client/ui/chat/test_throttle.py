"""Changes are drawn at once, and less often while very many come."""

from parlour_client.ui.chat.throttle import BUSY, BUSY_FRAME, FRAME, Throttle


def test_few_are_drawn_with_the_next_frame_and_many_less_often() -> None:
    """At the limit a frame, one past it a tenth of a second, and a frame again when it is quiet."""
    time = 100.0
    pace = Throttle(lambda: time)
    assert [pace.delay() for _ in range(BUSY)] == [FRAME] * BUSY
    assert pace.delay() == BUSY_FRAME
    time += 0.6  # the next half second knows that the one before was busy
    assert pace.delay() == BUSY_FRAME
    time += 0.6
    assert pace.delay() == FRAME
