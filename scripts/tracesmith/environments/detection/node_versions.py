"""Which Node a repository wants, by its major version."""

import re

from tracesmith.environments.detection.reading import Tree, inside, table

MAJORS = (24, 22, 20, 18)
PART = re.compile(r"(>=|<=|>|<|\^|~|=)?\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-[\w.]+)?")


def choose(tree: Tree, folder: str, own: int) -> tuple[str, str]:
    """Return Node's major version and why: the sandbox's own, where engines allow it, else the newest they allow."""
    ranges = [table(tree.package(place), "engines").get("node") for place in (folder, ".")]
    wanted = next((str(one) for one in ranges if one), None)
    pinned = _pinned(tree, folder)
    said = f"engines.node {wanted!r}" if wanted else "no engines.node"
    said += f", {pinned[0]} {pinned[1]}" if pinned else ""
    if wanted is None or allows(wanted, own):
        return str(own), f"{said}: the sandbox's own Node"
    found = next((major for major in MAJORS if allows(wanted, major)), None)
    if found is None:
        return str(own), f"{said}: none of the known majors, the sandbox's own is tried"
    return str(found), f"{said}: the newest it allows"


def _pinned(tree: Tree, folder: str) -> tuple[str, str] | None:
    for place in dict.fromkeys((folder, ".")):
        for name in (".nvmrc", ".node-version"):
            text = tree.text(inside(place, name)).strip()
            if text:
                return name, text.splitlines()[0]
        volta = table(tree.package(place), "volta").get("node")
        if volta:
            return "volta", str(volta)
    return None


def allows(wanted: str, major: int) -> bool:
    """Tell whether a range of versions allows some version of a major."""
    return any(_all_hold(part, major) for part in wanted.split("||"))


def _all_hold(part: str, major: int) -> bool:
    between = re.fullmatch(r"\s*v?(\d+)[\d.xX*]*\s+-\s+v?(\d+)[\d.xX*]*\s*", part)
    if between:
        return int(between[1]) <= major <= int(between[2])
    return all(_holds(match[1] or "", match[2], match[3], major) for match in PART.finditer(part))


def _holds(sign: str, number: str, minor: str | None, major: int) -> bool:
    if not number.isdigit():
        return True
    wanted = int(number)
    if sign == ">=":
        return major >= wanted
    if sign == ">":
        return major > wanted or (major == wanted and minor is not None)
    if sign == "<=":
        return major <= wanted
    if sign == "<":
        return major < wanted or (major == wanted and (minor or "0") not in ("0", "x", "X", "*"))
    return major == wanted
