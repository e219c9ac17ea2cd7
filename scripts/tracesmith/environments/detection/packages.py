"""The packages of a monorepo: which there are, which one is meant, and which of its siblings have to be built."""

import re
from collections.abc import Mapping
from typing import Any

from tracesmith import globs
from tracesmith.environments.detection import test_files
from tracesmith.environments.detection.reading import TYPESCRIPT, Tree, dependencies, inside, table
from tracesmith.errors import InputError

SHOWN = 12
ASIDE = re.compile(
    r"(^|/)(examples?|docs?|website|benchmarks?|bench|playground|fixtures?|__fixtures__|templates?|e2e|demo)(/|$)"
)


def workspaces(tree: Tree) -> list[str]:
    """Return the folders of a tree's packages, the root first, sorted."""
    package = tree.package(".")
    named = package.get("workspaces")
    named = table(package, "workspaces").get("packages") if isinstance(named, dict) else named
    wanted = [
        *(named or []),
        *(tree.yaml("pnpm-workspace.yaml").get("packages") or []),
        *(tree.json("lerna.json").get("packages") or []),
    ]
    chosen = [str(glob).removeprefix("./").rstrip("/") for glob in wanted if not str(glob).startswith("!")]
    refused = [str(glob).lstrip("!").removeprefix("./").rstrip("/") for glob in wanted if str(glob).startswith("!")]
    folders = [path.removesuffix("/package.json") for path in tree.paths if path.endswith("/package.json")]
    found = [folder for folder in folders if globs.matches(folder, chosen) and not globs.matches(folder, refused)]
    return [*(["."] if "package.json" in tree.known else []), *sorted(found)]


def choose(tree: Tree, wanted: str | None) -> tuple[str, str]:
    """Return the folder of the package that is tested and why. Raises InputError that lists those with tests."""
    folders = workspaces(tree)
    every = [
        path.removesuffix("package.json").rstrip("/") or "." for path in tree.paths if path.endswith("package.json")
    ]
    tested = {folder: count for folder in folders if (count := _own_tests(tree, folder, folders))}
    if wanted:
        found = [one for one in every if wanted.rstrip("/") in (one, tree.package(one).get("name"))]
        if not found:
            raise InputError(f"--package {wanted!r}: no such package; with tests are: {_list(tree, tested)}")
        return found[0], "named with --package"
    if not every:
        raise InputError("the tree has no package.json: no package of JavaScript or TypeScript")
    if not tested:
        tested = {
            folder: count for folder in every if not ASIDE.search(folder) and (count := _own_tests(tree, folder, every))
        }
    if not tested:
        raise InputError(_no_tests(tree))
    return _best(tree, tested)


def _best(tree: Tree, tested: Mapping[str, int]) -> tuple[str, str]:
    if "." in tested and (
        len(tested) == 1
        or (_sources(tree, ".") and any(path.startswith(("src/", "source/", "lib/")) for path in tree.paths))
    ):
        return ".", "the root package has sources and tests"
    names = {str(tree.package(".").get("name")).rpartition("/")[2], *_names_of_repository(tree)}
    main = [folder for folder in tested if tree.package(folder).get("name") in names]
    others = [one for one in tested if one != "."] or ["."]
    folder = main[0] if main and main[0] != "." else max(others, key=lambda one: (not ASIDE.search(one), tested[one]))
    rest = {key: count for key, count in tested.items() if key != folder}
    why = "it is named like the repository" if folder in main else "it has the most test files"
    return (
        folder,
        f"{why} ({tested[folder]}); others: {_list(tree, rest) or 'none'}",
    )


def _names_of_repository(tree: Tree) -> set[str]:
    """Return the repository's name as package.json's of the tree give it."""
    urls = [tree.package(folder).get("repository") for folder in workspaces(tree)]
    texts = [str(url.get("url") if isinstance(url, dict) else url) for url in urls if url]
    return {text.rstrip("/").removesuffix(".git").rpartition("/")[2] for text in texts}


def _own_tests(tree: Tree, folder: str, folders: list[str]) -> int:
    """Count the test files of a package that are in no package below it; none where it has no TypeScript."""
    below = [f"{other}/" for other in folders if other not in (folder, ".")] if folder == "." else []
    found = [path for path in test_files.find(tree, folder) if not path.startswith(tuple(below))]
    return len(found) if _sources(tree, folder) else 0


def _sources(tree: Tree, folder: str) -> bool:
    return any(TYPESCRIPT.search(path) for path in tree.below(folder))


def _list(tree: Tree, tested: Mapping[str, int]) -> str:
    shown = [
        f"{folder} ({tree.package(folder).get('name', 'no name')}, {count} test files)"
        for folder, count in list(tested.items())[:SHOWN]
    ]
    return ", ".join(shown)


def _no_tests(tree: Tree) -> str:
    sources = sum(bool(TYPESCRIPT.search(path)) for path in tree.paths)
    return (
        f"no test file was found ({len(tree.paths)} files, {sources} of TypeScript): packages of npm often leave "
        "their tests out; name the git repository, or an older version"
    )


def siblings(tree: Tree, folder: str) -> list[str]:
    """Return the folders of the workspace packages that a package needs, each before those that need it."""
    by_name = {str(tree.package(one).get("name")): one for one in workspaces(tree) if one != "."}
    found: list[str] = []
    open_ones = {folder}

    def _visit(one: str) -> None:
        for name in dependencies(tree.package(one), "dependencies", "devDependencies", "peerDependencies"):
            other = by_name.get(name)
            if other and other not in open_ones:
                open_ones.add(other)
                _visit(other)
                found.append(other)

    _visit(folder)
    return found


def building(tree: Tree, folder: str, manager: dict[str, Any]) -> list[list[str]]:
    """Return the commands that build the siblings of a package, those with a `build` script."""
    packages = {one: tree.package(one) for one in siblings(tree, folder)}
    return [
        _run_build(str(package["name"]), one, manager)
        for one, package in packages.items()
        if "build" in table(package, "scripts")
    ]


def _run_build(name: str, folder: str, manager: dict[str, Any]) -> list[str]:
    kind = manager["name"]
    if kind == "pnpm":
        return ["pnpm", "--filter", name, "run", "build"]
    if kind == "yarn":
        return ["yarn", "workspace", name, "run", "build"]
    return ["env", "--chdir", folder, kind, "run", "build"]


def binary(tree: Tree, folder: str, name: str, manager: str) -> str:
    """Return the path of an installed program relative to the folder of the package."""
    own = name in dependencies(tree.package(folder), "dependencies", "devDependencies")
    if folder == "." or (own and manager == "pnpm"):
        return f"node_modules/.bin/{name}"
    return "/".join([".."] * len(inside(".", folder).split("/"))) + f"/node_modules/.bin/{name}"
