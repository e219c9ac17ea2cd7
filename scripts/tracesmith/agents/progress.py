"""One line an instance: how it ended, how many are left and for how long, and what it all costs."""

import logging
import threading
import time
from typing import Any

from tracesmith.llm.tally import Tally
from tracesmith.progress import duration

logger = logging.getLogger(__name__)


class Progress:
    """Counts the instances of one process; safe from many threads."""

    def __init__(self, total: int, tally: Tally | None) -> None:
        self._total = total
        self._tally = tally
        """None for an engine that asks no model."""
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._done = 0
        self._worked = 0

    def skip(self, name: str, status: str) -> None:
        """Count an instance that was finished before."""
        self._count(f"{name}: {status} before", worked=False)

    def step(self, name: str, info: dict[str, Any], seconds: float) -> None:
        """Count an instance that is finished now."""
        stats = info["model_stats"]
        used = f"{stats['api_calls']} calls, {stats['instance_cost']:.4f} USD, " if stats["api_calls"] else ""
        empty = "" if info["submission"] else ", no change"
        self._count(f"{name}: {info['exit_status']}{empty}, {used}{duration(seconds)}", worked=True)

    def fail(self, name: str, status: str, why: str) -> None:
        """Count an instance that has to be run again."""
        self._count(f"{name}: {status}, will be run again: {why}", worked=True)

    def _count(self, line: str, *, worked: bool) -> None:
        with self._lock:
            self._done += 1
            self._worked += worked
            left = self._total - self._done
            parts = [line, f"{self._done} of {self._total} done"]
            if self._worked and left:
                each = (time.monotonic() - self._begun) / self._worked
                parts.append(f"{duration(each * left)} left")
            if self._tally:
                parts.append(self._tally.money(self._done, self._total))
            logger.info("%s", "; ".join(parts))
