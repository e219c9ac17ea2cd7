"""
Show on a terminal how far the jobs of a running workflow are, which say so in their logs.

Their own bars would be drawn over each other and over what Snakemake prints; here each job has a line, said again
when there is news.
"""

import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOOK_S = 5.0
AGAIN_S = 10.0
"""Least time between two lines of a job that is not done."""
TAIL_BYTES = 8192
WIDTH = 20
SAID = re.compile(rb"[^\n]*[:;] (\d{1,9}) of (\d{1,9}) done((?:; [ -~]*)?)\n")
"""
What progress.py and agents/progress.py write: how many, and behind it time and money.

What stands before it may be anybody's words: the last count of a line is ours, and no control character is printed.
"""


@dataclass
class Watch:
    """The logs of some jobs, by what the jobs are called."""

    logs: Mapping[str, Path]
    since: float = field(default_factory=time.time)
    """Older words are of a run before this one; seconds since the epoch."""
    _shown: dict[str, tuple[bytes, float]] = field(default_factory=dict)

    def news(self) -> Iterator[str]:
        """Yield a line for each job that came on since it had one, unless that was a moment ago."""
        for name, path in self.logs.items():
            found = _last(path, self.since)
            before, when = self._shown.get(name, (b"", 0.0))
            if found is None or found[0] == before:
                continue
            done, total = int(found[1]), int(found[2])
            if done < total and time.time() < when + AGAIN_S:
                continue
            self._shown[name] = (found[0], time.time())
            yield f"{name} {bar(done, total)} {done} of {total}{found[3].decode('ascii')}"


def bar(done: int, total: int) -> str:
    """Return a bar of so many parts."""
    full = WIDTH * done // total if total else WIDTH
    return f"[{'#' * full}{'-' * (WIDTH - full)}]"


class Terminal:
    """Shows on a terminal how far jobs are, from `begin` to `end`; nothing where nobody looks."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, logs: Iterable[str | Path]) -> None:
        """Show the jobs that write these logs below logs/rules."""
        if not sys.stderr.isatty():
            return
        named = {str(Path(log).with_suffix("")).removeprefix("logs/rules/"): Path(log) for log in logs}
        watch = Watch({name.replace("/", " ", 1): log for name, log in named.items()})
        self._thread = threading.Thread(target=self._show, args=(watch,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Show what there is to show, and no more."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _show(self, watch: Watch) -> None:
        is_last = False
        while not is_last:
            is_last = self._ended.wait(LOOK_S)
            for line in watch.news():
                sys.stderr.write(f"{line}\n")


def _last(path: Path, since: float) -> re.Match[bytes] | None:
    """Return what a log says last of progress; None where it says nothing, or said it before."""
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if about.st_mtime < since:
                return None
            file.seek(max(0, about.st_size - TAIL_BYTES))
            said = list(SAID.finditer(file.read()))
    except OSError:  # not there yet, or a shared disk has lost it for a moment: the next look will tell
        return None
    return said[-1] if said else None
