"""
Stores: folders of finished work that Snakemake does not own, so that nothing is done or paid for twice.

One folder an entry, written under a temporary name and renamed. Its `entry.json` holds a fingerprint of everything that
determines it; an entry is reused only when the fingerprint is equal. Entries are claimed by a lock that the kernel
drops when its holder dies, so any number of processes (shards, or what a killed run left behind) may share a store.
"""

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tracesmith import files, locks, owners
from tracesmith.errors import InputError

ENTRY = "entry.json"
LOCK = ".lock"


class Store:
    """A folder of entries; `root` is made when the first entry is claimed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._swept = False

    def folder(self, name: str) -> Path:
        """Return where the entry of that name stands, whether it exists or not."""
        return self.root / name

    def holds(self, name: str, fingerprint: str) -> bool:
        """Tell whether a whole entry with this fingerprint is there."""
        record = self.folder(name) / ENTRY
        try:
            return bool(files.read_json(record).get("fingerprint") == fingerprint)
        except (InputError, AttributeError):
            return False

    @contextmanager
    def claim(self, name: str) -> Iterator[None]:
        """
        Hold the entry's lock, waiting for another holder to finish or die.

        The lock is a byte of one file, chosen by the name's hash.
        """
        with locks.held(self.root / LOCK, locks.place_of(name)):
            yield

    @contextmanager
    def claim_if_free(self, name: str) -> Iterator[bool]:
        """Hold the lock of an entry that is there unless somebody else does, and tell whether it is held."""
        with (self.root / LOCK).open("ab") as file:
            yield locks.take(file, locks.place_of(name))

    @contextmanager
    def replace(self, name: str, fingerprint: str, about: dict[str, Any] | None = None) -> Iterator[Path]:
        """
        Yield an empty folder that becomes the entry when the block ends well; hold the claim while calling.

        `about` is kept beside the fingerprint for people who look.
        """
        self._sweep()
        temporary = self.root / owners.temporary_name(name)
        temporary.mkdir()
        try:
            yield temporary
            (temporary / ENTRY).write_bytes(files.json_bytes({"fingerprint": fingerprint, **(about or {})}))
            (self.folder(name) / ENTRY).unlink(missing_ok=True)  # first: half an old entry must not count as whole
            remove_tree(self.folder(name))
            temporary.rename(self.folder(name))
        finally:
            remove_tree(temporary)

    def _sweep(self) -> None:
        """Remove, once a process, the entries that dead processes were writing."""
        with self._lock:
            left = [] if self._swept else list(self.root.glob(".*.tmp"))
            self._swept = True
        for folder in left:
            if owners.is_abandoned(folder.name):
                remove_tree(folder)


def entries(folder: Path) -> Iterator[Path]:
    """Yield the whole entries of the stores in a folder, sorted, whatever stores stand below it."""
    for parent, names, found in os.walk(folder):
        if ENTRY in found:
            yield Path(parent)
            names.clear()
        else:
            names[:] = sorted(name for name in names if not name.startswith("."))


def check_members(folder: Path, known: Container[str], dataset: Path, what: str) -> None:
    """Raise InputError when a folder has entries, and none is of an instance that the dataset has."""
    found = sorted(entry.parent.name for entry in folder.glob(f"[!.]*/{ENTRY}"))
    if found and not any(name in known for name in found):
        raise InputError(
            f"{folder}: holds the {what} of {found[0]}, which is not in {dataset}; "
            "it is the folder of another dataset: give --output a folder of its own, or remove the folder"
        )


def remove_tree(path: Path) -> None:
    """
    Remove a folder and what is in it, folders without permissions (overlayfs leaves some) too, or a file.

    It may be missing, and another process may be removing it as well.
    """
    while path.is_symlink() or path.exists():
        with contextlib.suppress(FileNotFoundError):
            if path.is_symlink() or not path.is_dir():
                path.unlink()
            else:
                _remove_folder(path)


def _remove_folder(path: Path) -> None:
    try:
        _make_writable(path)
        shutil.rmtree(path)
    except FileNotFoundError:
        raise
    except (RecursionError, OSError):  # folders as deep as a hostile test likes; find and rm know no limit
        closed = ["!", "-perm", "-700", "-execdir", "chmod", "u+rwx", "{}", ";"]
        subprocess.run(["find", path, "-type", "d", *closed], capture_output=True, check=False)
        if subprocess.run(["rm", "-rf", "--", path], capture_output=True, check=False).returncode:
            raise


def _make_writable(path: Path) -> None:
    for parent, folders, _ in os.walk(path):
        for folder in folders:
            child = Path(parent, folder)
            if not child.is_symlink() and child.stat().st_mode & 0o700 != 0o700:
                child.chmod(0o700)


def fingerprint(stage: str, code_version: int, **parts: Any) -> str:
    """Return the fingerprint of an entry: its stage, the stage's code version, and everything that determines it."""
    return files.digest({"stage": stage, "code_version": code_version, "parts": parts})
