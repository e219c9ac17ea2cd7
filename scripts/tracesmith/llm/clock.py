"""Time as the client sees it: every wait of the client is one of this clock and ends when the client is stopped."""

import threading
import time

from tracesmith.errors import StoppedError


class Clock:
    """The time of day, and waits that can be broken off."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Return the seconds since the epoch: processes of several hosts share it."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Wait. Raises StoppedError when the client is stopped meanwhile, or was before."""
        if self._stopped.wait(max(seconds, 0)):
            raise StoppedError("the language-model client was stopped")

    def stop(self) -> None:
        """End every wait, those to come too."""
        self._stopped.set()
