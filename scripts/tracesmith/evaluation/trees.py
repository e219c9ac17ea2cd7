"""
The tree that is graded: the pristine one with the bug, and of a patch what a fix may touch.

git applies both on the host, in a folder that holds no other file than theirs. Whatever the patch's text was taken for,
only files that a kept part names are taken out of it, so that everything else of the sandbox is pristine.
"""

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tracesmith import files, git, patches, scratch, sections
from tracesmith.errors import InfrastructureError
from tracesmith.records import Instance
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Sandbox
from tracesmith.sections import Section
from tracesmith.workspaces import PatchDoesNotApplyError

MOST_S = 120


@dataclass(frozen=True)
class Tree:
    """What differs from the pristine tree, as files below a folder."""

    folder: Path
    written: list[str]
    removed: list[str]
    is_the_bug: bool
    """Whether the patch leaves nothing but the bug."""

    def plus(self, texts: Mapping[str, bytes]) -> "Tree":
        """Return the tree with other files written as well."""
        for name, text in texts.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(text)
        return replace(self, written=sorted({*self.written, *texts}))

    def put(self, box: Sandbox) -> None:
        """Make the differences in a fresh sandbox."""
        if self.removed:
            gone = "\0".join(self.removed).encode("utf-8", "surrogateescape")
            base.must(box, ["xargs", "-0", "rm", "-f", "--"], stdin=gone)
        if self.written:
            base.write_files(box, self.folder, self.written)


@contextmanager
def build(source: Path, instance: Instance, kept: Sequence[Section]) -> Iterator[Tree]:
    """
    Yield the tree that `kept` makes of an instance; its folder is gone at the end of the block.

    Raises PatchDoesNotApplyError with git's words.
    """
    names = sections.names(instance["patch"]).union(*(section.names for section in kept))
    with scratch.folder() as folder:
        _copy(source, folder, names)
        before = set(files.list_files(folder))
        try:
            _apply(folder, instance["patch"])
        except PatchDoesNotApplyError as error:
            raise InfrastructureError(f"{instance['instance_id']}: the bug patch does not apply: {error}") from None
        bugged = _contents(folder, names)
        if kept:
            _apply(folder, "".join(section.text for section in kept))
        now = _contents(folder, names)
        _check_places(source, now)
        yield Tree(folder, sorted(now), sorted(before - set(now)), now == bugged)


def _copy(source: Path, folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = source / name
        if path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(source.resolve()):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / name)


def _check_places(source: Path, names: Iterable[str]) -> None:
    """Raise PatchDoesNotApplyError for a file that stands in the way of the pristine tree's other files."""
    for name in names:
        above = [source / folder for folder in PurePosixPath(name).parents[:-1]]
        if (source / name).is_dir() or any(place.is_symlink() or place.is_file() for place in above):
            raise PatchDoesNotApplyError(f"error: {name}: there is a folder, or a part of the path is a file or a link")


def _contents(folder: Path, names: set[str]) -> dict[str, tuple[bytes, bool]]:
    """Return the bytes of the named files that are there, and whether each can be run."""
    found = {}
    for name in files.list_files(folder):
        path = folder / name
        if name in names and path.is_file() and not path.is_symlink():
            found[name] = (path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return found


def _apply(folder: Path, patch: str) -> None:
    """Apply a patch to a folder as if no repository were above it."""
    alone = {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    try:
        done = subprocess.run(
            ["git", *patches.APPLY, "-"],
            cwd=folder,
            input=patches.to_bytes(patch),
            capture_output=True,
            check=False,
            timeout=MOST_S,
            env={**git.environment_of_git(), **alone},
        )
    except subprocess.TimeoutExpired:
        raise PatchDoesNotApplyError(f"git apply took more than {MOST_S} s") from None
    if done.returncode:
        raise PatchDoesNotApplyError(_said(done.stderr, patch))


def _said(stderr: bytes, patch: str) -> str:
    said = stderr.decode("utf-8", "replace").strip()[:500]
    hint = "; its lines end in CRLF, the files' may not" if "\r\n" in patch else ""
    return f"{said}{hint}"
