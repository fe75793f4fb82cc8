"""A cable between client and server that a test can cut or hush: a TCP proxy in a thread.

Cut, it breaks every connection and refuses new ones. Hushed, it breaks nothing and lets nothing through, as a
network whose packets get lost: what was sent arrives late, also over connections that their ends gave up.
Mended, it lets everything through again. It looks into nothing but how much comes at once.
"""

import contextlib
import selectors
import socket
import threading

MORE_THAN_A_PING = 64
"""Bytes: a WebSocket's ping in a TLS record has some thirty, a message at least a hundred."""


class Cable:
    """Forwards `127.0.0.1:port` to the server's port, ``target``."""

    def __init__(self) -> None:
        self.target = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._cut = threading.Event()
        self._flows = threading.Event()
        self._flows.set()
        self._hushes = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all connections, and every new one at once."""
        with self._lock:
            self._cut.set()
            broken, self._open = self._open, set()
        for one in broken:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def hush(self) -> None:
        """Let nothing through, and break nothing."""
        self._flows.clear()

    def hush_with_a_message(self) -> None:
        """Hush with the next thing but a ping that a client sends: it has left, and nothing gets through."""
        self._hushes.set()

    def mend(self) -> None:
        """Let connections through again."""
        self._cut.clear()
        self._hushes.clear()
        self._flows.set()

    def close(self) -> None:
        """End."""
        self.cut()
        self._flows.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            with self._lock:
                is_cut = self._cut.is_set()
                if not is_cut:
                    self._open |= {near, far}
            if is_cut:  # perhaps while this one was made
                near.close()
                far.close()
                continue
            threading.Thread(target=self._forward, args=(near, far), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        both = {near: far, far: near}
        with selectors.DefaultSelector() as ready, contextlib.suppress(OSError, ValueError):
            for one in both:
                ready.register(one, selectors.EVENT_READ)
            while True:
                found = ready.select(0.5)
                self._flows.wait()
                for key, _ in found:
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    data = source.recv(65_536)
                    if not data:
                        return self._hang_up(near, far)
                    if source is near and len(data) > MORE_THAN_A_PING and self._hushes.is_set():
                        self.hush()
                        self._flows.wait()
                    both[source].sendall(data)
                if near.fileno() < 0:
                    return None
        return self._hang_up(near, far)

    def _hang_up(self, *ends: socket.socket) -> None:
        with self._lock:
            self._open -= set(ends)
        for one in ends:
            one.close()
