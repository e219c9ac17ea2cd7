"""
Compress logs in their places: the outputs of suites in stores, when asked to, and Snakemake's logs of earlier runs.

A file becomes `<name>.gz`, the same bytes for the same file, with its time; `files.read_packed` reads either. The old
file goes when the new one is on the disk, so that a process may be killed on the way and the same command goes on.
"""

import gzip
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracesmith import files, stores
from tracesmith.errors import InfrastructureError, InputError

logger = logging.getLogger(__name__)

OUTPUT = re.compile(r"test_output(\.\d+)?\.txt")
PLAIN_S = 24 * 3600
"""So long Snakemake's logs are left as they are."""
KEPT_S = 30 * 24 * 3600


@dataclass
class Tally:
    """What was done to the outputs of suites."""

    outputs: int = 0
    before: int = 0
    after: int = 0
    busy: int = 0
    """Entries that another process has claimed."""

    def count(self, before: int, after: int) -> None:
        """Count an output by its bytes before and after."""
        self.outputs, self.before, self.after = self.outputs + 1, self.before + before, self.after + after

    def say(self, what: str) -> None:
        """Log the numbers."""
        logger.info("%s %d outputs: %d bytes before, %d after", what, self.outputs, self.before, self.after)
        if self.busy:
            logger.warning("left %d entries as they are, which another process works on", self.busy)


def pack(folders: Sequence[Path], over: int) -> None:
    """Compress the outputs of suites that have more bytes than that, in all entries of the stores in some folders."""
    tally = Tally()
    for path in _outputs(folders, "", tally):
        size = path.stat().st_size
        if size > over:
            tally.count(size, _pack(path))
    tally.say("compressed")


def unpack(folders: Sequence[Path]) -> None:
    """Put back what `pack` compressed. Raises InputError for what is damaged."""
    tally = Tally()
    for packed in _outputs(folders, ".gz", tally):
        path, size = packed.with_suffix(""), packed.stat().st_size
        tally.count(size, _replace(packed, path, files.read_packed(path)))
    tally.say("put back")


def bound(folder: Path, now: float) -> None:
    """Remove the logs (*.log, *.log.gz) in a folder that are over 30 days old; compress those that are over a day."""
    ages = {path: now - path.stat().st_mtime for path in [*folder.glob("*.log"), *folder.glob("*.log.gz")]}
    for path in [path for path, age_s in ages.items() if age_s > KEPT_S]:  # first, for they make room
        path.unlink(missing_ok=True)
        del ages[path]
    for path, age_s in ages.items():
        if age_s > PLAIN_S and path.suffix == ".log":
            _pack(path)


def _outputs(folders: Sequence[Path], suffix: str, tally: Tally) -> Iterator[Path]:
    """Yield the outputs with a suffix of all entries in some folders, each while its entry is claimed."""
    for entry in _entries(folders):
        with stores.Store(entry.parent).claim_if_free(entry.name) as is_free:
            tally.busy += not is_free
            for path in sorted(entry.glob(f"test_output.*txt{suffix}")) if is_free else ():
                if OUTPUT.fullmatch(path.name.removesuffix(suffix)) and path.is_file() and not path.is_symlink():
                    yield path


def _entries(folders: Sequence[Path]) -> list[Path]:
    """Return the entries of the stores in some folders. Raises InputError for a folder without any."""
    found: dict[Path, None] = {}
    for folder in folders:
        inside = dict.fromkeys(stores.entries(folder.resolve()))
        if not inside:
            raise InputError(
                f"{folder}: holds no entry of a store; wanted is a folder such as logs/run_validation/REPO"
            )
        found |= inside
    return list(found)


def _pack(path: Path) -> int:
    return _replace(path, files.packed(path), gzip.compress(path.read_bytes(), mtime=0))


def _replace(old: Path, new: Path, data: bytes) -> int:
    """Put another file in the place of one, with its time, and return how many bytes it has."""
    about = old.stat()
    try:
        files.write_bytes(new, data)
        os.utime(new, ns=(about.st_atime_ns, about.st_mtime_ns))
        _keep_names(new.parent)
        old.unlink()
    except OSError as error:
        raise InfrastructureError(f"{old}: cannot be replaced by {new.name}: {error.strerror}") from error
    return len(data)


def _keep_names(folder: Path) -> None:
    """Have the disk know the names in a folder: a machine that goes down keeps the old file or the new one."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
