"""Files that two runs of one folder want at once."""

from pathlib import Path

import pytest

import processes
from tracesmith.preflight import concurrency
from tracesmith.preflight.concurrency import BusyError

HOLD = """
import sys
from pathlib import Path
from tracesmith.preflight import concurrency
file = concurrency.hold(Path(sys.argv[1]), ["made"], ["read"])
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_second_run_may_read_what_a_first_reads_and_nothing_else_of_it(tmp_path: Path) -> None:
    lock = tmp_path / ".snakemake" / "lock"
    with concurrency.hold(lock, {"made"}, {"read"}):
        for made, read in (({"made"}, set()), ({"read"}, set()), (set(), {"made"})):
            with pytest.raises(BusyError, match=r"^(made|read): another run in this folder"):
                concurrency.hold(lock, made, read)
        concurrency.hold(lock, {"other"}, {"read"}).close()
    concurrency.hold(lock, {"made", "read"}, set()).close()


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    first = processes.start(HOLD, tmp_path / "lock")
    assert processes.said(first) == "held"
    with pytest.raises(BusyError):
        concurrency.hold(tmp_path / "lock", {"made"}, set())
    first.kill()
    first.wait()
    concurrency.hold(tmp_path / "lock", {"made"}, set()).close()
