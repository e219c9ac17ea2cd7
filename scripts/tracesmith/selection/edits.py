"""What a patch changes in a file, in bytes, and the function bodies that hold all of it."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from tracesmith.patches import FilePatch
from tracesmith.selection.bodies import Body

MODULE = -1


@dataclass(frozen=True)
class Edit:
    """Bytes of a file, and what stands there afterwards."""

    start: int
    end: int
    text: bytes

    @property
    def growth(self) -> int:
        """By how many bytes the file becomes longer."""
        return len(self.text) - (self.end - self.start)


def edits_of(patch: FilePatch, data: bytes) -> list[Edit] | None:
    """Return the edits of a file's hunks, one each, in order; None when a hunk is not where it says it is."""
    starts = [0]
    for line in _lines(data):
        starts.append(starts[-1] + len(line))
    found, shift = [], 0
    for hunk in patch.hunks:
        before, after = (text.encode("utf-8", "surrogateescape") for text in (hunk.before, hunk.after))
        index = hunk.line - shift - (1 if after else 0)
        if not 0 <= index < len(starts) or not data.startswith(before, starts[index]):
            return None
        found.append(_trimmed(starts[index], before, after))
        shift += after.count(b"\n") - before.count(b"\n")
    ordered = all(one.end <= other.start for one, other in itertools.pairwise(found))
    return found if ordered else None


def apply(data: bytes, edits: Sequence[Edit]) -> bytes:
    """Return the file after the edits."""
    for edit in reversed(edits):
        data = data[: edit.start] + edit.text + data[edit.end :]
    return data


def owners(edits: Sequence[Edit], before: Sequence[Body], after: Sequence[Body]) -> set[int]:
    """
    Return, by their numbers among the bodies before, the innermost that hold the edits; MODULE where none does.

    A body counts only when it is one afterwards too: an edit may end a function early.
    """
    kept = set(after)
    found = set()
    for edit in edits:
        holding = [number for number, body in enumerate(before) if body.holds(edit.start, edit.end)]
        stable = [number for number in holding if _moved(before[number], edits) in kept]
        found.add(min(stable, key=lambda number: before[number].end - before[number].start, default=MODULE))
    return found


def _moved(body: Body, edits: Sequence[Edit]) -> Body:
    start = body.start + sum(edit.growth for edit in edits if edit.end <= body.start)
    return Body(start, body.end + sum(edit.growth for edit in edits if edit.end <= body.end), body.is_expression)


def _lines(data: bytes) -> list[bytes]:
    """Split at newlines alone, as git does."""
    return [line + b"\n" for line in data.split(b"\n")]


def _trimmed(position: int, before: bytes, after: bytes) -> Edit:
    """Return the edit without what is the same at both ends."""
    left = _same(before, after)
    right = _same(before[left:][::-1], after[left:][::-1])
    return Edit(position + left, position + len(before) - right, after[left : len(after) - right])


def _same(one: bytes, other: bytes) -> int:
    """Return how many bytes at the beginning are the same."""
    shorter = min(len(one), len(other))
    return next((place for place in range(shorter) if one[place] != other[place]), shorter)
