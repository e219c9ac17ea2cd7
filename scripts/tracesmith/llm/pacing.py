"""The pace of requests: so many a minute for all who share the folder, and pauses that the server asks for."""

from pathlib import Path

from tracesmith import files
from tracesmith.llm.clock import Clock
from tracesmith.stores import Store


class Pace:
    """Hands out the moments at which requests may begin, evenly spaced."""

    def __init__(self, folder: Path, requests_per_minute: float | None, clock: Clock) -> None:
        self._path = folder / "pace.json"
        self._lock = Store(folder)
        self._interval = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._clock = clock

    def wait_for_turn(self) -> None:
        """Wait until the next request may begin."""
        if not self._interval and not self._path.exists():
            return
        with self._lock.claim("pace"):
            begin = max(self._clock.now(), self._next())
            if self._interval:
                self._set(begin + self._interval)
        self._clock.wait(begin - self._clock.now())

    def pause(self, seconds: float) -> None:
        """Let no process begin a request for so long: the server has said that there were too many."""
        with self._lock.claim("pace"):
            self._set(max(self._next(), self._clock.now() + seconds))

    def _next(self) -> float:
        return float(files.read_json(self._path)["next"]) if self._path.exists() else 0.0

    def _set(self, moment: float) -> None:
        files.write_json(self._path, {"next": moment})
