"""Two runs in one folder: they may make different files, and never the same ones, or what the other one reads."""

from collections.abc import Collection
from pathlib import Path
from typing import IO

from tracesmith import locks
from tracesmith.errors import InputError


class BusyError(InputError):
    """Another run has the file."""


def hold(path: Path, made: Collection[str], read: Collection[str]) -> IO[bytes]:
    """
    Lock the files that a run makes and reads, by their names, until the file that is returned is closed.

    The kernel does that when the run dies. Raises BusyError, holding nothing, when another run makes one of them, or
    reads one that would be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+b")
    for names, shared, does in ((made, False, "makes or reads"), (read, True, "makes")):
        for name in sorted(names):
            if not locks.take(file, locks.place_of(name), shared=shared):
                file.close()
                raise BusyError(
                    f"{name}: another run in this folder {does} it; wait until that one has ended, then give the same "
                    "command again"
                )
    return file


def is_alone(file: IO[bytes]) -> bool:
    """Tell whether no other run is alive in the folder, by the file that `hold` returned."""
    return not locks.others_hold(file)
