"""
What of a tree is built: copies of the code that no workspace may hold, and the sources they were made from.

A published package points at its build output; what points there is turned to the sources.
"""

import re
from collections.abc import Iterator
from typing import Any

from tracesmith.environments.detection import imports
from tracesmith.environments.detection.reading import DECLARATIONS, SCRIPT, TYPESCRIPT, Tree, inside

FIELDS = (
    "main",
    "module",
    "types",
    "typings",
    "browser",
    "umd:main",
    "unpkg",
    "jsdelivr",
    "es2015",
    "esnext",
    "jsnext:main",
)
FOLDERS = frozenset(
    ["dist", "lib", "build", "out", "output", "es", "esm", "cjs", "umd", "es6", "distribution", "commonjs"]
)
MADE = re.compile(r"(\.d\.[cm]?ts|\.map|\.min\.[cm]?js)$")
STEM = re.compile(r"(\.d)?\.(umd|cjs|esm|es|mjs|module|min|browser)?\.?[cm]?[jt]sx?$")
ENTRIES = ("src/index", "src/main", "source/index", "index", "lib/index", "src/{name}", "src/mod")


def targets(package: dict[str, Any]) -> list[str]:
    """Return the files that the entry points of a package.json name."""
    named = [value for key in (*FIELDS, "exports", "bin") for value in _strings(package.get(key))]
    return list(dict.fromkeys(value.removeprefix("./") for value in named if not value.startswith("..")))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(child)


def outputs(tree: Tree) -> list[str]:
    """Return the folders and files of a tree that are build output, sorted."""
    found = {place for target in targets(tree.package(".")) if (place := _place(tree, target))}
    found |= {folder for folder in FOLDERS if _is_built(tree, folder)}
    found |= _stubs(tree, found)
    return sorted(one for one in found if not any(one.startswith(f"{other}/") for other in found))


def _place(tree: Tree, target: str) -> str | None:
    """Return the highest folder of a built file that holds nothing else, or the file itself."""
    start = target.split("*", 1)[0]
    parts = [part for part in start.rstrip("/").split("/") if part != "."]
    for count in range(1, len(parts) + (start.endswith("/") and "*" in target)):
        folder = "/".join(parts[:count])
        if _is_built(tree, folder):
            return folder
    is_code = target in tree.known and SCRIPT.search(target) and not TYPESCRIPT.search(target)
    return target if is_code and "/" not in target and source_of(tree, target) else None


def _is_built(tree: Tree, folder: str) -> bool:
    """Tell whether a folder holds code and no sources: there are marks of a compiler, or its name says so."""
    below = tree.below(folder)
    code = [path for path in below if SCRIPT.search(path)]
    if not code or any(TYPESCRIPT.search(path) for path in code):
        return False
    if not (main_source(tree) and "/" not in folder) and not any(source_of(tree, path) for path in code):
        return False  # no copy: its sources are not here
    return (folder.rpartition("/")[2] in FOLDERS) or any(MADE.search(path) for path in below)


def _stubs(tree: Tree, built: set[str]) -> set[str]:
    """Return the files at the top that only lead into build output, and declarations beside built files."""
    found = set()
    for path in tree.paths:
        if "/" in path or not SCRIPT.search(path) or TYPESCRIPT.search(path) or "config" in path:
            continue
        local = [name.removeprefix("./") for name in imports.of_text(tree.text(path)) if name.startswith(".")]
        leads = bool(local) and all(any(name.startswith(f"{one}/") for one in built) for name in local)
        beside = any(STEM.sub("", path) == STEM.sub("", one) for one in built if "/" not in one)
        if leads or beside:
            found.add(path)
    return found


def source_of(tree: Tree, target: str) -> str | None:
    """Return the source that a built file was made from: the one whose path ends alike, at best."""
    parts = STEM.sub("", target).split("/")
    places = ["/".join("src" if part in FOLDERS else part for part in parts)]
    for count in range(len(parts)):
        tail = "/".join(parts[count:])
        places += [f"src/{tail}", f"source/{tail}", *([tail, f"src/{tail}/index"] if count else [])]
    found = (f"{place}{suffix}" for place in places for suffix in (".ts", ".tsx", ".mts", ".cts"))
    return next((path for path in found if path in tree.known), None)


