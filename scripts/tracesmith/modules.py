"""What the scripts of rules run on: their Python, and the modules that they import."""

import functools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1]
# By their lines, as our formatter lays them out: a plan reads over a hundred modules, for which Python's parser takes a
# third of a second.
IMPORT = re.compile(r"(?m)^ *(?:from (tracesmith[\w.]*) import (\([^)]*\)|[^#\n]*)|import (tracesmith[\w.]*))")
NAME = re.compile(r"(?:^|[(,])\s*(\w+)")


def modules_of(script: Path) -> list[Path]:
    """
    Return the modules of the library that a script imports, directly or not, sorted.

    A cheap rule has them as input, so that it runs again when one of them changes.
    """
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        new = _imported(waiting.pop()) - found
        found |= new
        waiting += new
    return sorted(found)


@functools.cache  # the scripts share most of them, and a plan would read each module ten times
def _imported(path: Path) -> frozenset[Path]:
    return frozenset(module for name in names_in(path.read_text(encoding="utf-8")) for module in _modules(name))


@functools.cache
def _modules(name: str) -> list[Path]:
    """Return the modules that the import of a name reads: each package's above it, and its own where it is one."""
    parts = name.split(".")
    places = [PACKAGES.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
    return [one for place in places for one in (place / "__init__.py", place.with_suffix(".py")) if one.exists()]


def names_in(text: str) -> Iterator[str]:
    """Yield the names that a module of the library or a script imports from the library."""
    for module, names, whole in IMPORT.findall(text):
        if whole:
            yield whole
        else:
            yield from (f"{module}.{name}" for name in NAME.findall(names))


def use_own_python() -> None:
    """Make `python` in a rule the one that runs Snakemake, unless a conda environment comes before it."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
