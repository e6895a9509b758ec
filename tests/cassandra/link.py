"""A port that leads to a node, on which a test looks at each frame of the protocol, and cuts or changes it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HEADER = struct.Struct(">BBhBI")  # of the native protocol, version 4: version, flags, stream, opcode, length
ANSWER = 0x80  # in the version: the frame comes from the node
OnFrame = Callable[[int, bytes], bytes]


def unchanged(_: int, frame: bytes) -> bytes:
    return frame


class Link:
    """Forwards connections whole frame by whole frame.

    `on_frame` gets the number of a connection, and a frame on it with the header. It gives the bytes to send instead; behind fewer than
    there were all connections are cut.
    """

    def __init__(self, host: str, port: int = 9042) -> None:
        self.target = (host, port)
        self.on_frame: OnFrame = unchanged
        self.lock = threading.Lock()
        self.connections = 0
        self.ends: set[socket.socket] = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    @contextmanager
    def changing(self, on_frame: OnFrame) -> Iterator[None]:
        """For as long as this lasts."""
        with self.lock:
            self.on_frame = on_frame
        try:
            yield
        finally:
            with self.lock:
                self.on_frame = unchanged

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
                with self.lock:
                    self.ends |= {near, far}
                    self.connections += 1
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self.pump, args=(self.connections, source, sink), daemon=True).start()

    def pump(self, number: int, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError), source.makefile("rb") as stream:
            while header := stream.read(HEADER.size):
                frame = header + stream.read(HEADER.unpack(header)[4])
                with self.lock:
                    changed = self.on_frame(number, frame)
                sink.sendall(changed)
                if len(changed) < len(frame):
                    with self.lock:
                        self.cut()
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self.lock:
            self.ends.discard(source)
        source.close()

    def cut(self) -> None:
        """As when the way is gone: what is under way is lost, on both sides. With the lock held."""
        for end in self.ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            self.cut()
