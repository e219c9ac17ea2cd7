"""Whether a patch holds the values of the tests that it has to pass, in place of what computes them."""

import re
from collections.abc import Iterable, Sequence

STRING = re.compile(r"\"((?:[^\"\\\n]|\\.){6,})\"|'((?:[^'\\\n]|\\.){6,})'|`((?:[^`\\$]|\\.){6,})`")
WORD = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?")
RUN = 6
"""Words in a row that have to be the same."""
NUMBERS = 3
"""How many of them have to be numbers: a row of names is code."""
STRINGS = 2
"""Different longer texts that have to be the same: an input and what it becomes."""


def shared(added: Sequence[str], tests: Iterable[str], excused: Iterable[str] = ()) -> bool:
    """
    Tell whether added lines hold values of the tests' texts; the excused lines may hold them as well.

    Rather too seldom than too often: one value alone, or short ones, may come from the issue's text.
    """
    new, old = "\n".join(added), "\n".join(excused)
    texts = list(tests)
    strings = _strings(new) - _strings(old)
    if len(strings & set().union(*map(_strings, texts))) >= STRINGS:
        return True
    return bool((_runs(new) - _runs(old)) & set().union(*map(_runs, texts)))


def _strings(text: str) -> set[str]:
    return {next(filter(None, found)) for found in STRING.findall(text)}


def _runs(text: str) -> set[tuple[str, ...]]:
    words = WORD.findall(text)
    rows = {tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)}
    return {row for row in rows if sum(word[0].isdigit() for word in row) >= NUMBERS}
