"""The files of candidates: what stands in the folders is what the summary lists, whoever else writes there."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tracesmith.bugs import candidate_files

ROUNDS = 60


def test_methods_that_write_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    def write(method: str) -> None:
        mine = re.compile(rf"\.?bug__{method}__")
        for number in range(ROUNDS):
            names = [f"src__{part}.ts/f_{(number + part) % 7}/bug__{method}__{number}.diff" for part in range(6)]
            candidate_files.replace(tmp_path, [(name, b"x") for name in names], mine)
            assert sorted(names) == found(method)

    def found(method: str) -> list[str]:
        return sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob(f"*/*/bug__{method}__*"))

    with ThreadPoolExecutor() as pool:
        done: list[Callable[[], None]] = [pool.submit(write, method).result for method in ("a", "b", "c")]
        for wait in done:
            wait()
    assert all(any(folder.iterdir()) for folder in tmp_path.glob("*/*"))
