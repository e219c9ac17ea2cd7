"""Writing the tree of a stranger: no file lands outside of the folder, and no link of it leads out."""

import os
import shutil
from pathlib import Path, PurePosixPath
from typing import IO

from tracesmith.errors import InputError

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
LFS_POINTER_SIZE = 1024  # at most, says its specification


class TreeWriter:
    """
    Writes files and links by name into an empty folder.

    Links are made last, so that nothing is written through one. What stands twice is written twice: the later wins.
    """

    def __init__(self, folder: Path, where: str) -> None:
        self._folder = folder
        self._where = where
        self._links: dict[PurePosixPath, str] = {}

    def file(self, path: PurePosixPath, data: IO[bytes], program: bool) -> None:
        """Write a file, all of the stream."""
        target = self._make_room(path)
        with target.open("wb") as out:
            shutil.copyfileobj(data, out, 1 << 20)
        target.chmod(0o755 if program else 0o644)

    def link(self, path: PurePosixPath, target: str) -> None:
        """Note a symbolic link, which is made when the tree is finished."""
        self._make_room(path)
        self._links[path] = target

    def finish(self) -> None:
        """Make the links."""
        for path, target in self._links.items():
            if not self._links.keys().isdisjoint(path.parents):
                raise InputError(f"{self._where}: {str(path)!r} stands below a link")
            (self._folder / path).symlink_to(target)

    def _make_room(self, path: PurePosixPath) -> Path:
        if path.is_absolute() or not path.parts or ".." in path.parts or ".git" in map(str.lower, path.parts):
            raise InputError(f"{self._where}: the path {str(path)!r} must not be written")
        if not self._links.keys().isdisjoint(path.parents):
            raise InputError(f"{self._where}: {str(path)!r} stands below a link")
        self._links.pop(path, None)
        place = self._folder / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise InputError(f"{self._where}: {str(path)!r} is a file and a folder") from None
        return place


def check_links(folder: Path, where: str, remedy: str = "") -> None:
    """Raise InputError when a link below the folder leads out of it: it would mean a file of the host."""
    for name in stray_links(folder):
        raise InputError(f"{where}: {name} is a link that leads out of the repository{remedy}")


def check_contents(folder: Path, where: str) -> None:
    """Raise InputError when files hold a pointer of Git LFS instead of their content."""
    found = pointers(folder)
    if found:
        raise InputError(
            f"{where}: {len(found)} files are pointers of Git LFS, which is not fetched, such as "
            f"{found[0]!r}; take them out with the profile's key `remove`, "
            "or name a folder or archive that holds their content"
        )


def stray_links(folder: Path) -> list[str]:
    """Return the links below a folder that lead out of it."""
    root, found = os.path.realpath(folder), []
    for parent, folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in sorted([*folders, *names])):
            if not path.is_symlink():
                continue
            inside = os.path.realpath(path).startswith(root + os.sep) or os.path.realpath(path) == root
            if not inside or path.readlink().is_absolute():
                found.append(path.relative_to(folder).as_posix())
    return found


def pointers(folder: Path) -> list[str]:
    """Return the files below a folder that hold a pointer of Git LFS instead of their content."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - {"node_modules"})
        found += [path for path in (Path(parent, name) for name in sorted(names)) if _is_pointer(path)]
    return [path.relative_to(folder).as_posix() for path in found]


def _is_pointer(path: Path) -> bool:
    if path.is_symlink() or not len(LFS_POINTER) < path.stat().st_size <= LFS_POINTER_SIZE:
        return False
    with path.open("rb") as data:
        return data.read(len(LFS_POINTER)) == LFS_POINTER
