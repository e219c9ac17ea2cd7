"""Files from the future, which a clock that was set back leaves behind."""

import os
import time
from pathlib import Path

from tracesmith.preflight import clocks


def test_files_from_the_future_get_the_present_time_and_others_keep_theirs(tmp_path: Path) -> None:
    old, ahead, missing = (tmp_path / name for name in ("old", "ahead", "missing"))
    for path, moved_s in ((old, -3600), (ahead, 3600)):
        path.write_text("x")
        os.utime(path, (time.time() + moved_s,) * 2)
    before = old.stat().st_mtime_ns
    assert clocks.bring_back([old, ahead, missing]) == [ahead]
    assert old.stat().st_mtime_ns == before < ahead.stat().st_mtime_ns <= time.time_ns()
    assert clocks.bring_back([old, ahead, missing]) == []
