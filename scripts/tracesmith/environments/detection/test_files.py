"""Which files of a package are its tests, whose runner they are written for, and the globs that say so."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tracesmith import globs
from tracesmith.environments.detection import imports
from tracesmith.environments.detection.reading import DECLARATIONS, SCRIPT, Tree

NAMED = re.compile(r"[._-](test|spec|tests|specs)\.[cm]?[jt]sx?$|(^|/)tests?\.[cm]?[jt]sx?$")
FOLDERS = frozenset({"test", "tests", "__tests__", "spec", "specs", "__test__"})
HELPERS = frozenset(
    {"fixtures", "__fixtures__", "__mocks__", "mocks", "helpers", "__snapshots__", "data", "dts", "types"}
)
OUTSIDE = frozenset(
    [
        "dist",
        "build",
        "out",
        "lib-esm",
        "docs",
        "doc",
        "website",
        "example",
        "examples",
        "benchmark",
        "benchmarks",
        "bench",
        "perf",
        "coverage",
        "e2e",
        "integration-tests",
        "playground",
        "demo",
        "demos",
    ]
)
DEFINES = re.compile(r"(?<![\w.$])(?:describe|it|test|suite)(?:\.\w+)*\s*(?:\(|`|<)")
AT_TOP = re.compile(r"^(?:describe|it|test|suite)(?:\.\w+)*\s*(?:\(|`|<)", re.MULTILINE)
HELPER = re.compile(r"^export (?:default )?(?:async )?(?:function|const|class) ", re.MULTILINE)
"""What a file that others call for its tests begins with; its own tests would stand at the top."""
RUNNER_MODULES = {
    "vitest": "vitest",
    "@jest/globals": "jest",
    "node:test": "node_test",
    "test": "node_test",
    "ava": "ava",
    "mocha": "mocha",
    "bun:test": "bun",
    "@playwright/test": "playwright",
    "tape": "tape",
    "uvu": "uvu",
    "tap": "tap",
    "@japa/runner": "japa",
    "Deno": "deno",
}
GLOBALS = (
    (re.compile(r"(?<![\w.$])jest\.\w"), "jest"),
    (re.compile(r"(?<![\w.$])vi\.(?:fn|mock|spyOn|use)"), "vitest"),
    (re.compile(r"(?<![\w.$])expect\([^)]*\)[\s.\w]*\.to(?:\.|\w*\()"), ""),
)
CHAI = re.compile(r"\.to\.(?:be|equal|deep|have|not|eql|throw|include)|\bassert[.(]")


def written_for(tree: Tree, path: str) -> str | None:
    """Return the runner that a test file is written for, "globals" where any with globals may be meant, or None."""
    text = tree.text(path)
    if not DEFINES.search(text) or (HELPER.search(text) and not AT_TOP.search(text)):
        return None
    named = [RUNNER_MODULES[name] for name in imports.of_text(text) if name in RUNNER_MODULES]
    if named:
        return named[0]
    if "Deno.test(" in text:
        return "deno"
    return next((runner for pattern, runner in GLOBALS if runner and pattern.search(text)), "globals")


def uses_assert(tree: Tree, paths: Iterable[str]) -> bool:
    """Tell whether tests assert with chai or node:assert, as mocha's do."""
    texts = [tree.text(path) for path in paths]
    jest = sum(
        bool(re.search(r"\)\s*(\.\w+)?\.to(Be|Equal|Throw|Match|Have|StrictEqual|Contain)\w*\(", text))
        for text in texts
    )
    return sum(bool(CHAI.search(text)) for text in texts) > jest


def find(tree: Tree, folder: str) -> dict[str, str]:
    """Return the test files of a package with the runner that each is written for."""
    found = {}
    for path in tree.below(folder):
        own = path if folder == "." else path[len(folder) + 1 :]
        if SCRIPT.search(own) and not DECLARATIONS.search(own) and _may_be_test(own):
            runner = written_for(tree, path)
            if runner:
                found[path] = runner
    return found


def _may_be_test(path: str) -> bool:
    *folders, name = path.split("/")
    if OUTSIDE.intersection(folders) or name.endswith((".test-d.ts", ".bench.ts")) or "fixtures" in path.lower():
        return False
    return bool(NAMED.search(path)) or bool(FOLDERS.intersection(folders))


def to_globs(paths: Sequence[str], others: Iterable[str], folder: str = ".") -> list[str]:
    """
    Return few globs that match the test files of a folder.

    A file named as a test gives `TOP/**/*.SUFFIX`, another in a folder of tests `FOLDER/*.SUFFIX`, or its own path
    where such a glob would take in one of the others, which are no tests.
    """
    prefix = "" if folder == "." else f"{folder}/"
    own = [path.removeprefix(prefix) for path in paths]
    forbidden = [path.removeprefix(prefix) for path in others]
    found: dict[str, None] = {}
    for path in own:
        if globs.matches(path, list(found)):
            continue
        fitting = (glob for glob in _wide(path) if not any(globs.matches(one, [glob]) for one in forbidden))
        found[next(fitting, path)] = None
    return [prefix + glob for glob in sorted(_without_covered(list(found), own))]


def _wide(path: str) -> list[str]:
    """Return the globs that a test file may stand for, the widest first."""
    *folders, name = path.split("/")
    stem, dot, suffix = name.partition(".")
    if NAMED.search(name) and stem not in ("test", "tests"):
        marked = re.sub(r"^.*?([._-](?:test|spec)s?\.[cm]?[jt]sx?)$", r"*\1", name)
        return ["/".join([*folders[:count], "**", marked]) for count in range(min(1, len(folders)), len(folders) + 1)]
    place = next((number for number, part in enumerate(folders) if part in FOLDERS), None)
    if place is None:
        return []
    return ["/".join([*folders[: place + 1], "**", f"*{dot}{suffix}"]), "/".join([*folders, f"*{dot}{suffix}"])]


def _without_covered(found: list[str], paths: Sequence[str]) -> list[str]:
    """Leave out globs whose files others match as well."""
    by_glob = {glob: {path for path in paths if globs.matches(path, [glob])} for glob in found}
    kept = list(found)
    for glob in sorted(found, key=lambda one: len(by_glob[one])):
        rest = [other for other in kept if other != glob]
        if rest and all(any(path in by_glob[other] for other in rest) for path in by_glob[glob]):
            kept = rest
    return kept


def helpers(tree: Tree, tests: Sequence[str], folder: str) -> list[str]:
    """Return globs of what tests need beside them: whole folders of tests, fixtures, mocks and snapshots."""
    below = tree.below(folder)
    found: dict[str, None] = {}
    for path in tests:
        parts = path.split("/")[:-1]
        places = [number for number, part in enumerate(parts) if part in FOLDERS]
        if places:
            found["/".join([*parts[: places[0] + 1], "**"])] = None
    for path in below:
        parts = path.split("/")[:-1]
        places = [number for number, part in enumerate(parts) if part in HELPERS - {"data", "helpers", "types"}]
        if places and any(test.startswith("/".join(parts[: places[0]])) for test in tests):
            found["/".join([*parts[: places[0] + 1], "**"])] = None
    return _merged(list(found))


def _merged(found: list[str]) -> list[str]:
    """Write many folders of one name as one glob."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for glob in found:
        by_name["/".join(glob.split("/")[-2:])].append(glob)
    merged = [f"**/{name}" if len(same) > 2 else glob for name, same in by_name.items() for glob in same]
    unique = sorted(set(merged))
    return [
        glob
        for glob in unique
        if not any(glob != other and glob.startswith(other.removesuffix("**")) for other in unique)
    ]
