"""Which packages a published package's suite needs: tarballs leave dev dependencies out, or carry a linter's too."""

import re
from collections.abc import Iterable, Mapping, Sequence

from tracesmith.environments.detection import imports
from tracesmith.environments.detection.reading import SCRIPT, Tree, dependencies, inside

KEPT = re.compile(r"^(typescript|@types/.*|tslib)$")
TOOLS = {
    "vitest": ("vitest",),
    "jest": ("jest",),
    "mocha": ("mocha", "tsx"),
    "node_test": (),
    "ava": ("ava",),
}
TYPESCRIPT_RANGE = ">=4.5 <6"
"""For packages that name none: what all the tools that use its compiler take."""
DOM = re.compile(
    r"@testing-library/(?:react|dom|vue|svelte|preact|user-event|angular|react-hooks)$|^enzyme$|^react-dom"
)
DOCBLOCK = re.compile(r"@(?:vitest|jest)-environment\s+(\S+)")
MATCHERS = re.compile(
    r"\.(?:toBeInTheDocument|toHaveTextContent|toBeVisible|toHaveAttribute|toBeDisabled|toBeEmptyDOMElement)\("
)


def ranges(tree: Tree, folder: str, runner: str, code: Sequence[str], tools: Iterable[str]) -> dict[str, str]:
    """Return the dev dependencies that some code and a runner need, with the ranges that package.json gives them."""
    package = tree.package(folder)
    declared, peers = dependencies(package, "devDependencies"), dependencies(package, "peerDependencies")
    used = imports.packages(tree, code) - set(dependencies(package, "dependencies", "optionalDependencies"))
    used -= {str(package.get("name"))} | _aliases(tree, folder)
    wanted = dict.fromkeys([*used, *TOOLS[runner], *tools], "*")
    wanted |= {name: version for name, version in peers.items() if name in wanted}
    wanted |= {name: version for name, version in declared.items() if name in wanted or KEPT.match(name)}
    if "ts-jest" in wanted or runner in ("jest", "mocha", "node_test"):
        wanted.setdefault("typescript", TYPESCRIPT_RANGE)
    return dict(sorted(wanted.items()))


def _aliases(tree: Tree, folder: str) -> set[str]:
    """Return names that look like packages and are folders or files of the tree (tsconfig's baseUrl and paths)."""
    prefix = "" if folder == "." else f"{folder}/"
    own = {path.removeprefix(prefix).split("/")[0] for path in tree.below(folder)}
    options = tree.json(inside(folder, "tsconfig.json")).get("compilerOptions")
    paths = options.get("paths") if isinstance(options, Mapping) else None
    named = {key.removesuffix("/*") for key in paths} if isinstance(paths, Mapping) else set()
    return {re.sub(r"\.[cm]?[jt]sx?$", "", name) for name in own} | own | named


def environments(tree: Tree, tests: Iterable[str]) -> set[str]:
    """Return the environments that docblocks of tests ask for."""
    return {match[1] for path in tests for match in DOCBLOCK.finditer(tree.text(path)[:2000])}


def wants_dom(tree: Tree, tests: Sequence[str]) -> bool:
    """Tell whether tests render into a document without saying so in a docblock."""
    found = imports.packages(tree, imports.closure(tree, tests))
    return any(DOM.search(name) for name in found) and not environments(tree, tests)


def wants_matchers(tree: Tree, tests: Iterable[str]) -> bool:
    """Tell whether tests use the matchers of @testing-library/jest-dom."""
    return any(MATCHERS.search(tree.text(path)) for path in tests)


def setup_files(tree: Tree, folder: str) -> list[str]:
    """Return the setup files of a package by their usual names, relative to it."""
    prefix = "" if folder == "." else f"{folder}/"
    usual = re.compile(
        r"(?:(?:src|test|tests)/)?(?:vitest[.-]?setup|jest[.-]?setup|setup-?tests?|test-?setup)\.[cm]?[jt]sx?",
        re.IGNORECASE,
    )
    return [own for path in tree.below(folder) if usual.fullmatch(own := path.removeprefix(prefix))]


def code_of(tree: Tree, folder: str, tests: Sequence[str], more: Iterable[str]) -> list[str]:
    """Return the files whose imports decide what is needed: the tests, their helpers, the sources, configuration."""
    prefix = "" if folder == "." else f"{folder}/"
    sources = [
        path
        for path in tree.below(folder)
        if path.removeprefix(prefix).startswith(("src/", "source/")) and SCRIPT.search(path)
    ]
    return imports.closure(tree, [*tests, *sources, *more])
