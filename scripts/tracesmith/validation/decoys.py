"""
Decoys: patches that look like a fix of a bug and are none, against which an instance's tests are tried.

Each is made from the text of the bugged file alone, is parsed before it is kept, and is neither the pristine file nor
the bugged one (but for white space; the comment is the exception). None is found by running anything, so one that the
tests accept may also be a right fix in other words.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from tree_sitter import Node

from tracesmith import grammar, patches
from tracesmith.errors import InputError
from tracesmith.selection import edits
from tracesmith.selection.edits import Edit
from tracesmith.validation import returns, sites

KINDS = ("half_fix", "other_mutant", "body_deleted", "early_return", "hard_coded", "comment")
COMMENT = b"\n// Checked: this is as it should be.\n"


@dataclass(frozen=True)
class Decoy:
    """One wrong fix: the files that the bug changes, as they are with it."""

    kind: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class Bugged:
    """A file with a bug."""

    path: str
    pristine: bytes
    edits: list[Edit]
    """What the bug changes, in lines or less."""

    @property
    def data(self) -> bytes:
        """The file with the bug."""
        return edits.apply(self.pristine, self.edits)

    def regions(self) -> list[tuple[int, int]]:
        """Return where the bug stands in the file that has it; an empty stretch where something is missing."""
        found, grown = [], 0
        for edit in self.edits:
            found.append((edit.start + grown, edit.start + grown + len(edit.text)))
            grown += edit.growth
        return found


def make(patch: str, name: str, source: Path, tests: Sequence[str], most: int) -> list[Decoy]:
    """
    Return at most so many decoys of a bug, all kinds in turn; none of a bug that does more than change lines of code.

    `tests` are the ids of the F2P tests, whose expected values are hard-coded.
    """
    bugged = bugged_files(patch, name, source)
    if not bugged or not most:
        return []
    expected = returns.expected(source, tests)
    by_kind = [
        list(_half_fixes(bugged)),
        [_with(bugged, file, data) for file in bugged for data in sites.mutants(file.path, file.data, file.regions())],
        *_bodies(bugged, expected),
        [_with(bugged, file, file.data + COMMENT) for file in bugged[:1]],
    ]
    found: dict[tuple[bytes, ...], Decoy] = {}
    same = {_key({file.path: data for file, data in zip(bugged, texts, strict=True)}) for texts in _known(bugged)}
    for kind, files in _in_turn(by_kind):
        key = _key(files)
        if (kind == "comment" or key not in same) and key not in found and _parse(files):
            found[key] = Decoy(kind, files)
        if len(found) == most:
            break
    return list(found.values())


def bugged_files(patch: str, name: str, source: Path) -> list[Bugged]:
    """Return the files that a bug changes; nothing where one is no code, or more is changed than lines."""
    try:
        changed = patches.parse(patch, name)
    except InputError:
        return []
    found = []
    for file in changed:
        path = file.before or ""
        if file.before != file.after or not path.endswith(grammar.SUFFIXES) or not (source / path).is_file():
            return []
        data = (source / path).read_bytes()
        changes = edits.edits_of(file, data)
        if changes is None:
            return []
        found.append(Bugged(path, data, [part for edit in changes for part in _parts(data, edit)]))
    return found


def _known(bugged: Sequence[Bugged]) -> list[list[bytes]]:
    return [[file.pristine for file in bugged], [file.data for file in bugged]]


def _with(bugged: Iterable[Bugged], changed: Bugged, data: bytes) -> dict[str, bytes]:
    return {file.path: data if file is changed else file.data for file in bugged}


def _parts(data: bytes, edit: Edit) -> Iterator[Edit]:
    """Yield the parts of an edit that differ, by lines."""
    old, new = (text.splitlines(keepends=True) for text in (data[edit.start : edit.end], edit.text))
    starts = list(itertools.accumulate(map(len, old), initial=edit.start))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield Edit(starts[i1], starts[i2], b"".join(new[j1:j2]))


def _half_fixes(bugged: Sequence[Bugged]) -> Iterator[dict[str, bytes]]:
    """Yield fixes of half of what the bug changes: of its parts, else of the lines of the only one."""
    parts = [(file, edit) for file in bugged for edit in file.edits]
    if len(parts) > 1:
        halves = [parts[: len(parts) // 2], parts[len(parts) // 2 :]]
    else:
        halves = [[(file, half)] for file, edit in parts for half in _halves(file.pristine, edit)]
    for left in halves:
        yield {
            file.path: edits.apply(file.pristine, [edit for other, edit in left if other is file]) for file in bugged
        }


def _halves(data: bytes, edit: Edit) -> Iterator[Edit]:
    """Yield a change of lines with one half of it undone."""
    old, new = (text.splitlines(keepends=True) for text in (data[edit.start : edit.end], edit.text))
    if max(len(old), len(new)) < 2:
        return
    here, there = -(-len(old) // 2), -(-len(new) // 2)
    yield Edit(edit.start, edit.end, b"".join([*old[:here], *new[there:]]))
    yield Edit(edit.start, edit.end, b"".join([*new[:there], *old[here:]]))


def _bodies(bugged: Sequence[Bugged], expected: Sequence[bytes]) -> list[list[dict[str, bytes]]]:
    """Return the decoys of each kind that does away with what the function around the bug does."""
    deleted, early, coded = [], [], []
    for file in bugged[:1]:
        node = _function(file)
        if node is None:
            continue
        deleted.append(_with(bugged, file, returns.without_body(file.data, node)))
        early += [_with(bugged, file, returns.early(file.data, node, value)) for value in returns.constants(node)]
        coded += [_with(bugged, file, returns.early(file.data, node, value)) for value in expected]
    return [deleted, early, coded]


def _function(file: Bugged) -> Node | None:
    """Return the innermost function whose body holds the first place of the bug; constructors do not count."""
    start, end = file.regions()[0]
    node = grammar.parser_of(file.path).parse(file.data).root_node.descendant_for_byte_range(start, end)
    while node is not None:
        body = node.child_by_field_name("body") if node.type in grammar.FUNCTIONS else None
        if body is not None and body.start_byte <= start and end <= body.end_byte:
            name = node.child_by_field_name("name")
            return None if name is not None and name.text == b"constructor" else node
        node = node.parent
    return None


def _in_turn(by_kind: Sequence[Sequence[dict[str, bytes]]]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the first of every kind, then the second ones, and so on."""
    for row in itertools.zip_longest(*by_kind):
        yield from ((kind, files) for kind, files in zip(KINDS, row, strict=True) if files is not None)


def _key(files: dict[str, bytes]) -> tuple[bytes, ...]:
    return tuple(b"".join(files[path].split()) for path in sorted(files))


def _parse(files: dict[str, bytes]) -> bool:
    return not any(grammar.parser_of(path).parse(data).root_node.has_error for path, data in files.items())
