"""What a file imports, found by its text: good enough to tell which packages and files a suite needs."""

import re
from collections.abc import Iterable, Iterator

from tracesmith.environments.detection.reading import SCRIPT, Tree, inside

FROM = re.compile(
    r"""(?:^|[;}\s])(?:import|export)\s+(?!type\s+[{*\w])(?:[\w*{}\s,$]+?\sfrom\s*)?(['"])([^'"\n]+)\1"""
    r"""|\b(?:require(?:\.resolve)?|import|(?:vi|jest)\.(?:mock|doMock|importActual|requireActual|unmock))\(\s*(['"])([^'"\n]+)\3"""
)
PACKAGE = re.compile(r"(@[a-z0-9][\w.-]*/[a-z0-9][\w.-]*|[a-z0-9][\w.-]*)(?:/.*)?")
COMMENT = re.compile(r"^\s*(?://|\*|/\*).*$|(?<=[;{},)])\s*//.*$", re.MULTILINE)
SUFFIXES = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".d.ts")
BUILTIN = frozenset(
    [
        "assert",
        "async_hooks",
        "buffer",
        "bun",
        "child_process",
        "cluster",
        "console",
        "constants",
        "crypto",
        "dgram",
        "diagnostics_channel",
        "dns",
        "domain",
        "events",
        "fs",
        "http",
        "http2",
        "https",
        "inspector",
        "module",
        "net",
        "os",
        "path",
        "perf_hooks",
        "process",
        "punycode",
        "querystring",
        "readline",
        "repl",
        "stream",
        "string_decoder",
        "sys",
        "test",
        "timers",
        "tls",
        "trace_events",
        "tty",
        "url",
        "util",
        "v8",
        "vm",
        "wasi",
        "worker_threads",
        "zlib",
    ]
)


def of_text(text: str) -> list[str]:
    """Return what a text imports, in order, each once; types alone are no import."""
    found = (match[2] or match[4] for match in FROM.finditer(COMMENT.sub("", text)))
    return list(dict.fromkeys(found))


def package_of(wanted: str) -> str | None:
    """Return the npm package of an import; None for a file, a module of Node or an alias."""
    if wanted.startswith((".", "/", "#", "node:")) or ":" in wanted:
        return None
    match = PACKAGE.fullmatch(wanted)
    return match[1] if match and match[1] not in BUILTIN else None


def packages(tree: Tree, paths: Iterable[str]) -> set[str]:
    """Return the npm packages that some files import."""
    found = (package_of(name) for path in paths for name in of_text(tree.text(path)))
    return {name for name in found if name}


def resolve(tree: Tree, importer: str, wanted: str) -> str | None:
    """Return the file that a relative import means, None when it is not there."""
    place = inside(importer.rpartition("/")[0] or ".", wanted.split("?", maxsplit=1)[0])
    return next((path for path in _places(place) if path in tree.known), None)


def _places(place: str) -> Iterator[str]:
    yield place
    stem = re.sub(r"\.([cm]?)jsx?$", "", place)
    if stem != place:
        yield from (stem + suffix for suffix in SUFFIXES)
    yield from (place + suffix for suffix in SUFFIXES)
    yield from (f"{place}/index{suffix}" for suffix in SUFFIXES)


def closure(tree: Tree, paths: Iterable[str]) -> list[str]:
    """Return some files and all that they import of the tree, directly or not, sorted."""
    found: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        if SCRIPT.search(path):
            local = (name for name in of_text(tree.text(path)) if name.startswith("."))
            waiting += [place for place in (resolve(tree, path, name) for name in local) if place]
    return sorted(found)


def missing_files(tree: Tree, path: str) -> list[str]:
    """Return the relative imports of a file that lead to nothing."""
    folder = path.rpartition("/")[0] or "."
    local = (name for name in of_text(tree.text(path)) if name.startswith("."))
    return [name for name in local if not (resolve(tree, path, name) or tree.package(inside(folder, name)))]
