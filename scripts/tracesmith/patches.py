"""Read unified diffs: which files a patch touches, and the text of each hunk on either side."""

import re
from dataclasses import dataclass, field

from tracesmith.errors import InputError

# How a patch is applied everywhere; what it does to installed packages is left out.
APPLY = ("apply", "--whitespace=nowarn", "--exclude=node_modules/*", "--exclude=*/node_modules/*")
QUOTED = re.compile(rb'\\([0-7]{3}|[abfnrtv"\\])')
ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True)
class Hunk:
    """One hunk: where it stands after the patch (line from 1), and its text before and after, context included."""

    line: int
    before: str
    after: str


@dataclass
class FilePatch:
    """The hunks of one file; a path is None where the file is made or removed."""

    before: str | None
    after: str | None
    hunks: list[Hunk] = field(default_factory=list)


def to_bytes(patch: str) -> bytes:
    """Return a patch as git reads it: the bytes it was decoded from, ending with a newline."""
    text = patch if patch.endswith("\n") else patch + "\n"
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair, which only JSON can hold
        return text.encode("utf-8", "surrogatepass")


def parse(patch: str, where: str) -> list[FilePatch]:
    """Return the files of a unified diff. Raises InputError, with `where`, for text that is none."""
    lines = patch.removesuffix("\n").split("\n")
    found: list[FilePatch] = []
    position = 0
    while position < len(lines):
        if lines[position].startswith("--- ") and position + 1 < len(lines) and lines[position + 1].startswith("+++ "):
            found.append(FilePatch(path_of(lines[position][4:]), path_of(lines[position + 1][4:])))
            position += 2
        elif lines[position].startswith("@@ ") and found:
            hunk, position = _hunk(lines, position, where)
            found[-1].hunks.append(hunk)
        else:
            position += 1
    if not any(file.hunks for file in found):
        raise InputError(f"{where}: no unified diff with hunks of text")
    return found


def path_of(text: str) -> str | None:
    """Return the path behind `--- ` or `+++ `, without its first folder and quotes; None for /dev/null."""
    name = text.split("\t", 1)[0]
    if name.startswith('"'):
        name = QUOTED.sub(_unquoted, name[1:-1].encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    return None if name == "/dev/null" else name.split("/", 1)[-1]


def _unquoted(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 8) & 0xFF]) if len(match[1]) == 3 else ESCAPES.get(match[1], match[1])


def _hunk(lines: list[str], position: int, where: str) -> tuple[Hunk, int]:
    head = HUNK.match(lines[position])
    if not head:
        raise InputError(f"{where}: line {position + 1} is no hunk header")
    left, right = (int(head[number] or 1) if head[number] != "0" else 0 for number in (2, 4))
    before: list[str] = []
    after: list[str] = []
    position += 1
    while (len(before) < left or len(after) < right) and position < len(lines):
        kind, text = lines[position][:1] or " ", lines[position][1:] + "\n"
        if kind not in "+- ":
            raise InputError(f"{where}: line {position + 1} is no line of a hunk")
        for side, mark in ((before, "-"), (after, "+")):
            if kind in (mark, " "):
                side.append(text)
        position += 1
        if position < len(lines) and lines[position].startswith("\\"):
            for side, mark in ((before, "-"), (after, "+")):
                if kind in (mark, " "):
                    side[-1] = side[-1].removesuffix("\n")
            position += 1
    if len(before) != left or len(after) != right:
        raise InputError(f"{where}: the hunk {head[0]!r} is cut short")
    return Hunk(int(head[3]), "".join(before), "".join(after)), position
