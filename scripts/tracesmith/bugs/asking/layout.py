"""
Put a model's code into a file the way the file is laid out: indentation, tabs and line ends are those of the original.

A line that the original has too, as deep, comes out byte for byte as it was; the indentation of the others is counted
in steps and written in the file's own.
"""

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True)
class Indentation:
    """How lines are indented: the white space of the first, and that of each step more."""

    base: str
    step: str

    def steps(self, line: str) -> tuple[int, str]:
        """Return how many steps a line is indented more than the first one, and what white space is left over."""
        found = line[: len(line) - len(line.lstrip(" \t"))].removeprefix(self.base)
        count = 0
        while found.startswith(self.step):
            count, found = count + 1, found[len(self.step) :]
        return count, found

    def key(self, line: str) -> tuple[int, str]:
        """Return what a line says and how deep it stands: equal for a line that is indented in another manner."""
        return self.steps(line)[0] if line.strip() else 0, line.strip()


def laid_out(original: str, indent: str, code: str) -> str:
    """
    Return code in the layout of the original, which begins behind `indent` in its first line.

    `code` has LF for line ends; its first line may be indented.
    """
    old = original.split("\n")
    end = "\r" if old[0].endswith("\r") else ""
    new = _without_blank_ends(code.split("\n"))
    ours = Indentation(indent, _step([indent + old[0], *old[1:]]))
    first = [ours.key(indent + old[0]), *map(ours.key, old[1:])]
    theirs = _indentation_of(new, ours, first)
    made: list[str] = []
    matcher = SequenceMatcher(None, first, [theirs.key(line) for line in new], autojunk=False)
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            made += old[old_start:old_end]
        else:
            made += [_line(line, theirs, ours) + end for line in new[new_start:new_end]]
    made[0] = made[0].lstrip(" \t")
    made[-1] = made[-1].rstrip("\r")
    return "\n".join(made)


def _indentation_of(new: list[str], ours: Indentation, first: list[tuple[int, str]]) -> Indentation:
    """Return how code is indented: by the original's step or by its own, whichever finds more of the original in it."""
    base = new[0][: len(new[0]) - len(new[0].lstrip(" \t"))]
    known = Counter(first)
    ways = [Indentation(base, step) for step in dict.fromkeys([ours.step, _step(new)])]
    return max(ways, key=lambda way: (known & Counter(map(way.key, new))).total())


def _line(line: str, theirs: Indentation, ours: Indentation) -> str:
    if not line.strip():
        return ""
    count, rest = theirs.steps(line)
    return ours.base + ours.step * count + rest.replace("\t", "") + line.strip(" \t\r")


def _step(lines: list[str]) -> str:
    """Return one step of indentation: a tab, or the fewest spaces by which a line is indented more than the first."""
    first = _width(lines[0])
    if any(line.startswith("\t") for line in lines[1:]):
        return "\t"
    widths = [_width(line) - first for line in lines[1:] if line.strip() and not line.lstrip().startswith("*")]
    return " " * min((width for width in widths if width > 1), default=2)


def _width(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _without_blank_ends(lines: list[str]) -> list[str]:
    kept = [number for number, line in enumerate(lines) if line.strip()]
    return lines[kept[0] : kept[-1] + 1] if kept else [""]
