"""What a crash may write down: nothing."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
from parlour_client.kit.account.hardening import keep_memory_private
keep_memory_private()
print(resource.getrlimit(resource.RLIMIT_CORE), open("/proc/self/coredump_filter").name)
import ctypes
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the second half is Linux's")
def test_no_core_dumps_and_no_debugger() -> None:
    """The limit is 0, hard, and the process is not dumpable (prctl PR_GET_DUMPABLE)."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.splitlines() == ["(0, 0) /proc/self/coredump_filter", "0"]
