"""What the npm registry knows: when a version was published, and which versions a set of ranges gives at a date."""

import datetime
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from tracesmith import files, programs, scratch
from tracesmith.environments import sources
from tracesmith.errors import InfrastructureError

NPM = [sources.NODE / "bin" / "node", sources.NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
QUIET = ["--json", "--loglevel=error", "--ignore-scripts", "--no-audit", "--no-fund"]
OF_REGISTRY = re.compile(r"(npm:(@[\w.-]+/)?[\w.-]+@)?[^/:@]*")
SLACK = datetime.timedelta(days=1)
"""Packages that are published together have times some minutes apart."""


def published(name: str, version: str) -> str | None:
    """Return the day after a version was published, as npm's `before` takes it, where the registry says."""
    done = _npm(["view", name, "time", *QUIET])
    try:
        said = json.loads(done.stdout)
        time = datetime.datetime.fromisoformat(str((said[0] if isinstance(said, list) else said)[version]))
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return (time + SLACK).date().isoformat()


@dataclass(frozen=True)
class Pins:
    """Exact versions, and whether all of them, with all that they need, were there at the date."""

    versions: dict[str, str]
    dated: bool


def resolve(ranges: Mapping[str, str], before: str | None) -> Pins:
    """
    Return the exact version of each package that npm takes for these ranges at a date, with the peers they ask for.

    What does not come from the registry (a folder, a workspace, a git host) is taken as any version of that name. What
    had no fitting version at the date (registries lose times) is taken as of today. npm runs on the host, on a
    package.json of ours, and only writes a lockfile. Raises InfrastructureError.
    """
    ranges = {name: version if OF_REGISTRY.fullmatch(version) else "*" for name, version in ranges.items()}
    undated: dict[str, str] = {}
    dated = dict(ranges)
    while before and dated:
        found = _resolve(dated, before)
        if isinstance(found, dict):
            others = _pinned(undated, None)
            return Pins({**found, **others}, not others)
        lost = re.search(r"No matching version found for (\S+)@\S+ with a date", found)
        if not lost or lost[1] not in dated:
            break
        undated[lost[1]] = dated.pop(lost[1])
    return Pins(_pinned(ranges, None), dated=False)


def _pinned(ranges: Mapping[str, str], before: str | None) -> dict[str, str]:
    found = _resolve(ranges, before) if ranges else {}
    if isinstance(found, str):
        raise InfrastructureError(f"npm finds no versions for {', '.join(ranges)}: {found}")
    return found


def _resolve(ranges: Mapping[str, str], before: str | None) -> dict[str, str] | str:
    """Return the versions, with contradicting peers let be where it has to be, or what npm says."""
    found = _lock(ranges, before, [])
    return _lock(ranges, before, ["--legacy-peer-deps"]) if isinstance(found, str) and "ERESOLVE" in found else found


def nearest(name: str, version: str) -> str | None:
    """Return the version that the registry has, nearest to one that it lacks: of the same major, the next higher."""
    try:
        found = json.loads(_npm(["view", name, "versions", *QUIET]).stdout)
    except ValueError:
        return None
    known = [one for one in found if re.fullmatch(r"\d+\.\d+\.\d+", one)] if isinstance(found, list) else []
    same = sorted((one for one in known if one.split(".")[0] == version.split(".", maxsplit=1)[0]), key=_numbers)
    higher = [one for one in same if _numbers(one) >= _numbers(version)]
    return next(iter([*higher[:1], *same[-1:]]), None)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _lock(ranges: Mapping[str, str], before: str | None, options: list[str]) -> dict[str, str] | str:
    """Return the versions of a lockfile, or what npm says when it makes none."""
    with scratch.folder() as folder:
        files.write_json(folder / "package.json", {"name": "wanted", "private": True, "devDependencies": dict(ranges)})
        when = [f"--before={before}"] if before else []
        done = _npm(["install", "--package-lock-only", f"--prefix={folder}", *when, *options, *QUIET])
        lock = folder / "package-lock.json"
        if done.returncode or not lock.exists():
            text = (done.stdout + done.stderr).decode(errors="replace")
            return (
                " ".join(re.findall(r'"(?:summary|code|detail)": "((?:[^"\\\\]|\\\\.)*)', text)) or text.strip()[-400:]
            )
        packages = files.read_json(lock)["packages"]
        places = {name: packages.get(f"node_modules/{name}") for name in ranges}
        return {name: _exact(ranges[name], str(place["version"])) for name, place in places.items() if place}


def _exact(wanted: str, version: str) -> str:
    """Return an exact version, of the other name that an alias (npm:NAME@RANGE) gives."""
    alias, at, _ = wanted.rpartition("@")
    return f"{alias}{at}{version}" if wanted.startswith("npm:") else version


def _npm(arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return programs.run([*NPM, *arguments], timeout_s=sources.FETCH_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise InfrastructureError(f"npm {arguments[0]} took over {sources.FETCH_TIMEOUT_S} s") from None