def main_source(tree: Tree) -> str | None:
    """Return the source of a package's main entry."""
    package = tree.package(".")
    name = str(package.get("name", "")).rpartition("/")[2]
    declared = [str(package.get("source") or ""), source_of(tree, str(package.get("main") or "")) or ""]
    named = [
        *declared,
        *(f"{entry.format(name=name)}{suffix}" for entry in ENTRIES for suffix in (".ts", ".tsx", ".mts")),
    ]
    found = (path.removeprefix("./") for path in named)
    return next((path for path in found if path in tree.known and not DECLARATIONS.search(path)), None)


def entries(tree: Tree, built: list[str]) -> dict[str, Any]:
    """Return the keys of package.json that make the package's own name mean its sources; null takes a key out."""
    package = tree.package(".")
    kept: dict[str, Any] = {key: None for key in FIELDS if key in package and _leads(tree, package[key], built)}
    main = main_source(tree)
    if main and ("main" in kept or "main" not in package):
        kept["main"] = f"./{main}"
    exports = package.get("exports")
    if exports is not None and _leads(tree, exports, built):
        table_ = (
            exports if isinstance(exports, dict) and any(key.startswith(".") for key in exports) else {".": exports}
        )
        turned = {key: _turned(tree, key, value, main) for key, value in table_.items()}
        kept["exports"] = {key: value for key, value in turned.items() if value}
    return kept


def _leads(tree: Tree, value: Any, built: list[str]) -> bool:
    named = [one.removeprefix("./") for one in _strings(value)]
    return any(
        one.startswith(tuple(f"{place}/" for place in built)) or one in built or one not in tree.known for one in named
    )


def _turned(tree: Tree, key: str, value: Any, main: str | None) -> str | None:
    """Return the source of one entry of `exports`."""
    named = [one.removeprefix("./") for one in _strings(value)]
    for one in named:
        if one.endswith(".json") or (TYPESCRIPT.search(one) and one in tree.known):
            return f"./{one}"
    if "*" in key:
        return next(
            (f"./{one}" for one in named if one.startswith(("src/", "source/"))),
            f"./src/{STEM.sub('', key.removeprefix('./'))}.ts",
        )
    if key == "." and main:
        return f"./{main}"
    sources = (source_of(tree, one) for one in [*named, key.removeprefix("./")])
    left = next((f"./{one}" for one in named if one in tree.known), None)
    return next((f"./{source}" for source in sources if source), left)


def refers_to_itself(tree: Tree, paths: list[str]) -> bool:
    """Tell whether some files import the package by its name, or the folder of its package.json."""
    name = str(tree.package(".").get("name"))
    for path in paths:
        for wanted in imports.of_text(tree.text(path)):
            if imports.package_of(wanted) == name:
                return True
            if wanted.startswith(".") and _means_the_root(tree, path, wanted):
                return True
    return False


def _means_the_root(tree: Tree, path: str, wanted: str) -> bool:
    place = inside(path.rpartition("/")[0] or ".", wanted)
    return place == "." and imports.resolve(tree, path, wanted) is None


def has_native_fields(tree: Tree, built: list[str]) -> bool | None:
    """Tell whether the compiled code has class fields as such; None where nothing compiled has classes."""
    texts = [
        tree.text(path)
        for path in tree.paths
        if path.startswith(tuple(f"{one}/" for one in built)) and re.search(r"\.[cm]?js$", path)
    ]
    with_classes = [text for text in texts if re.search(r"\bclass \w", text)]
    if not with_classes:
        return False if texts else None
    return any(re.search(r"\bclass [^{\n]*\{\s*(?:static )?[#\w]+\s*(?:=|;)", text) for text in with_classes)


def dist_imports(tree: Tree, paths: list[str], built: list[str]) -> list[str]:
    """Return the test files that load build output themselves."""
    found = []
    for path in paths:
        folder = path.rpartition("/")[0] or "."
        local = [inside(folder, name) for name in imports.of_text(tree.text(path)) if name.startswith(".")]
        if any(place == one or place.startswith(f"{one}/") for place in local for one in built):
            found.append(path)
    return found
