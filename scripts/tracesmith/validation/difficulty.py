"""
How hard an instance is, as far as that is known without a model: the size of its fix, and how near the tests are.

Pure functions of the bug's patch, the pristine tree and the console output of a run with the bug.
"""

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from tree_sitter import Node

from tracesmith import grammar, patches
from tracesmith.errors import InputError
from tracesmith.patches import FilePatch, Hunk
from tracesmith.sandboxes.base import TESTBED

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts")
# What stands for what in an import: TypeScript names the JavaScript that it becomes.
COMPILED = {".js": (".ts", ".tsx", ".js", ".jsx"), ".mjs": (".mts", ".mjs"), ".cjs": (".cts", ".cjs")}


def of(patch: str, name: str, tests: Collection[str], imports: "Imports", output: str) -> dict[str, Any]:
    """
    Return the difficulty of an instance, as far as its patch and its tests say it.

    `patch` is the bug's, `tests` are the files of the F2P tests.
    """
    changed = _parsed(patch, name)
    lines = {_path(file): {place for hunk in file.hunks for place in _places(hunk)} for file in changed}
    said = {path: set(_named(ESCAPES.sub("", output), path)) for path in lines}
    return {
        "files": len(changed),
        "hunks": sum(len(file.hunks) for file in changed),
        "lines": sum(_changed_lines(hunk) for file in changed for hunk in file.hunks),
        "distance": imports.distance(tests, lines),
        "output_names_file": any(said.values()),
        "output_names_line": any(said[path] & lines[path] for path in lines),
    }


def is_typescript(patch: str, name: str) -> bool:
    """Tell whether a patch changes nothing but TypeScript files."""
    changed = _parsed(patch, name)
    return bool(changed) and all(_path(file).endswith(TYPESCRIPT) and file.before == file.after for file in changed)


@dataclass
class Imports:
    """Which files of a tree import which by relative paths; each file is parsed once."""

    tree: Path
    _of: dict[str, list[str]] = field(default_factory=dict)

    def distance(self, tests: Iterable[str], changed: Collection[str]) -> int | None:
        """Return the fewest imports that lead from a test file to a changed file; None when none do."""
        seen, ring = set(tests), set(tests)
        steps = 0
        while ring:
            if ring & set(changed):
                return steps
            ring = {path for one in ring for path in self.of(one)} - seen
            seen |= ring
            steps += 1
        return None

    def of(self, path: str) -> list[str]:
        """Return the files that a file imports."""
        if path not in self._of:
            place = self.tree / path
            is_code = path.endswith(grammar.SUFFIXES) and place.is_file() and not place.is_symlink()
            names = specifiers(path, place.read_bytes()) if is_code else []
            self._of[path] = sorted({found for name in names for found in self._resolve(path, name)})
        return self._of[path]

    def _resolve(self, path: str, name: str) -> Iterator[str]:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        if target.startswith("../"):
            return
        stem, suffix = posixpath.splitext(target)
        names = [stem + other for other in COMPILED.get(suffix, ())] or [target]
        names += [target + other for other in grammar.SUFFIXES] + [
            f"{target}/index{other}" for other in grammar.SUFFIXES
        ]
        found = next((one for one in names if (self.tree / one).is_file()), None)
        if found:
            yield found


def specifiers(path: str, data: bytes) -> list[str]:
    """Return the relative names that a file imports, exports again or requires."""
    found, stack = [], [grammar.parser_of(path).parse(data).root_node]
    while stack:
        node = stack.pop()
        source = _source(node)
        if source is not None and source.type == "string" and source.text:
            name = source.text[1:-1].decode("utf-8", "replace")
            if name.startswith("."):
                found.append(name.split("?", 1)[0])
        stack += node.children
    return found


def _source(node: Node) -> Node | None:
    if node.type in ("import_statement", "export_statement"):
        return node.child_by_field_name("source")
    function = node.child_by_field_name("function") if node.type == "call_expression" else None
    given = node.child_by_field_name("arguments") if function is not None else None
    is_import = function is not None and function.text in (b"import", b"require")
    return given.named_child(0) if is_import and given is not None and given.named_child_count else None


def _parsed(patch: str, name: str) -> list[FilePatch]:
    try:
        return patches.parse(patch, name)
    except InputError:  # a patch without text, such as a rename, changes no line
        return []


def _path(file: FilePatch) -> str:
    return file.before or file.after or ""


def _opcodes(hunk: Hunk) -> Iterator[tuple[int, int, int, int]]:
    before, after = (text.split("\n") for text in (hunk.before, hunk.after))
    for tag, *places in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield places[0], places[1], places[2], places[3]


def _changed_lines(hunk: Hunk) -> int:
    return sum(end - start + other_end - other for start, end, other, other_end in _opcodes(hunk))


def _places(hunk: Hunk) -> Iterator[int]:
    """Yield the lines of the tree with the bug that are wrong there, or beside which some are missing."""
    for _, _, start, end in _opcodes(hunk):
        yield from range(hunk.line + start, hunk.line + max(end, start + 1))


def _named(output: str, path: str) -> Iterator[int]:
    """Yield the line numbers with which an output names a file, 0 where it has none."""
    where = rf"(?:(?<![\w./-])|(?<={TESTBED}/)){re.escape(path)}(?![\w-]|\.\w)(?::(\d+))?"
    for match in re.finditer(where, output):
        yield int(match[1] or 0)
