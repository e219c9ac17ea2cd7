"""How far the work is, what it has cost and will cost: a bar on a terminal, lines in a log."""

import contextlib
import logging
import sys
import time
from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

Item = TypeVar("Item")
logger = logging.getLogger(__name__)
LINE_EVERY_S = 30.0
MINUTE, HOUR = 60, 3600


class Costs(Protocol):
    """What work has cost so far."""

    def calls(self) -> str:
        """Return how many calls were paid, and how many were not, in words."""

    def money(self, done: int, total: int) -> str:
        """Return what was paid, and what all the work will have cost once it is done, in words."""


class Progress:
    """Shows how far so many items are, how long the others take and what they cost; a context manager."""

    def __init__(self, total: int, what: str, costs: Costs | None = None) -> None:
        self._total, self._what = total, what
        self._costs = costs
        """None where no model is asked."""
        self._done = 0
        self._begun = time.monotonic()
        self._next_line = self._begun + LINE_EVERY_S
        self._shown = contextlib.ExitStack()
        self._bar: tqdm[Any] | None = None
        """None where a log is written."""

    def _show_bar(self) -> "tqdm[Any]":
        """Return a bar that lines of the log do not break."""
        from tqdm import tqdm  # noqa: PLC0415 - a log has no bar, and scripts start in two thirds of the time
        from tqdm.contrib.logging import logging_redirect_tqdm  # noqa: PLC0415

        self._shown.enter_context(logging_redirect_tqdm())
        return self._shown.enter_context(tqdm(total=self._total, desc=self._what, unit=""))

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            self._bar = self._show_bar()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.close()
        self._log()

    def step(self) -> None:
        """Count one item as done."""
        self._done += 1
        if self._bar is not None:
            if self._costs:
                self._bar.set_postfix_str(self._costs.money(self._done, self._total), refresh=False)
            self._bar.update()
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY_S
            self._log()

    def _log(self) -> None:
        parts = [f"{self._what}: {self._done} of {self._total} done"]
        left = self._total - self._done
        if self._done and left:
            parts.append(f"{duration((time.monotonic() - self._begun) / self._done * left)} left")
        if self._costs:
            parts += [self._costs.calls(), self._costs.money(self._done, self._total)]
        logger.info("%s", "; ".join(parts))


def shown(
    results: Generator[Item, None, None], total: int, what: str, costs: Costs | None = None
) -> Generator[Item, None, None]:
    """Yield results as they are made, and show the progress; whoever ends early ends what makes them."""
    with contextlib.closing(results), Progress(total, what, costs) as progress:
        for result in results:
            progress.step()
            yield result


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"
