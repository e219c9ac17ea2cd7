"""Which files of a package bugs are put into: its TypeScript, without tests, configuration and what stands aside."""

import re
from collections import Counter
from collections.abc import Sequence

from tracesmith import globs
from tracesmith.environments.detection import test_files
from tracesmith.environments.detection.reading import TYPESCRIPT, Tree

ROOTS = ("src", "source", "lib")
ASIDE = test_files.OUTSIDE | frozenset(
    [
        "scripts",
        "script",
        "tools",
        "testbed",
        "bin",
        "types",
        "typings",
        "test-d",
        "dtslint",
        "fuzz",
        "config",
        "build",
        "perf-measures",
    ]
)
NO_SOURCE = re.compile(
    r"(\.config|\.setup|\.workspace|rc)\.[cm]?[jt]sx?$|(^|/)setup[\w-]*\.[cm]?tsx?$|\.(bench|stories|test-d)\."
)
GENERATED = re.compile(r"(^|/)(generated|__generated__|gen)(/|$)")


def to_globs(tree: Tree, folder: str, not_source: Sequence[str]) -> list[str]:
    """Return few globs of the sources of a package."""
    prefix = "" if folder == "." else f"{folder}/"
    found = Counter[str]()
    for path in tree.below(folder):
        own = path.removeprefix(prefix)
        if TYPESCRIPT.search(own) and not globs.matches(path, not_source) and not _stands_aside(own):
            found[prefix + _glob(own)] += 1
    rooted = {glob: count for glob, count in found.items() if any(f"{root}/**" in glob for root in ROOTS)}
    return _merged(sorted(rooted or found))


def generated(tree: Tree, folder: str) -> list[str]:
    """Return globs of folders with generated code."""
    found = {"/".join(path.split("/")[:-1]) for path in tree.below(folder) if GENERATED.search(path.rpartition("/")[0])}
    return sorted(f"{one}/**" for one in found if not any(one.startswith(f"{other}/") for other in found))


def _stands_aside(path: str) -> bool:
    folders = path.split("/")[:-1]
    aside = ASIDE - set(ROOTS) if folders[:1] and folders[0] in ROOTS else ASIDE
    places = folders[1:] if folders[:1] and folders[0] in ROOTS else folders
    return bool(aside.intersection(places[:1] if places is not folders else places)) or bool(NO_SOURCE.search(path))


def _glob(path: str) -> str:
    *folders, name = path.split("/")
    suffix = name[name.rindex(".") :]
    place = next((number for number, part in enumerate(folders) if part in ROOTS), 0)
    return "/".join([*folders[: place + 1], "**", f"*{suffix}"]) if folders else f"*{suffix}"


def _merged(found: list[str]) -> list[str]:
    """Write many folders with a `src` each as one glob."""
    tails = Counter("/".join(glob.split("/")[1:]) for glob in found if "/" in glob)
    return sorted(
        {
            f"*/{tail}" if tails[tail] > 3 and tail.startswith(ROOTS) else glob
            for glob in found
            for tail in ["/".join(glob.split("/")[1:])]
        }
    )
