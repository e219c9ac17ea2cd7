"""
Locks on a byte of a file, which the kernel drops when their holder dies.

Open-file-description locks (fcntl(2), Linux) belong to an open file, hence also keep threads of one process apart. The
files are never written, only locked.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FLOCK = "hhqqi4x"
"""The C struct flock."""


@contextmanager
def held(path: Path, place: int) -> Iterator[None]:
    """Hold the lock of a byte, waiting for another holder to finish or die; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.fcntl(file, fcntl.F_OFD_SETLKW, _lock_of(place))
        yield


def is_held(path: Path, place: int) -> bool:
    """Tell whether somebody holds the lock of a byte."""
    with path.open("ab") as file:
        found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _lock_of(place))
    return bool(struct.unpack(FLOCK, found)[0] != fcntl.F_UNLCK)


def _lock_of(place: int) -> bytes:
    return struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
