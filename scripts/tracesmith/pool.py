"""
Work on many instances in threads: results in the instances' order, one failed sandbox never stops the others.

The one place where a failure of an instance's infrastructure is caught: it is logged, and counts as "no verdict yet".
"""

import logging
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from tracesmith.errors import IncompleteError, InfrastructureError, StoppedError

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Share:
    """How much of a stage's work this process does, and how many at once."""

    workers: int
    shard: tuple[int, int] | None = None
    """(i, n): only every n-th item, beginning with the i-th; None for all."""

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the items of this share, in their order."""
        return items if self.shard is None else items[self.shard[0] - 1 :: self.shard[1]]

    @property
    def count(self) -> int:
        """How many processes do the work."""
        return self.shard[1] if self.shard else 1

    def is_whole(self) -> bool:
        """Tell whether this process does all the work, and so writes the summary."""
        return self.shard is None


def each(
    items: Sequence[Item], work: Callable[[Item], Result], workers: int, stop: Callable[[], None]
) -> Generator[Result | None, None, None]:
    """
    Yield work(item) in the order of the items, with `workers` threads, at most 2 x workers ahead of the reader.

    None stands for an item whose work raised InfrastructureError. When the reader ends early or the process is told to
    end, what has not begun is dropped and `stop` is called; it must make the work under way raise StoppedError soon.
    """
    executor = ThreadPoolExecutor(max_workers=workers)
    ahead = 2 * workers
    try:
        futures = [executor.submit(attempt, work, item) for item in items[:ahead]]
        for position in range(len(items)):
            result = futures[position].result()
            if position + ahead < len(items):
                futures.append(executor.submit(attempt, work, items[position + ahead]))
            yield result
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        stop()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def check_complete(failed: int, total: int, of: str) -> None:
    """Raise IncompleteError when some items have no verdict."""
    if failed:
        raise IncompleteError(
            f"{failed} of {total} {of} have no verdict, see above; the same command goes on from here"
        )


def attempt(work: Callable[[Item], Result], item: Item) -> Result | None:
    """Return work(item), or None and a warning when it raised InfrastructureError."""
    try:
        return work(item)
    except StoppedError:
        raise
    except InfrastructureError as error:
        logger.warning("no verdict: %s", error, exc_info=error.__cause__ is not None)
        return None
