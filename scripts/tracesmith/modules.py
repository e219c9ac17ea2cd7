"""What the scripts of rules run on: their Python, and the modules that they import."""

import ast
import functools
import os
import sys
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1]


def modules_of(script: Path) -> list[Path]:
    """
    Return the modules of the library that a script imports, directly or not, sorted.

    A cheap rule has them as input, so that it runs again when one of them changes.
    """
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        for module in _imported(waiting.pop()):
            if module not in found:
                found.add(module)
                waiting.append(module)
    return sorted(found)


@functools.cache  # the scripts share most of them, and a plan would read each module ten times
def _imported(path: Path) -> tuple[Path, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    found: dict[Path, None] = {}
    for parts in (name.split(".") for name in names if name.startswith("tracesmith")):
        for end in range(1, len(parts) + 1):
            place = PACKAGES.joinpath(*parts[:end])
            found |= {module: None for module in (place / "__init__.py", place.with_suffix(".py")) if module.exists()}
    return tuple(found)


def use_own_python() -> None:
    """Make `python` in a rule the one that runs Snakemake, unless a conda environment comes before it."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
