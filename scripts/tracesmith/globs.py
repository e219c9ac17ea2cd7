"""Match POSIX paths against globs segment by segment (`PurePath.full_match` came with Python 3.13)."""

import re
from collections.abc import Sequence
from functools import cache

from tracesmith.errors import InputError

BRACES = re.compile(r"\{([^{}]*)\}")


def matches(path: str, globs: Sequence[str]) -> bool:
    """
    Tell whether a POSIX path matches one of the globs as a whole.

    `**` stands for any number of segments, `*` and `?` for characters within a segment, `[ab]` and `[!ab]` for one of
    or none of the characters, `{a,b}` for alternatives. A name that starts with a dot is a name like any other.
    """
    return any(_pattern(glob).fullmatch(path) for glob in globs)


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile("|".join(_regex(one) for one in _alternatives(glob)), re.DOTALL)


def _alternatives(glob: str) -> list[str]:
    braces = BRACES.search(glob)
    if not braces:
        return [glob]
    before, after = glob[: braces.start()], glob[braces.end() :]
    return [found for part in braces[1].split(",") for found in _alternatives(before + part + after)]


def _regex(glob: str) -> str:
    segments = glob.removeprefix("./").split("/")
    if not all(segments):
        raise InputError(f"the glob {glob!r} has an empty segment: write paths relative to the folder, as src/**/*.ts")
    *folders, last = segments
    parts = ["(?:[^/]+/)*" if folder == "**" else f"{_segment(folder)}/" for folder in folders]
    return "".join(parts) + (".+" if last == "**" else _segment(last))


def _segment(segment: str) -> str:
    regex = []
    for part in re.findall(r"\[!?[^\]]+\]|\*+|.", segment, re.DOTALL):
        if part.startswith("*"):
            regex.append("[^/]*")
        elif part == "?":
            regex.append("[^/]")
        elif part.startswith("[") and len(part) > 1:
            regex.append(_one_of(part))
        else:
            regex.append(re.escape(part))
    return "".join(regex)


def _one_of(part: str) -> str:
    negated = part.startswith("[!")
    inside = part[2 if negated else 1 : -1].replace("\\", "\\\\").replace("^", "\\^").replace("[", "\\[")
    return f"[^/{inside}]" if negated else f"[{inside}]"
