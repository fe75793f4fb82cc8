"""Closes a socket: gracefully, and by force soon after.

``transport.close()`` waits for the peer twice, to take what is unsent and to answer TLS's close_notify; a
peer that does neither would keep the socket open forever (S2, R5: stuck close). So nothing in `net` calls it
without the timer that is set here.
"""

import asyncio
from contextlib import suppress
from typing import Final

_NO_ONE: Final = asyncio.BufferedProtocol()


def close_soon(
    loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, seconds: float
) -> asyncio.TimerHandle:
    """Close, and abort after ``seconds``. Cancel the handle in ``connection_lost``.

    A transport that is closing already isn't closed again: asyncio's TLS would forget its buffer's size.
    """
    if not transport.is_closing():
        transport.close()
    return abort_after(loop, transport, seconds)


def abort_after(
    loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, seconds: float
) -> asyncio.TimerHandle:
    """Abort after ``seconds``, whatever the peer does."""
    return loop.call_later(seconds, transport.abort)


def forget(transport: asyncio.Transport) -> None:
    """Drop a closed transport's reference to its protocol. Call it in ``connection_lost``.

    asyncio's TLS keeps the methods of a ``BufferedProtocol``, which refers to the transport in turn.
    """
    with suppress(AttributeError):  # a transport that was closed twice has dropped its TLS and its protocol
        transport.set_protocol(_NO_ONE)
