"""Progress: a bar on a terminal, lines in a log, and no control character where nobody looks at a terminal."""

import contextlib
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
PROGRAM = f"""
import sys, time
sys.path.insert(0, {str(SCRIPTS)!r})
from tracesmith import cli, progress
cli.start_logging()
progress.LINE_EVERY_S = 0.01
for item in progress.shown((number for number in range(3)), 3, "bugs"):
    time.sleep(0.02)
    progress.logger.info("said of %d", item)
"""


def test_a_log_has_lines_with_the_time_that_is_left_and_no_carriage_return() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert "\r" not in done.stderr and "\x1b" not in done.stderr and done.stdout == ""
    assert "bugs: 2 of 3 done; 0 s left" in done.stderr
    assert done.stderr.rstrip().endswith("bugs: 3 of 3 done")


def everything(terminal: int) -> str:
    """Read all that was written to a terminal whose other end is closed, and close it."""
    with os.fdopen(terminal, "rb", buffering=0) as said:
        pieces = []
        with contextlib.suppress(OSError):  # how Linux says that the other end is closed
            while piece := said.read(65536):
                pieces.append(piece)
    return b"".join(pieces).decode()


def test_a_terminal_has_a_bar_and_whole_lines_above_it() -> None:
    mine, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    try:
        subprocess.run([sys.executable, "-c", PROGRAM], stderr=theirs, check=True)
    finally:
        os.close(theirs)
    said = everything(mine)
    assert "bugs: 100%" in said and "3/3" in said
    assert "tracesmith.progress: said of 1" in said.replace("\r", "\n")


def test_what_makes_the_items_ends_with_its_reader() -> None:
    sys.path.insert(0, str(SCRIPTS))
    from tracesmith import progress  # noqa: PLC0415

    ended = []

    def make() -> "progress.Generator[int, None, None]":
        try:
            yield from range(3)
        finally:
            ended.append(True)

    reader = progress.shown(make(), 3, "bugs")
    assert next(reader) == 0
    reader.close()
    assert ended == [True]
