"""
Scratch folders: short-lived work on the host, labelled by its owner, so that what a killed process left is swept away.

A scratch folder stands in a folder of this user's in one of the places for temporary files.
"""

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracesmith import owners, stores
from tracesmith.errors import InfrastructureError

_numbers = itertools.count(1)


def roots() -> list[Path]:
    """Return where scratch folders may stand, best first, whether they exist or not."""
    places = dict.fromkeys([tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"])  # noqa: S108
    return [Path(place, f"tracesmith-{os.getuid()}") for place in places if Path(place).is_dir()]


def make_root(root: Path) -> Path:
    """Make one of the roots for this user alone. Raises InfrastructureError when it is somebody else's."""
    root.mkdir(mode=0o700, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        raise InfrastructureError(f"{root} belongs to somebody else; set TMPDIR to a folder of yours")
    return root


def name(kind: str) -> str:
    """Return a fresh name for a scratch folder, or anything else that is swept by its owner."""
    return f"{kind}.{owners.label()}.{next(_numbers)}"


def owner_is_dead(found: str) -> bool:
    """Tell whether a name made by `name` is of a process that is gone."""
    return owners.is_dead(found.partition(".")[2])


@contextmanager
def folder() -> Iterator[Path]:
    """Make a scratch folder for the block."""
    sweep()
    path = make_root(roots()[0]) / name("work")
    path.mkdir()
    try:
        yield path
    finally:
        stores.remove_tree(path)


def sweep() -> int:
    """Remove the scratch folders of dead processes and return how many there were."""
    dead = [path for root in roots() for path in root.glob("*") if owner_is_dead(path.name)]
    for path in dead:
        stores.remove_tree(path)
    return len(dead)
