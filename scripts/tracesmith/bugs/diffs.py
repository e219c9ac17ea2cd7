"""
The unified diff of the edits of a file, made in memory and only from the lines around them.

Lines end at LF only, as they do for git: a CR, U+2028 or form feed is a character of its line.
"""

from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from tracesmith.bugs.sources import Edit, SourceText

CONTEXT = 3
NO_NEWLINE = b"\n\\ No newline at end of file\n"
ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


def patch(file: SourceText, *edits: Edit) -> str:
    """Return the patch that makes the edits, which must not overlap; `git apply` accepts it as it stands."""
    parts, grown = [_header(file.path).encode()], 0
    for edit in _near_ones_joined(file, edits):
        hunks, more = _hunks_of(file, edit, grown)
        parts.append(hunks)
        grown += more
    return b"".join(parts).decode("utf-8")


def _near_ones_joined(file: SourceText, edits: Sequence[Edit]) -> list[Edit]:
    """Return the edits in their order, those whose hunks would meet as one."""
    groups: list[list[Edit]] = []
    for edit in sorted(edits, key=lambda one: one.start_byte):
        if groups and file.line_of(edit.start_byte) - file.line_of(groups[-1][-1].end_byte) <= 2 * CONTEXT:
            groups[-1].append(edit)
        else:
            groups.append([edit])
    return [file.joined(group) for group in groups]


def _hunks_of(file: SourceText, edit: Edit, grown: int) -> tuple[bytes, int]:
    """Return the hunks of an edit below which the file has grown by so many lines, and by how many it grows here."""
    first, last = file.line_of(edit.start_byte), file.line_of(edit.end_byte) + 1
    start, end = _offset(file, first), _offset(file, last)
    old = lines_of(file.data[start:end])
    new = lines_of(file.data[start : edit.start_byte] + edit.replacement + file.data[edit.end_byte : end])
    same = in_common(old, new)
    same_end = in_common(old[same:][::-1], new[same:][::-1])
    old, new = old[same : len(old) - same_end], new[same : len(new) - same_end]
    first, last = first + same, last - same_end
    before = lines_of(file.data[_offset(file, first - CONTEXT) : _offset(file, first)])
    after = lines_of(file.data[_offset(file, last) : _offset(file, last + CONTEXT)])
    starts = (first - len(before), first - len(before) + grown)
    hunks = _hunks([*before, *old, *after], [*before, *new, *after], len(before), len(after), starts)
    return hunks, len(new) - len(old)


def _offset(file: SourceText, line: int) -> int:
    """Return where a line begins; the file's ends hold those that are not there."""
    return file.line_starts[max(line, 0)] if line < len(file.line_starts) else len(file.data)


def in_common(one: list[bytes], other: list[bytes]) -> int:
    """Return with how many equal lines two lists begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _header(path: str) -> str:
    """Return the lines above the hunks; git ends a name that has a space in it with a TAB."""
    tab = "\t" if " " in path else ""
    old, new = quoted(f"a/{path}"), quoted(f"b/{path}")
    return f"diff --git {old} {new}\n--- {old}{tab}\n+++ {new}{tab}\n"


def quoted(name: str) -> str:
    """Return a name as git does: with `"`, a backslash, control or non-ASCII characters in it, quoted and escaped."""
    data = name.encode("utf-8")
    if all(0x20 <= byte < 0x7F and byte not in ESCAPES for byte in data):
        return name
    return '"' + "".join(_quoted_byte(byte) for byte in data) + '"'


def _quoted_byte(byte: int) -> str:
    if byte in ESCAPES:
        return f"\\{ESCAPES[byte]}"
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines of bytes, with their ends."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _hunks(old: list[bytes], new: list[bytes], before: int, after: int, starts: tuple[int, int]) -> bytes:
    """Return the hunks of two stretches that share their first and last lines, which stay context."""
    ends: tuple[list[Hashable], list[Hashable]] = (list(range(before)), list(range(-after, 0)))  # equal to no line
    keys = [[*ends[0], *lines[before : len(lines) - after], *ends[1]] for lines in (old, new)]
    groups = SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_grouped_opcodes(CONTEXT)
    return b"".join(_hunk(group, old, new, starts) for group in groups)


def _hunk(
    group: list[tuple[str, int, int, int, int]], old: list[bytes], new: list[bytes], starts: tuple[int, int]
) -> bytes:
    _, old_start, _, new_start, _ = group[0]
    _, _, old_end, _, new_end = group[-1]
    here = _range(old_start + starts[0], old_end - old_start), _range(new_start + starts[1], new_end - new_start)
    parts = [f"@@ -{here[0]} +{here[1]} @@\n".encode()]
    for tag, i1, i2, j1, j2 in group:
        if tag == "equal":
            parts += [_marked(b" ", line) for line in old[i1:i2]]
        else:
            parts += [_marked(b"-", line) for line in old[i1:i2]]
            parts += [_marked(b"+", line) for line in new[j1:j2]]
    return b"".join(parts)


def _range(start: int, count: int) -> str:
    """Return a hunk's range, lines counted from 1; an empty range names the line before it."""
    if count == 1:
        return str(start + 1)
    return f"{start + (count > 0)},{count}"


def _marked(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + NO_NEWLINE
