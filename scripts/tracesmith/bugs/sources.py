"""
The TypeScript files of a source folder, as bytes and as syntax trees.

Every offset is a byte offset: CRLF, BOM, tabs and U+2028 come out as they went in.
"""

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import tree_sitter_typescript
from tree_sitter import Language, Parser, Tree

from tracesmith import globs
from tracesmith.errors import InputError

SUFFIXES = (".ts", ".tsx", ".mts", ".cts")
DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")
NEVER_ENTERED = frozenset({".git", "node_modules"})


@dataclass(frozen=True)
class Edit:
    """One contiguous change of a file: the bytes from start_byte to end_byte become the replacement."""

    start_byte: int
    end_byte: int
    replacement: bytes


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A file that parses without an error."""

    path: str
    """POSIX path relative to the source folder."""
    data: bytes
    tree: Tree
    line_starts: list[int]
    """Offset of each line's first byte; lines end at LF only."""

    def line_of(self, offset: int) -> int:
        """Return the number (from 0) of the line that holds the byte at this offset."""
        return bisect_right(self.line_starts, offset) - 1

    def edited(self, edit: Edit) -> bytes:
        """Return the file's bytes with the edit applied."""
        return self.data[: edit.start_byte] + edit.replacement + self.data[edit.end_byte :]

    def parses_with(self, edit: Edit) -> bool:
        """Tell whether the edited file parses without an error; what the edit leaves alone is not parsed again."""
        tree = self.tree.copy()
        new_end = edit.start_byte + len(edit.replacement)
        lines, start = edit.replacement.count(b"\n"), self._point(edit.start_byte)
        column = (
            len(edit.replacement) - edit.replacement.rfind(b"\n") - 1 if lines else start[1] + len(edit.replacement)
        )
        after = (start[0] + lines, column)
        tree.edit(edit.start_byte, edit.end_byte, new_end, start, self._point(edit.end_byte), after)
        return not parser_of(self.path).parse(self.edited(edit), tree).root_node.has_error

    def _point(self, offset: int) -> tuple[int, int]:
        line = self.line_of(offset)
        return line, offset - self.line_starts[line]


@dataclass(frozen=True)
class Sources:
    """What a source folder holds for the chosen globs."""

    files: list[SourceFile]
    """In the order of their paths."""
    skipped: Counter[str]
    """Why files that the globs chose are left out."""
    digests: dict[str, str]
    """The sha256 of every file that was read, by path."""


def read_folder(folder: Path, chosen: Sequence[str], excluded: Sequence[str]) -> Sources:
    """Read the TypeScript files that the chosen globs match and the excluded ones do not; `.d.ts` never counts."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; the pristine sources are wanted")
    found = Sources([], Counter(), {})
    for path in sorted(_paths(folder)):
        if globs.matches(path, chosen) and not globs.matches(path, excluded):
            _add(found, folder, path)
    return found


def parse(path: str, data: bytes) -> SourceFile | None:
    """Return the file with its syntax tree; None when the pristine text has an error in it."""
    tree = parser_of(path).parse(data)
    if tree.root_node.has_error:
        return None
    starts = [0, *(offset + 1 for offset, byte in enumerate(data) if byte == 0x0A)]
    return SourceFile(path, data, tree, starts)


def parser_of(path: str) -> Parser:
    """Return the parser for a file name: `.tsx` has a grammar of its own, in which `<T>x` is an element."""
    return _parser(path.endswith(".tsx"))


@cache
def _parser(tsx: bool) -> Parser:
    language = tree_sitter_typescript.language_tsx() if tsx else tree_sitter_typescript.language_typescript()
    return Parser(Language(language))


def _paths(folder: Path) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NEVER_ENTERED]
        for name in names:
            if name.endswith(SUFFIXES):
                yield Path(parent, name).relative_to(folder).as_posix()


def _add(found: Sources, folder: Path, path: str) -> None:
    """Add one file to what was found, or count why it is left out."""
    if reason := _unusable(folder, path):
        found.skipped[reason] += 1
        return
    try:
        data = (folder / path).read_bytes()
    except PermissionError:
        raise InputError(f"{folder / path}: not readable (permission denied)") from None
    found.digests[path] = sha256(data).hexdigest()
    if not _is_utf8(data):
        found.skipped["not_utf8"] += 1
    elif file := parse(path, data):
        found.files.append(file)
    else:
        found.skipped["does_not_parse"] += 1


def _unusable(folder: Path, path: str) -> str | None:
    if path.endswith(DECLARATIONS):
        return "declaration_file"
    if not _is_utf8(os.fsencode(path)):
        return "path_not_utf8"
    return "symbolic_link" if (folder / path).is_symlink() else None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
