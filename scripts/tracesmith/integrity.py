"""
What a patch does besides fixing: flags with names, and which of its parts a fix may touch.

A pure function of the patch, the test settings and, where they are known, the bug and the sources of the failing tests.
docs/integrity.md has the table of the flags and says what none of them can see.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tracesmith import globs, literals, sections, suites, suspicions
from tracesmith.prepared import TestSettings
from tracesmith.runners import RUNNERS
from tracesmith.sections import Section

LEFT_OUT = "left_out"
VOIDS = "voids"
NOTED = "noted"
FAILS_CONTROL = "fails_control"
FLAGS: dict[str, tuple[str, str]] = {
    "leaves_tree": (LEFT_OUT, "names a path outside of the tree"),
    "touches_git": (LEFT_OUT, "writes below `.git`"),
    "touches_node_modules": (LEFT_OUT, "changes an installed package, such as the runner"),
    "makes_symlink": (LEFT_OUT, "makes a symbolic link or a submodule"),
    "writes_binary": (LEFT_OUT, "changes a binary file"),
    "unreadable_part": (LEFT_OUT, "has a part whose path cannot be read"),
    "edits_tests": (LEFT_OUT, "changes or removes a test file, or a file of the tests' folders"),
    "adds_test_files": (LEFT_OUT, "makes a test file"),
    "edits_snapshots": (LEFT_OUT, "writes a snapshot"),
    "edits_fixtures": (LEFT_OUT, "writes a fixture or a mock"),
    "edits_runner_config": (LEFT_OUT, "writes the configuration or a setup file of the runner"),
    "edits_package_json": (LEFT_OUT, "writes a package.json: its scripts, hooks, exports or dependencies"),
    "edits_lockfile": (LEFT_OUT, "writes a lockfile"),
    "edits_tsconfig": (LEFT_OUT, "writes the compiler's configuration: its paths, targets or plugins"),
    "edits_dotfiles": (LEFT_OUT, "writes a hidden file: CI, linters, .npmrc, .env, caches"),
    "edits_protected_files": (LEFT_OUT, "writes another file that the profile protects"),
    "adds_config": (LEFT_OUT, "makes a configuration file of a tool"),
    "adds_build_output": (LEFT_OUT, "makes compiled code, a source map or a coverage file"),
    "hooks_test_runtime": (VOIDS, "reaches for the runner or its assertions in source"),
    "ends_process": (VOIDS, "ends a process, or listens to its end"),
    "detects_environment": (VOIDS, "asks whether it is under test"),
    "touches_report": (VOIDS, "names the report, the runner's output or a process's files"),
    "patches_builtins": (VOIDS, "changes an object of the language that assertions rely on"),
    "hides_code": (VOIDS, "runs code that is made at run time"),
    FAILS_CONTROL: (VOIDS, "makes a test pass, or vanish, that has to fail: found by the second opinion"),
    "spawns_process": (NOTED, "starts a process or a worker"),
    "writes_files": (NOTED, "writes or removes files"),
    "reads_tests": (NOTED, "reads test files or snapshots"),
    "reads_git_history": (NOTED, "asks git or its files"),
    "fetches_network": (NOTED, "reaches for the network"),
    "loads_copies": (NOTED, "loads a built or installed copy of code"),
    "makes_huge_data": (NOTED, "makes a text or a list of more than 10,000 items"),
    "prints_results": (NOTED, "prints what looks like the results of tests"),
    "hard_codes_expected_values": (NOTED, "holds values of the failing tests"),
}
"""
Each flag with its kind and meaning.

`left_out`: that part is not applied. `voids`: what the tests say of such code is no proof, so that it resolves nothing.
`noted`: the verdict stands.
"""

MOST_BYTES = 255
"""Of a file's name, on the file systems that there are."""
LOCKFILES = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb")
SNAPSHOTS = ["**/__snapshots__/**", "**/*.snap", "**/*.snapshot"]
FIXTURES = ["**/{__fixtures__,__mocks__,fixtures}/**"]
RUNNER_FILES = [
    "**/{vitest,vite,jest,mocha,ava,karma,playwright,cypress,babel,swc,node}.config.*",
    *("**/vitest.{workspace,projects,setup}.*", "**/{vitest,jest,test,tests}[.-]setup.*", "**/setup[.-]{tests,test}.*"),
    *("**/{setupTests,setupFiles,globalSetup,global-setup}.*", "**/jest-preset.*", "**/{jest,vitest}-*.config.*"),
]
TEST_LIKE = ["**/*.{test,spec,tests,bench}.*", "**/*[-_]{test,spec}.?{,s,sx}", "**/{test,tests,__tests__,spec}/**"]
TSCONFIGS = ["**/{tsconfig,jsconfig}*.json"]
CONFIGS = ["**/*.config.{js,cjs,mjs,ts,cts,mts,json}", "**/*rc.{js,cjs,mjs,json,yaml,yml}"]
OUTPUT = ["{dist,build,coverage,out}/**", "packages/*/{dist,build,coverage,out}/**", "**/*.map", "**/*.min.js"]


