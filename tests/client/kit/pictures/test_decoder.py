"""What the decoder gives up before it reads a picture, and what it answers."""

import subprocess
import sys

import pytest
from tests.client.kit.pictures.pictures import ordinary, turned

from parlour_client.kit.pictures import decoder


def test_the_answer_is_a_size_and_its_pixels() -> None:
    """On black where the picture is transparent; never larger than it was."""
    output = decoder.decode(ordinary("PNG", (40, 20)), 10, 10)
    assert decoder.HEAD.unpack_from(output) == (10, 5)
    assert len(output) == decoder.HEAD.size + 3 * 10 * 5
    assert decoder.HEAD.unpack_from(decoder.decode(ordinary("GIF", (4, 2)), 10, 10)) == (4, 2)


def test_a_picture_has_as_many_colours_as_were_asked_for() -> None:
    """Sixels have few; the answer has the same form."""
    output = decoder.decode(turned(64), 64, 64, 2)[decoder.HEAD.size :]
    assert 1 <= len({output[at : at + 3] for at in range(0, len(output), 3)}) <= 2


def test_without_pillow_it_says_so() -> None:
    """A plain install has none."""
    command = (sys.executable, "-I", "-S", decoder.__file__, "1", "1", "0")
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)  # noqa: S603 - ours
    assert done.returncode == decoder.NO_PILLOW


TRIES = """
import os, socket, sys
from parlour_client.kit.pictures import decoder
decoder.confine()
for name, attempt in {
    "file": lambda: open("/etc/passwd"),
    "socket": lambda: socket.socket(),
    "socket in place of the input": lambda: (os.close(0), socket.socket()),
    "process": lambda: os.fork() or os._exit(0),
    "program": lambda: os.execv("/bin/true", ["true"]),
    "signal": lambda: os.kill(os.getppid(), 0),
    "memory": lambda: bytearray(1 << 30) and None,
}.items():
    try:
        attempt()
    except (OSError, MemoryError):
        pass
    else:
        print(name)
print("end")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_the_decoder_has_no_files_network_or_processes() -> None:
    """L11: code that a picture brought in finds nothing to use, even with a descriptor that it closed."""
    command = (sys.executable, "-c", TRIES)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - ours
    assert done.stdout.split("\n") == ["end", ""]
