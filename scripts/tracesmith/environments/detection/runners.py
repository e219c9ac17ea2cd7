"""Which runner a package's tests are for, and how it is called: its local binary, never a package script."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracesmith.environments.detection import imports, scripts_of_package, test_files
from tracesmith.environments.detection.reading import Tree, dependencies, inside
from tracesmith.environments.detection.scripts_of_package import Call
from tracesmith.runners import RUNNERS

CONFIGS = {
    "vitest": r"(vitest\.(config|workspace|projects)|vite\.config)\.[cm]?[jt]s",
    "jest": r"jest\.config\.([cm]?[jt]s|json)",
    "mocha": r"\.mocharc(\.(c?js|mjs|json|jsonc|ya?ml))?",
    "ava": r"ava\.config\.[cm]?js",
}
KEYS = ("jest", "mocha", "ava")
SCORES = {"imports": 10, "config": 4, "script": 4, "dependency": 3, "globals": 2}
# Options of a runner that say what is run; reports, watching and coverage are ours.
KEPT = {
    "vitest": {
        "--config",
        "-c",
        "--project",
        "--root",
        "-r",
        "--dir",
        "--environment",
        "--globals",
        "--mode",
        "--pool",
    },
    "jest": {"--config", "-c", "--projects", "--env", "--rootDir", "--testEnvironment", "--preset"},
    "mocha": {
        *("-r", "--require", "--import", "--loader", "-n", "--node-option", "--extension", "--ext", "--ui", "-u"),
        *("--recursive", "--config", "--spec", "--file", "--ignore", "--exit", "--expose-gc", "--sort", "--opts"),
    },
    "node_test": {"--import", "--require", "-r", "--loader", "--conditions", "-C", "--experimental-strip-types"},
    "ava": {"--config", "--node-arguments"},
}
FLAGS = {"--globals", "--recursive", "--exit", "--expose-gc", "--sort", "--experimental-strip-types"}
FILES = {"mocha", "node_test", "ava"}


@dataclass
class Found:
    """A runner that the tests may be for."""

    name: str
    score: int
    reason: str
    call: Call | None = None
    tests: list[str] = field(default_factory=list)


def rank(tree: Tree, folder: str, tests: Mapping[str, str]) -> list[Found]:
    """Return the runners with something that speaks for them, the likeliest first."""
    packages = [tree.package(place) for place in dict.fromkeys((folder, "."))]
    called = [call for package in packages for call in scripts_of_package.calls(package)]
    found = []
    for name in RUNNERS:
        signs = [
            *_by_tests(tree, tests, name),
            *_by_config(tree, folder, name),
            *_by_scripts(called, name),
            *([(SCORES["dependency"], "a dependency")] if _depends(packages, name) else []),
        ]
        call = next((call for call in called if call.runner == name), None)
        reason = "; ".join(reason for _, reason in signs)
        found.append(Found(name, round(sum(score for score, _ in signs)), reason, call, mine(tests, name)))
    return sorted((one for one in found if one.score), key=lambda one: -one.score)


def _depends(packages: Sequence[dict[str, Any]], name: str) -> bool:
    return any(name in dependencies(package) for package in packages)


def _by_tests(tree: Tree, tests: Mapping[str, str], name: str) -> Iterator[tuple[float, str]]:
    written = Counter(tests.values())
    if written[name]:
        share = written[name] / len(tests)
        yield SCORES["imports"] * share, f"{written[name]} of {len(tests)} test files are written for it"
    if written["globals"] and name in ("mocha", "jest"):
        paths = [path for path, runner in tests.items() if runner == "globals"]
        if test_files.uses_assert(tree, paths) == (name == "mocha"):
            words = "assertions of chai or node:assert" if name == "mocha" else "expect"
            yield SCORES["globals"], f"global describe and it with {words}"


def _by_config(tree: Tree, folder: str, name: str) -> Iterator[tuple[float, str]]:
    config = config_file(tree, folder, name)
    if config:
        yield SCORES["config"] * (0.25 if "vite.config" in config else 1), config


def _by_scripts(called: Sequence[Call], name: str) -> Iterator[tuple[float, str]]:
    """Yield what scripts say; one that `test` does not lead to says little where another does."""
    own = [call for call in called if call.runner == name]
    if own:
        counts = any(call.is_reached for call in own) or not any(call.is_reached for call in called)
        yield SCORES["script"] * (1 if counts else 0.25), f"script {own[0].script!r}"


def mine(tests: Mapping[str, str], runner: str) -> list[str]:
    """Return the test files that a runner may run; those that import another one are not its own."""
    with_globals = {"globals"} if runner != "node_test" else set()
    borrowed = {"jest"} if runner == "vitest" and "vitest" not in tests.values() else set()
    return sorted(path for path, found in tests.items() if found == runner or found in with_globals | borrowed)


def config_file(tree: Tree, folder: str, runner: str) -> str | None:
    """Return the configuration of a runner in a package, a file or the key of package.json."""
    if runner not in CONFIGS:
        return None
    prefix = "" if folder == "." else f"{folder}/"
    found = [path for path in tree.below(folder) if re.fullmatch(CONFIGS[runner], path.removeprefix(prefix))]
    found.sort(key=lambda path: ("vite.config" in path, path))
    if found:
        return found[0]
    return inside(folder, "package.json") if runner in KEYS and runner in tree.package(folder) else None


def loader(tree: Tree, tests: Sequence[str]) -> list[str]:
    """Return how node is made to read TypeScript: by tsx, unless every import is written for Node's own way."""
    native = [path for path in imports.closure(tree, tests) if re.search(r"\.[cm]?tsx?$", path)]
    for path in native:
        local = [name for name in imports.of_text(tree.text(path)) if name.startswith(".")]
        if path.endswith("x") or any(not re.search(r"\.([cm]?ts|[cm]?js|json)$", name) for name in local):
            return ["--import", "tsx"]
        if any(name.endswith("js") and (imports.resolve(tree, path, name) or "x.ts").endswith("ts") for name in local):
            return ["--import", "tsx"]
        if re.search(
            r"(?m)^\s*(export )?(const )?(enum|namespace) \w|constructor\([^)]*\b(private|public|readonly) ",
            tree.text(path),
        ):
            return ["--import", "tsx"]
    return []


def arguments(runner: str, given: Sequence[str]) -> list[str]:
    """Return the arguments of a script's call that decide what is run and how it is loaded."""
    kept, words = [], list(given)
    while words:
        word = words.pop(0)
        name, equals, _ = word.partition("=")
        takes_value = not equals and bool(words) and not words[0].startswith("-") and name not in FLAGS
        if name in KEPT[runner]:
            kept += [word, *([words.pop(0)] if takes_value else [])]
        elif not word.startswith("-"):
            kept += [word] if runner in FILES else []
        elif takes_value and name in (
            "--reporter",
            "-R",
            "--timeout",
            "-t",
            "--slow",
            "--coverage.provider",
            "--test-reporter",
        ):
            words.pop(0)
    return kept
