"""What an agent's patch does besides fixing, as its trajectory records it."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from tracesmith import globs, integrity, sections
from tracesmith.prepared import TestSettings
from tracesmith.records import Instance

CODE = ["**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs}"]


def describe(patch: str, instance: Instance, settings: TestSettings, pristine: Iterable[str]) -> dict[str, Any]:
    """
    Return the integrity flags of a patch, the paths that grading leaves out, and files that were left as scratch.

    `pristine` are the files of the pristine tree.
    """
    examined = integrity.examine(patch, settings, instance["patch"])
    scratch = left_behind(patch, instance["patch"], settings, pristine)
    return {"flags": examined.flags, "left_out": examined.left_out, "scratch": scratch}


def left_behind(patch: str, bug: str, settings: TestSettings, pristine: Iterable[str]) -> list[str]:
    """Return the new files of a patch that stand in no folder of sources, such as a script that shows the problem."""
    known = sections.names(bug)
    folders = {
        PurePosixPath(path).parent
        for path in [*pristine, *known]
        if globs.matches(path, CODE) and not globs.matches(path, settings.globs)
    } - {PurePosixPath()}
    made = {name for section in sections.split(patch) if section.adds for name in section.names} - known
    return sorted(name for name in made if not folders & set(PurePosixPath(name).parents))
