"""
The code in a model's answer, whatever stands around it.

A fence is a line of three or more backticks or tildes, with a language's tag where code begins. Code may hold fences
itself (an example in a comment), so every way to read the fences is offered, the most likely first; who asks takes the
first that holds. Line ends are LF.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<tag>[^\s`]*)[^`]*")
FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,}).*?^[ \t]*\1[ \t]*\n?", re.MULTILINE | re.DOTALL)
EXPLANATION = re.compile(r"explanation\W*:\W*", re.IGNORECASE)
HEADING = re.compile(r"\W*(?:bugg(?:y|ed)|new|modified|rewritten)?\s*(?:code|function)\W*:?\W*", re.IGNORECASE)
"""A line that only says that the code follows."""


@dataclass(frozen=True)
class Block:
    """One way to read an answer: the code, and what is said before it."""

    code: str
    said: str
    fenced: bool = True

    @property
    def explanation(self) -> str:
        """What the model says that it did: after "Explanation:" where it says so."""
        told = EXPLANATION.split(FENCED.sub("", self.said), maxsplit=1)[-1]
        lines = [line for line in told.split("\n") if not (line.strip() and HEADING.fullmatch(line))]
        return "\n".join(lines).strip()


def blocks(answer: str) -> Iterator[Block]:
    """
    Yield the ways to read an answer: fenced code, the last fence first and the longest first, then all of it.

    A fence with a tag, or an even number of fences before it, is likely to open one.

    The last comes first, since a model may quote the original before its own code. A fence that is never closed holds
    the rest; in front of an inner fence with a tag it is none.
    """
    lines = answer.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    fences = [(number, match) for number, line in enumerate(lines) if (match := FENCE.fullmatch(line))]
    marked = [(bool(one["tag"]) or before % 2 == 0, number, one) for before, (number, one) in enumerate(fences)]
    for _, start, opening in sorted(marked, key=lambda mark: mark[:2], reverse=True):
        ends = [number for number, match in fences if number > start and _closes(match, opening)]
        for end in [*reversed(ends), *([] if ends else [len(lines)])]:
            yield Block("\n".join(lines[start + 1 : end]), "\n".join(lines[:start]))
    if not fences and answer.strip():
        yield Block("\n".join(lines), "", fenced=False)


def _closes(fence: re.Match[str], opening: re.Match[str]) -> bool:
    """Tell whether a fence may end a block: without a tag, of the same mark, and no shorter."""
    same = fence["mark"][0] == opening["mark"][0] and len(fence["mark"]) >= len(opening["mark"])
    return same and not fence["tag"]
