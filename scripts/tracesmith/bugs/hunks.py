"""
The hunks of a patch as edits of a file, found by their text and not by their line alone.

The text is exact, white space included; only its line ends may be those of the file instead.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tracesmith.bugs import diffs
from tracesmith.bugs.sources import Edit, SourceText
from tracesmith.patches import Hunk


@dataclass(frozen=True)
class Change:
    """Whole lines that become others."""

    line: int
    """Where the old ones are expected, from 0."""
    old: bytes
    new: bytes


class NotFoundError(Exception):
    """A change has no place in the file, or not just one; `line` (from 1) is where it was expected."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def done(hunks: Sequence[Hunk]) -> list[Change]:
    """Return what the hunks of one file change. Raises NotFoundError for text that no UTF-8 file holds."""
    changes, grown = [], 0
    for hunk in hunks:
        changes.append(_change(_first_line(hunk) - grown, hunk.before, hunk.after))
        grown += hunk.after.count("\n") - hunk.before.count("\n")
    return changes


def undone(hunks: Sequence[Hunk]) -> list[Change]:
    """Return what undoes the hunks of one file. Raises NotFoundError for text that no UTF-8 file holds."""
    return [_change(_first_line(hunk), hunk.after, hunk.before) for hunk in hunks]


def edits(file: SourceText, changes: Iterable[Change]) -> list[Edit]:
    """
    Return the edits that make the changes, in their order, each of no more lines than differ.

    Raises NotFoundError for the first change that has no place of its own.
    """
    found: list[Edit] = []
    for change in changes:
        edit = next(filter(None, (_edit(file, one) for one in _variants(file, change))), None)
        if edit is None or not apart([*found, edit]):
            raise NotFoundError(change.line + 1)
        found.append(edit)
    changing = [edit for edit in found if file.data[edit.start_byte : edit.end_byte] != edit.replacement]
    return sorted(changing, key=lambda edit: edit.start_byte)


def apart(changes: Iterable[Edit]) -> bool:
    """Tell whether at least a line that stays is between any two edits of a file."""
    ordered = sorted(changes, key=lambda edit: (edit.start_byte, edit.end_byte))
    return all(one.end_byte < other.start_byte for one, other in pairwise(ordered))


def _first_line(hunk: Hunk) -> int:
    return max(hunk.line - 1, 0) if hunk.after else hunk.line  # an empty range names the line before it


def _change(line: int, old: str, new: str) -> Change:
    try:
        return Change(line, old.encode("utf-8"), new.encode("utf-8"))
    except UnicodeEncodeError:
        raise NotFoundError(line + 1) from None


def _variants(file: SourceText, change: Change) -> Iterator[Change]:
    """Yield a change as it is, and then with the line ends of the file."""
    yield change
    end = b"\r\n" if 2 * file.data.count(b"\r\n") > file.data.count(b"\n") else b"\n"
    old, new = (text.replace(b"\r\n", b"\n").replace(b"\n", end) for text in (change.old, change.new))
    if old != change.old:
        yield Change(change.line, old, new)


def _edit(file: SourceText, change: Change) -> Edit | None:
    """Return the edit that makes a change: at its line, else at the one place where its text stands."""
    if not change.old and file.data:
        return None
    start = _offset(file, change.line)
    if not _stands_at(file, change.old, start):
        places = list(_places(file, change.old))
        if len(places) != 1:
            return None
        start = places[0]
    return _trimmed(start, change)


def _offset(file: SourceText, line: int) -> int:
    return file.line_starts[line] if 0 <= line < len(file.line_starts) else len(file.data)


def _stands_at(file: SourceText, text: bytes, start: int) -> bool:
    end = start + len(text)
    return file.data.startswith(text, start) and (text.endswith(b"\n") or end == len(file.data))


def _places(file: SourceText, text: bytes) -> Iterator[int]:
    """Yield where whole lines stand."""
    start = file.data.find(text)
    while start >= 0:
        if (start == 0 or file.data[start - 1] == 0x0A) and _stands_at(file, text, start):
            yield start
        start = file.data.find(text, start + 1)


def _trimmed(start: int, change: Change) -> Edit:
    """Return the edit of the lines that differ."""
    old, new = diffs.lines_of(change.old), diffs.lines_of(change.new)
    same = diffs.in_common(old, new)
    same_end = diffs.in_common(old[same:][::-1], new[same:][::-1])
    start += sum(map(len, old[:same]))
    end = start + sum(map(len, old[same : len(old) - same_end]))
    return Edit(start, end, b"".join(new[same : len(new) - same_end]))
