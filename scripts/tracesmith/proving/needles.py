"""
What must not be found in a workspace: the fixed text of the lines that a bug changes, in a form that copies share.

The form has no white space, backslashes or difference of quotes: so a line is found after a compiler, a minifier that
keeps names, another indentation, other line ends, JSON or UTF-16 too.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tracesmith import patches

GONE = b" \t\r\n\f\v\\\0"
QUOTES = bytes.maketrans(b'`"', b"''")
ESCAPED = re.compile(rb"\\+[nrt]")
NAME = re.compile(r"[A-Za-z_$][\w$]*")
AT_THE_ENDS = b",;{}()"
LEAST_LINE = 20
"""Bytes of a line's form; a shorter one is written by many."""
LEAST_BLOCK = 40
LEAST_NAMES = 2
MOST_AROUND = 3
"""Lines on either side of changed lines, as many as a patch shows."""
WORDS = frozenset(
    re.findall(
        r"\w+",
        "any as async await boolean break case catch class const continue default delete do else enum export extends "
        "false finally for from function get if implements import in instanceof interface let length map never new "
        "null number of private protected public push readonly return set static string super switch this throw true "
        "try type typeof undefined unknown value var void while with yield i j k n x y",
    )
)
"""Words of the language and of every program."""


@dataclass(frozen=True)
class Needle:
    """A text that only the fixed code has."""

    key: bytes
    """The form that is looked for."""
    text: str
    """As it stands in the fixed code."""
    is_block: bool
    """Whether it is changed lines with lines around them, else one line alone."""


def form(data: bytes) -> bytes:
    """Return the form of a text, in which needles are looked for."""
    return ESCAPED.sub(b"", data).translate(QUOTES, GONE)


def of_patch(patch: str, where: str) -> list[Needle]:
    """Return the needles of the patch that makes a bug, each once; none where nothing in it is distinctive."""
    found = {needle.key: needle for needle in _needles(patch, where)}
    return [found[key] for key in sorted(found)]


def _needles(patch: str, where: str) -> Iterator[Needle]:
    for file in patches.parse(patch, where):
        for hunk in file.hunks:
            yield from _of_hunk(hunk.before.split("\n"), hunk.after.split("\n"))


def _of_hunk(fixed: list[str], buggy: list[str]) -> Iterator[Needle]:
    left = _form("\n".join(buggy))
    for kind, first, last, _, _ in difflib.SequenceMatcher(None, fixed, buggy, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for line in fixed[first:last]:
            key = _form(line).strip(AT_THE_ENDS)
            if len(key) >= LEAST_LINE and key not in left and _has_names(line):
                yield Needle(key, line.strip(), is_block=False)
        yield from _block(fixed, first, last, left)


def _block(fixed: list[str], first: int, last: int, left: bytes) -> Iterator[Needle]:
    """Yield the changed lines with as few lines around them as make them distinctive, if any do."""
    for around in range(1, MOST_AROUND + 1):
        block = "\n".join(fixed[max(0, first - around) : last + around])
        key = _form(block).strip(AT_THE_ENDS)
        if len(key) >= LEAST_BLOCK and key not in left and _has_names(block):
            yield Needle(key, block.strip(), is_block=True)
            return


def _form(text: str) -> bytes:
    return form(text.encode("utf-8", "surrogateescape"))


def _has_names(text: str) -> bool:
    return len(set(NAME.findall(text)) - WORDS) >= LEAST_NAMES
