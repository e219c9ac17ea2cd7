"""As many agents at work as there are workers, while one more instance is made ready or put away."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tracesmith.errors import StoppedError

POLL_S = 0.5
SPARE = 1
"""Threads beyond the workers: the next workspace is made, and the last patch computed, while the agents work."""


class Turns:
    """Turns to work; who waits for one gives up when the run is stopped."""

    def __init__(self, workers: int, stopped: threading.Event) -> None:
        self._free = threading.Semaphore(workers)
        self._stopped = stopped

    @contextmanager
    def held(self, began: list[float]) -> Iterator[None]:
        """Work in the block once it is one's turn; `began` is told when that was."""
        while not self._free.acquire(timeout=POLL_S):
            if self._stopped.is_set():
                raise StoppedError("the run was stopped")
        try:
            began.append(time.monotonic())
            yield
        finally:
            self._free.release()
