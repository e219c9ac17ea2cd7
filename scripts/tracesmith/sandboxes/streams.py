"""The engine's stream of one command: its input one way, its output the other."""

import contextlib
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

from docker import APIClient

TICK_S = 1.0
GO = b"\n"
WAIT = "read -r _go || exit"
"""
How the lines of a shell that the engine runs must begin: by waiting for GO, which comes before the input. Podman starts
a command before the connection that takes its output stands, and what was printed until then is lost: on a busy machine
one output in ten, with exit code 0.
"""


def converse(
    api: APIClient, exec_id: str, stdin: bytes, output_bytes: int, watch: Callable[[], str | None]
) -> tuple[int | None, bytes, str | None]:
    """
    Start a command that the engine has made, and tell it to go; return its exit code, its output and None.

    Or no exit code, the output so far and what `exchange` names. Without an exit code and a name, the engine has let go
    of a command that still runs. Raises DockerException and OSError.
    """
    wrapper: Any = api.exec_start(exec_id, socket=True)
    with contextlib.closing(wrapper):  # it holds the response; dropped early, it closes the socket under the reader
        stream: socket.socket = getattr(wrapper, "_sock", wrapper)  # the wrapper's reads cannot be given a time limit
        output, killed = exchange(stream, GO + stdin, output_bytes, watch)
        if killed:  # the engine sees no end of a container while somebody might still read what it printed
            stream.shutdown(socket.SHUT_RDWR)
    code = None if killed else api.exec_inspect(exec_id)["ExitCode"]
    return code, output, killed


def exchange(
    stream: socket.socket, stdin: bytes, output_bytes: int, watch: Callable[[], str | None]
) -> tuple[bytes, str | None]:
    """
    Write the input and read the output, both at once, until the output ends; return it and None.

    Or until there is too much of it, or `watch`, called once a second, names a limit: that is what is returned then.
    """
    frames = Frames(output_bytes)
    rest = memoryview(stdin)
    watched = time.monotonic()
    stream.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while True:
            for _, events in selector.select(TICK_S):
                if events & selectors.EVENT_READ and not _receive(stream, frames):
                    return frames.payload(), None
                if events & selectors.EVENT_WRITE:
                    rest = _send(stream, rest)
                    if not rest:
                        selector.modify(stream, selectors.EVENT_READ)
            killed = "output" if frames.flooded else None
            if not killed and time.monotonic() > watched + TICK_S:
                killed = watch()
                watched = time.monotonic()
            if killed:
                return frames.payload(), killed


class Frames:
    """The engine's stream of stdout and stderr: frames of 8 bytes of head, the last 4 of them the length, and bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.flooded = False
        self._raw = bytearray()
        self._out = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        self._raw += chunk
        while len(self._raw) >= 8:
            size = int.from_bytes(self._raw[4:8], "big")
            if len(self._raw) < 8 + size:
                return
            self._out += self._raw[8 : 8 + size]
            del self._raw[: 8 + size]
            self.flooded = len(self._out) > self.limit

    def payload(self) -> bytes:
        """Return what was printed, up to the limit."""
        return bytes(self._out[: self.limit])


def _receive(stream: socket.socket, frames: Frames) -> bool:
    """Read what is there; return False at the end of the stream."""
    try:
        chunk = stream.recv(1 << 16)
    except BlockingIOError:
        return True
    except ConnectionResetError:
        # Podman's end of it, after all output, where a command has not read all its input; over a network it is none.
        if stream.family != socket.AF_UNIX:
            raise
        return False
    frames.feed(chunk)
    return bool(chunk)


def _send(stream: socket.socket, rest: memoryview) -> memoryview:
    """Write what there is room for and return the rest; say when there is none, or nobody wants it."""
    try:
        rest = rest[stream.send(rest[: 1 << 16]) :] if rest else rest
        if not rest:
            stream.shutdown(socket.SHUT_WR)
    except BlockingIOError:
        return rest
    except OSError:  # the command has closed its input, or is gone
        return rest[:0]
    return rest
