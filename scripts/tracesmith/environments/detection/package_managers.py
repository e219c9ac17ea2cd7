"""The package manager of a tree, by its `packageManager` field and its lockfile."""

import re
from typing import Any

from tracesmith.environments import managers
from tracesmith.environments.detection.reading import Tree, table

FIELD = re.compile(r"(npm|pnpm|yarn|bun)@(\d+\.\d+\.\d[\w.-]*)")
# The last version that wrote each format of a lockfile, for repositories that name none.
PNPM = {"5": "7.33.7", "6": "8.15.9", "9": "9.15.9"}
BERRY = {"4": "2.4.3", "5": "2.4.3", "6": "3.8.7", "7": "3.8.7", "8": "4.12.0", "9": "4.12.0"}
CLASSIC = "1.22.22"
BUN = "1.3.3"
DEFAULTS = {"pnpm": "10.28.0", "yarn": CLASSIC, "bun": BUN}


def choose(tree: Tree) -> tuple[dict[str, Any], str]:
    """Return the key `package_manager` of a profile and why."""
    field = FIELD.match(str(tree.package(".").get("packageManager") or ""))
    engine = table(table(tree.package("."), "devEngines"), "packageManager")
    locks = [name for name in _order(tree, field and field[1]) if name in tree.known]
    if field:
        return _named(field[1], field[2]), f"packageManager says {field[0]}"
    if locks:
        return _of_lock(tree, locks[0])
    if "pnpm-workspace.yaml" in tree.known:
        return _named("pnpm", DEFAULTS["pnpm"]), "pnpm-workspace.yaml, no lockfile"
    if engine.get("name") in DEFAULTS:
        return _named(str(engine["name"]), DEFAULTS[str(engine["name"])]), "devEngines.packageManager"
    return {"name": "npm"}, "no lockfile and no packageManager: npm, which writes a lockfile"


def _order(tree: Tree, field: str | None) -> list[str]:
    """Return the names of lockfiles, the likeliest first: of two, the one whose manager the scripts call."""
    found = [*managers.PNPM.lockfiles, *managers.BUN.lockfiles, "yarn.lock", *managers.NPM.lockfiles]
    text = str(tree.package(".").get("scripts"))
    called = field or next(
        (name for name in ("pnpm", "bun", "yarn") if re.search(rf"\b{name} (run|-r|test|build)", text)), ""
    )
    first = {"pnpm": managers.PNPM, "bun": managers.BUN, "yarn": managers.YARN_CLASSIC}.get(called)
    return [*(first.lockfiles if first else ()), *found]


def _named(name: str, version: str) -> dict[str, Any]:
    return {"name": name, "version": version}


def _of_lock(tree: Tree, lock: str) -> tuple[dict[str, Any], str]:
    text = tree.text(lock)[:4000]
    if lock.startswith("pnpm"):
        match = re.search(r"lockfileVersion: '?(\d+)", text)
        form = match[1] if match else "9"
        return _named("pnpm", PNPM.get(form, DEFAULTS["pnpm"])), f"{lock} of format {form}"
    if lock == "yarn.lock":
        return _yarn(tree, text)
    if lock.startswith("bun"):
        return _named("bun", BUN), lock
    return {"name": "npm"}, f"{lock}: the npm that comes with Node"


def _yarn(tree: Tree, text: str) -> tuple[dict[str, Any], str]:
    match = re.search(r"__metadata:\s+version: (\d+)", text)
    if not match:
        return _named("yarn", CLASSIC), "yarn.lock of yarn classic"
    release = re.search(r"yarn-(\d+\.\d+\.\d+)\.c?js", tree.text(".yarnrc.yml"))
    if release:
        return _named("yarn", release[1]), "yarn.lock of yarn berry, version of .yarnrc.yml"
    return _named("yarn", BERRY.get(match[1], BERRY["8"])), f"yarn.lock of yarn berry, format {match[1]}"
