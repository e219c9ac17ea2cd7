"""Read the files of a sandbox from outside: all that an agent could read, in batches."""

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import TESTBED, Sandbox

ROOTS = (TESTBED, "/tmp", "/var/tmp", "/root", "/home", "/srv", "/mnt", "/opt", "/var/cache", "/usr/local", "/usr/src")  # noqa: S108
OF_THE_HOST = ("/opt", "/usr/local", "/usr/src", "/var/cache", "/root", "/home", "/srv", "/mnt", "/var/tmp")  # noqa: S108
"""Places that bubblewrap shows of the host, or not at all: no environment is installed there."""
BATCH_BYTES = 16 * 2**20
BATCH_FILES = 4000
FIND = r"""
for root; do [ -d "$root" ] && find "$root" -type f -readable -printf '%s %T@ %D:%i %p\0'; done 2>/dev/null; true
"""


TAR = "exec tar -cPf - --hard-dereference --null --verbatim-files-from -T - 2>/dev/null"


@dataclass(frozen=True)
class File:
    """A file as it is listed."""

    path: str
    size: int
    changed: str
    """Its time of change."""
    inode: str


def roots(backend: str) -> list[str]:
    """Return where an environment of a backend may have put files."""
    return [root for root in ROOTS if backend == "docker" or root not in OF_THE_HOST]


def list_files(box: Sandbox, places: Sequence[str]) -> dict[str, File]:
    """Return the files that can be read below some places, by path; links are followed to none."""
    out = base.must(box, ["sh", "-c", FIND, "sh", *places], timeout_s=600)
    found = {}
    for line in out.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        size, changed, inode, path = line.split(" ", 3)
        found[path] = File(path, int(size), changed, inode)
    return found


def read(box: Sandbox, listed: Iterable[File]) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of each file; one that is linked several times is read once."""
    distinct = {file.inode: file for file in listed if file.size}
    batch: list[File] = []
    size = 0
    for file in distinct.values():
        if file.size > BATCH_BYTES:
            yield file.path, _read_large(box, file)
            continue
        if batch and (size + file.size > BATCH_BYTES or len(batch) == BATCH_FILES):
            yield from _read_batch(box, batch)
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield from _read_batch(box, batch)


def _read_batch(box: Sandbox, batch: Sequence[File]) -> Iterator[tuple[str, bytes]]:
    names = b"".join(file.path.encode("utf-8", "surrogateescape") + b"\0" for file in batch)
    out = base.must(box, ["sh", "-c", TAR], stdin=names, timeout_s=600)
    with tarfile.open(fileobj=io.BytesIO(out), mode="r:", errors="surrogateescape") as archive:
        for member, file in zip(archive, batch, strict=True):
            stream = archive.extractfile(member)
            yield file.path, stream.read() if stream else b""


def _read_large(box: Sandbox, file: File) -> bytes:
    pieces = []
    for start in range(0, file.size, BATCH_BYTES):
        line = 'tail -c "+$1" -- "$2" | head -c "$3"'
        words = [str(start + 1), file.path, str(BATCH_BYTES)]
        pieces.append(base.must(box, ["sh", "-c", line, "sh", *words], timeout_s=600))
    return b"".join(pieces)
