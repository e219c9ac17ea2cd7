"""Work on many items in threads: results in the items' order, and no thread left behind when one fails."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


def each(
    items: Sequence[Item], work: Callable[[Item], Result], workers: int, stop: Callable[[], None]
) -> Iterator[Result]:
    """
    Yield work(item) in the order of the items, with `workers` threads, at most 2 x workers ahead of the reader.

    When work raises, the reader raises, or the process is told to end, what has not begun is dropped and `stop` is
    called; it must make the work under way return soon.
    """
    executor = ThreadPoolExecutor(max_workers=workers)
    try:
        ahead = 2 * workers
        futures = [executor.submit(work, item) for item in items[:ahead]]
        for position in range(len(items)):
            result = futures[position].result()
            if position + ahead < len(items):
                futures.append(executor.submit(work, items[position + ahead]))
            yield result
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        stop()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
