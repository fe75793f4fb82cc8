"""Counts what a function does, for tests of what it costs: time is noise on a busy machine, lines are not."""

import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any


def steps(do: Callable[[], object], *modules: ModuleType) -> int:
    """Count the lines of these modules that run."""
    count = 0
    files = {module.__file__ for module in modules}

    def line(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def call(frame: FrameType, _event: str, _arg: object) -> Any:
        return line if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        do()
    finally:
        sys.settrace(before)
    return count
