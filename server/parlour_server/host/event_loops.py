"""The server's event loop: the fastest one that works here, or the one chosen.

Loops differ in speed and memory, not in behaviour: every test of `net` passes on each. A chosen loop that is
not installed is refused, never silently replaced. `doctor` says what `auto` takes, and why nothing faster.
"""

import asyncio
import asyncio.sslproto
import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from parlour_server.core.errors import SetupError

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

LOOPS: Final = ("auto", "asyncio", "uvloop", "fastnet", "fast")
"""auto: the fastest installed; fastnet: asyncio with aiofastnet's TLS; fast: uvloop with aiofastnet's TLS."""

_TLS_READ_BYTES: Final = 4 * 1024  # clients rarely send more at once; a whole TLS record takes four reads
_FASTNET_READ_BYTES: Final = 16 * 1024  # the least that aiofastnet takes
_FASTNET_WRITE_BYTES: Final = 16 * 1024 + 64  # a TLS record with what surrounds it
_LINKED_IN: Final = (
    "OpenSSL is linked into this Python, as into those that uv installs, so aiofastnet speaks TLS through "
    "Python's ssl module, which is slower; use the system's Python, with uv: `uv venv --no-managed-python`"
)


def loop_factory(name: str = "auto") -> LoopFactory:
    """Return a factory for ``asyncio.Runner``. Raises SetupError if the loop is not installed."""
    if name not in LOOPS:
        raise SetupError(f"there is no event loop {name!r}; choose one of {', '.join(LOOPS)}")
    if name == "auto":
        name = fastest().name
    if name == "asyncio":
        make: LoopFactory = _lean_asyncio
    elif name == "uvloop":
        make = _uvloop()
    else:
        make = _fastnet(_uvloop() if name == "fast" else _lean_asyncio)
    return partial(_made, make)


def _made(make: LoopFactory) -> asyncio.AbstractEventLoop:
    loop = make()
    loop.set_exception_handler(_report)
    return loop


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log errors in callbacks, but not broken connections, which any stranger can cause (R6).

    The loops leave it out by themselves, except that aiofastnet 1.2 reports a peer that closes before its TLS
    handshake, and gives a class where an exception belongs (`_process_eof` in its `ssl_transport.pyx`).
    """
    error = context.get("exception")
    kind = error if isinstance(error, type) else type(error)
    if not ("transport" in context and issubclass(kind, OSError)):
        loop.default_exception_handler(context)


@dataclass(frozen=True, slots=True)
class Fastest:
    """The loop that `auto` takes. If a faster one is not used, why, and what to do."""

    name: str
    slower_because: str


def fastest() -> Fastest:
    """Return the fastest loop whose modules can be loaded."""
    failed = {module: why for module in ("uvloop", "aiofastnet") if (why := _why_not(module))}
    name = {
        (): "fast",
        ("uvloop",): "fastnet",
        ("aiofastnet",): "uvloop",
        ("uvloop", "aiofastnet"): "asyncio",
    }[tuple(failed)]
    if failed:
        reasons = ", ".join(f"{module} {why}" for module, why in failed.items())
        return Fastest(name, f"{reasons}; install Parlour's extra `fast` (docs/how-to/install.md)")
    if _has_openssl_linked_in():
        return Fastest(name, _LINKED_IN)
    return Fastest(name, "")


def _why_not(module: str) -> str:
    """Return why a module can't be loaded, or an empty string."""
    if importlib.util.find_spec(module) is None:
        return "is not installed"
    try:
        importlib.import_module(module)
    except ImportError as error:
        return f"can't be loaded ({error})"
    return ""


def _has_openssl_linked_in() -> bool:
    """Return whether aiofastnet has to speak TLS through Python's ssl module, as with the Pythons of uv."""
    import aiofastnet  # noqa: PLC0415 - optional: the `fast` extra

    return aiofastnet.OPENSSL_DYN_LIBS is None


def _lean_asyncio() -> asyncio.AbstractEventLoop:
    """Make asyncio's own loop, with small TLS buffers.

    asyncio allocates and zeroes 256 KiB for each TLS connection (cpython#109534): 307 KiB of memory for an
    idle one. With this it is 49. `tests/server/core/net/test_pins.py` watches the attribute.
    """
    asyncio.sslproto.SSLProtocol.max_size = _TLS_READ_BYTES
    return asyncio.SelectorEventLoop()


def _uvloop() -> LoopFactory:
    try:
        import uvloop  # noqa: PLC0415 - optional: the `fast` extra
    except ImportError as error:
        raise SetupError(
            "uvloop is not installed; install Parlour's extra `fast` (docs/how-to/install.md)"
        ) from error
    return uvloop.new_event_loop


def _fastnet(base: LoopFactory) -> LoopFactory:
    try:
        import aiofastnet  # noqa: PLC0415 - optional: the `fast` extra
    except ImportError as error:
        raise SetupError(
            "aiofastnet is not installed; install Parlour's extra `fast` (docs/how-to/install.md)"
        ) from error
    patched = aiofastnet.loop_factory(base)

    def factory() -> asyncio.AbstractEventLoop:
        loop = patched()
        # aiofastnet has this method and leaves it out of what it patches: sockets that the listener accepts
        # itself would speak TLS through the loop beneath. By default it allocates two buffers of
        # 257 KiB for each connection.
        loop.connect_accepted_socket = partial(  # type: ignore[method-assign]
            aiofastnet.connect_accepted_socket,
            loop,
            ssl_incoming_bio_size=_FASTNET_READ_BYTES,
            ssl_outgoing_bio_size=_FASTNET_WRITE_BYTES,
        )
        return loop

    return factory
