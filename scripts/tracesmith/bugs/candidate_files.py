"""
The files of a method's candidates, beside the summary that lists them.

The summary equals what stands in the folders beside it: it is removed first and written last, and files of an earlier
run that are no longer wanted are removed. Files of other methods are left alone; they share the folders, so that one
method at a time writes and removes.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tracesmith import files, locks


def write(output: Path, contents: Iterable[tuple[str, bytes]], mine: re.Pattern[str], summary: Any) -> None:
    """
    Write files below the summary's folder, remove others of this method, and write the summary unless it is None.

    `contents` has the files with their paths below the folder; `mine` matches the beginning of the method's file names.
    """
    output.unlink(missing_ok=True)
    replace(output.parent, contents, mine)
    if summary is not None:
        files.write_json(output, summary)


def replace(folder: Path, contents: Iterable[tuple[str, bytes]], mine: re.Pattern[str]) -> None:
    """Write files below a folder and remove others of this method."""
    written = set()
    with locks.held(folder / ".lock", 0):
        for name, data in contents:
            _write_if_new(folder / name, data)
            written.add(folder / name)
        _remove_others(folder, written, mine)


def _write_if_new(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        files.write_bytes(path, data)


def _remove_others(folder: Path, wanted: set[Path], mine: re.Pattern[str]) -> None:
    """Remove the method's files that are not wanted, temporary ones that a killed run left, and empty folders."""
    for path in sorted(folder.rglob("*")):
        if mine.match(path.name) and path not in wanted:
            path.unlink()
            emptied = path.parent
            while emptied != folder and not any(emptied.iterdir()):
                emptied.rmdir()
                emptied = emptied.parent
