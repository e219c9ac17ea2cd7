"""Disk space where results, scratch folders and the engine's images stand."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from tracesmith import scratch
from tracesmith.preflight.plan import MISSING, OK, SANDBOXED, Finding, Plan
from tracesmith.sandboxes import base

GB = 10**9


def check(plan: Plan) -> Iterator[Finding]:
    """Compare what is free on each disk with what the configuration wants."""
    if not plan.steps:
        return
    wanted = base.parse_size(plan.configuration.free_disk)
    for places in _by_disk(_places(plan)):
        free = shutil.disk_usage(next(iter(places))).free
        where = ", ".join(f"{what} ({place})" for place, what in places.items())
        if free >= wanted:
            yield Finding(OK, f"disk: {free / GB:.1f} GB free for {where}")
        else:
            remedy = "make room, or lower preflight.free_disk"
            yield Finding(MISSING, f"disk: {free / GB:.1f} GB free for {where}, {wanted / GB:.1f} GB wanted; {remedy}")


def _places(plan: Plan) -> dict[Path, str]:
    """Return the folders, each with what stands there. The engine's own is left out where it is another machine's."""
    found = {Path.cwd(): "results", scratch.roots()[0].parent: "scratch"}
    if plan.repos(*SANDBOXED, backend="docker") and plan.engine:
        root = Path(plan.engine.info()["DockerRootDir"])
        if plan.engine.api.base_url.startswith("http+docker") and root.is_dir():
            found[root] = "images and containers"
    return found


def _by_disk(places: dict[Path, str]) -> list[dict[Path, str]]:
    disks: dict[int, dict[Path, str]] = {}
    for place, what in places.items():
        disks.setdefault(place.stat().st_dev, {})[place] = what
    return list(disks.values())