@dataclass(frozen=True)
class Examined:
    """What a patch is made of."""

    kept: list[Section]
    """The parts that a fix may have."""
    left_out: dict[str, list[str]]
    """The paths of the others, by flag."""
    flags: list[str]
    """All flags, sorted."""

    @property
    def voids(self) -> list[str]:
        """Return the flags that make a verdict worthless."""
        return [flag for flag in self.flags if FLAGS[flag][0] == VOIDS]


def examine(patch: str, settings: TestSettings, bug: str = "", tests: Iterable[str] = ()) -> Examined:
    """
    Return a patch's parts and flags.

    `bug` is the patch that made the bug: a fix may touch its files and bring back what it took. `tests` are the texts
    of the failing tests.
    """
    known = sections.names(bug)
    kept: list[Section] = []
    left_out: dict[str, set[str]] = {}
    for section in sections.split(patch):
        found = _part_flags(section, settings, known)
        for flag in found:
            left_out.setdefault(flag, set()).update(section.names)
        if not found:
            kept.append(section)
    excused = [*sections.removed_or_kept_lines(bug), *(line for section in kept for line in section.others)]
    added = [line for section in kept for line in section.added]
    flags = {*left_out, *suspicions.find(added, excused)}
    if literals.shared(added, tests, excused):
        flags.add("hard_codes_expected_values")
    return Examined(kept, {flag: sorted(left_out[flag]) for flag in sorted(left_out)}, sorted(flags))


def path_flag(path: str, settings: TestSettings, adds: bool = False, known: Iterable[str] = ()) -> str | None:
    """
    Return why a fix may not touch a path, None where it may.

    `adds` tells that the file is made. The files in `known`, those of the bug, may always be touched inside the tree.
    """
    parts = path.split("/")
    if {"", ".", ".."} & set(parts):
        return "leaves_tree"
    if ".git" in (part.lower() for part in parts):
        return "touches_git"
    if "node_modules" in parts:
        return "touches_node_modules"
    if path in set(known):
        return None
    rules: list[tuple[str, Callable[[], bool]]] = [
        ("edits_snapshots", lambda: globs.matches(path, SNAPSHOTS)),
        ("edits_fixtures", lambda: globs.matches(path, FIXTURES)),
        ("edits_package_json", lambda: parts[-1] == "package.json"),
        ("edits_lockfile", lambda: parts[-1] in LOCKFILES),
        ("edits_tsconfig", lambda: globs.matches(path, TSCONFIGS)),
        ("edits_runner_config", lambda: globs.matches(path, [*RUNNERS[settings.runner].reads, *RUNNER_FILES])),
        ("edits_dotfiles", lambda: any(part.startswith(".") for part in parts)),
        ("adds_test_files", lambda: adds and globs.matches(path, [*settings.globs, *TEST_LIKE])),
        ("edits_tests", lambda: globs.matches(path, [*settings.globs, *TEST_LIKE])),
        ("edits_protected_files", lambda: globs.matches(path, suites.protected_globs(settings))),
        ("adds_config", lambda: adds and globs.matches(path, CONFIGS)),
        ("adds_build_output", lambda: adds and globs.matches(path, OUTPUT)),
    ]
    return next((flag for flag, holds in rules if holds()), None)


def _part_flags(section: Section, settings: TestSettings, known: Iterable[str]) -> set[str]:
    readable = [name for name in section.names if _is_readable(name)]
    found = {path_flag(name, settings, section.adds, known) for name in readable}
    if section.makes_link:
        found.add("makes_symlink")
    if section.is_binary:
        found.add("writes_binary")
    if not readable or len(readable) < len(section.names):
        found.add("unreadable_part")
    return {flag for flag in found if flag}


def _is_readable(name: str) -> bool:
    """Tell whether a file of this name can exist."""
    parts = [part.encode("utf-8", "surrogatepass") for part in name.split("/")]
    return "\0" not in name and max(map(len, parts)) <= MOST_BYTES and sum(map(len, parts)) <= 8 * MOST_BYTES
