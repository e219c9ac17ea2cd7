"""
Cut a patch into its parts, one for each file, as git would read them.

Nothing here is trusted: whoever applies what is left checks which files have changed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tracesmith import patches

LINK_MODES = ("120000", "160000")
HALVES = re.compile(r'("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)')
NAMED = ("rename from ", "rename to ", "copy from ", "copy to ")
MODES = ("new file mode ", "new mode ", "old mode ", "deleted file mode ")


@dataclass
class Section:
    """The part of a patch that is about one file."""

    lines: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """Every path it names, on either side; none where they cannot be read."""
    modes: list[str] = field(default_factory=list)
    adds: bool = False
    """Whether it makes a file."""
    is_binary: bool = False
    has_hunks: bool = False
    added: list[str] = field(default_factory=list)
    """The lines that it adds."""
    others: list[str] = field(default_factory=list)
    """The lines that it removes or leaves."""

    @property
    def text(self) -> str:
        """Return the part as it stands in the patch."""
        return "\n".join(self.lines) + "\n"

    @property
    def makes_link(self) -> bool:
        """Tell whether it makes or changes a symbolic link or a submodule."""
        return any(mode in LINK_MODES for mode in self.modes)


def split(patch: str) -> list[Section]:
    """Return the parts of a patch in their order; text in front of the first is left out."""
    lines = patch.removesuffix("\n").split("\n")
    found: list[Section] = []
    position = 0
    while position < len(lines):
        if _begins(lines, position, found[-1] if found else None):
            found.append(Section())
        if not found:
            position += 1
            continue
        end = position + 1
        if lines[position].startswith("@@ "):
            end = _end_of_hunk(lines, position)
            _take_hunk(found[-1], lines[position + 1 : end])
        else:
            _take_head(found[-1], lines[position])
        found[-1].lines += lines[position:end]
        position = end
    return found


def added_lines(patch: str) -> list[str]:
    """Return the lines that a patch adds."""
    return [line for section in split(patch) for line in section.added]


def removed_or_kept_lines(patch: str) -> list[str]:
    """Return the lines that a patch removes or leaves."""
    return [line for section in split(patch) for line in section.others]


def names(patch: str) -> set[str]:
    """Return every path that a patch names."""
    return set().union(*(section.names for section in split(patch)))


def _begins(lines: Sequence[str], position: int, current: Section | None) -> bool:
    line = lines[position]
    if line.startswith("diff --git "):
        return True
    paths = line.startswith("--- ") and position + 1 < len(lines) and lines[position + 1].startswith("+++ ")
    return paths and (current is None or current.has_hunks or any(old.startswith("--- ") for old in current.lines))


def _take_head(section: Section, line: str) -> None:
    """Read a line outside of hunks."""
    line = line.removesuffix("\r")
    if line.startswith("diff --git "):
        section.names.update(_halves(line.removeprefix("diff --git ")))
    elif line.startswith(("--- ", "+++ ")):
        name = patches.path_of(line[4:])
        section.adds = section.adds or (name is None and line.startswith("--- "))
        if not any(old.startswith(("--- ", "rename ", "copy ")) for old in section.lines):
            section.names.clear()  # these lines are better to read than the first one, and say the same
        section.names.update([name] if name else [])
    elif line.startswith(NAMED):
        name = patches.path_of("x/" + line.split(" ", 2)[2])
        section.names.update([name] if name else [])
    elif line.startswith(MODES):
        section.modes.append(line.rsplit(" ", 1)[1])
        section.adds = section.adds or line.startswith("new file")
    elif line.startswith("index ") and line.count(" ") == 2:
        section.modes.append(line.rsplit(" ", 1)[1])
    section.is_binary = section.is_binary or line.startswith(("GIT binary patch", "Binary files "))


def _halves(text: str) -> Iterator[str]:
    """Return the paths of `a/PATH b/PATH`: with spaces and without quotes only where both are the same."""
    middle = len(text) // 2
    same = text[middle : middle + 1] == " " and text[2:middle] == text[middle + 3 :]
    pairs = [(text[:middle], text[middle + 1 :])] if same else HALVES.findall(text)
    yield from (name for pair in pairs[:1] for half in pair if (name := patches.path_of(half)))


def _end_of_hunk(lines: Sequence[str], position: int) -> int:
    """Return where a hunk ends by the numbers of lines that it announces, or before what can be no line of it."""
    head = patches.HUNK.match(lines[position])
    left, right = (int(head[number] or 1) for number in (2, 4)) if head else (0, 0)
    position += 1
    while position < len(lines) and (left > 0 or right > 0):
        kind = lines[position][:1] or " "
        if kind not in "+- \\\r":
            return position
        left -= kind in "- \r"
        right -= kind in "+ \r"
        position += 1
    return position + (position < len(lines) and lines[position].startswith("\\"))


def _take_hunk(section: Section, lines: Sequence[str]) -> None:
    section.has_hunks = True
    section.added += [line[1:] for line in lines if line.startswith("+")]
    section.others += [line[1:] for line in lines if not line.startswith(("+", "\\"))]
