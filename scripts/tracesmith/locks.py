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
from hashlib import sha256
from pathlib import Path
from typing import IO

FLOCK = "hhqqi4x"
"""The C struct flock."""


@contextmanager
def held(path: Path, place: int) -> Iterator[None]:
    """Hold the lock of a byte, waiting for another holder to finish or die; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.fcntl(file, fcntl.F_OFD_SETLKW, _lock_of(place))
        yield


def take(file: IO[bytes], place: int, *, shared: bool = False) -> bool:
    """Take the lock of a byte for as long as the file is open, and tell whether it could be had; shared: to read."""
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, _lock_of(place, fcntl.F_RDLCK if shared else fcntl.F_WRLCK))
    except BlockingIOError:
        return False
    return True


def place_of(name: str) -> int:
    """Return the byte that stands for a name."""
    return int.from_bytes(sha256(name.encode()).digest()[:7])


def is_held(path: Path, place: int) -> bool:
    """Tell whether somebody holds the lock of a byte."""
    with path.open("ab") as file:
        return others_hold(file, place, 1)


def others_hold(file: IO[bytes], place: int = 0, count: int = 0) -> bool:
    """Tell whether the lock of one of so many bytes, 0 for all, is held through another opening of a file."""
    found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _lock_of(place, count=count))
    return bool(struct.unpack(FLOCK, found)[0] != fcntl.F_UNLCK)


def _lock_of(place: int, kind: int = fcntl.F_WRLCK, count: int = 1) -> bytes:
    return struct.pack(FLOCK, kind, os.SEEK_SET, place, count, 0)
