"""Which event loop the server runs on: the fastest one that is installed, or the one that is named.

The loops differ in speed and memory, never in behaviour: every test of `net` passes on each. A name that
is not installed is refused, never silently replaced. The composition root and the benchmarks call it.
"""

import asyncio
import asyncio.sslproto
import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Final

from parlour_server.errors import SetupError

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

LOOPS: Final = ("auto", "asyncio", "uvloop", "fastnet", "fast")
"""auto: the fastest installed; fastnet: asyncio with aiofastnet's TLS; fast: uvloop with aiofastnet's TLS."""

_TLS_READ_BYTES: Final = (
    8 * 1024
)  # half a TLS record: clients say less at once, and what is longer is read in two


def loop_factory(name: str = "auto") -> LoopFactory:
    """Return what ``asyncio.Runner(loop_factory=…)`` takes. Raises SetupError for what is not installed."""
    if name not in LOOPS:
        raise SetupError(f"there is no event loop {name!r}; choose one of {', '.join(LOOPS)}")
    if name == "auto":
        name = _fastest()
    if name == "asyncio":
        return _lean_asyncio
    if name == "uvloop":
        return _uvloop()
    return _fastnet(_uvloop() if name == "fast" else _lean_asyncio)


def _fastest() -> str:
    has_uvloop, has_fastnet = (importlib.util.find_spec(module) for module in ("uvloop", "aiofastnet"))
    if has_fastnet:
        return "fast" if has_uvloop else "fastnet"
    return "uvloop" if has_uvloop else "asyncio"


def _lean_asyncio() -> asyncio.AbstractEventLoop:
    """Make asyncio's own loop, with small TLS buffers.

    asyncio allocates and zeroes 256 KiB for each TLS connection (cpython#109534): 307 KiB of memory for an
    idle one. With this it is 53. `tests/server/net/test_pins.py` watches the attribute.
    """
    asyncio.sslproto.SSLProtocol.max_size = _TLS_READ_BYTES
    return asyncio.SelectorEventLoop()


def _uvloop() -> LoopFactory:
    try:
        import uvloop  # noqa: PLC0415 - optional: the `fast` extra
    except ImportError as error:
        raise SetupError("uvloop is not installed; `pip install 'parlour[fast]'` brings it") from error
    return uvloop.new_event_loop


def _fastnet(base: LoopFactory) -> LoopFactory:
    try:
        import aiofastnet  # noqa: PLC0415 - optional: the `fast` extra
    except ImportError as error:
        raise SetupError("aiofastnet is not installed; `pip install 'parlour[fast]'` brings it") from error
    patched = aiofastnet.loop_factory(base)

    def factory() -> asyncio.AbstractEventLoop:
        loop = patched()
        # aiofastnet has this method and leaves it out of what it patches: sockets that the listener accepts
        # itself would speak TLS through the loop beneath.
        loop.connect_accepted_socket = partial(  # type: ignore[method-assign]
            aiofastnet.connect_accepted_socket, loop
        )
        return loop

    return factory
