"""Write SWE-smith's registered TypeScript profiles as profiles of ours, and say of each how far it can be trusted."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tracesmith import files, schemas, summaries
from tracesmith.environments import sources
from tracesmith.environments.upstream import image_steps, registry, test_commands
from tracesmith.environments.upstream.image_steps import ImageSteps
from tracesmith.environments.upstream.registry import Doubt, UpstreamProfile
from tracesmith.environments.upstream.test_commands import TestCall
from tracesmith.errors import InputError

FORMAT_VERSION = 1
STATUSES = ("ok", "review", "unsupported")
# Upstream puts bugs into nothing below folders of these names (TypeScriptProfile.extract_entities), nor into tests.
NO_SOURCES = ["dist", "build", "coverage", ".next", "out", "examples", "docs", "bin", "lib"]
TEST_FOLDERS = ["test", "tests", "specs", "__tests__", "__mocks__", "e2e"]
# Runners whose test files have no names of their own: the command or a configuration tells them.
BY_FILES = ("mocha", "ava")
FILE = re.compile(r"(?!-)[^=]*\.(?:[cm]?[jt]sx?|\{.*\})")
BUILD = re.compile(r"\b(build|compile|tsc|lerna|turbo|vendor)")
BUILD_DOUBT = "may write a copy of the code: tests that load it see no bug, and it shows the fixed code"


@dataclass(frozen=True)
class Imported:
    """One profile of upstream's in our words."""

    upstream: UpstreamProfile
    value: dict[str, Any] | None
    """What its YAML holds; None when it cannot be a profile of ours."""
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Return ok, review or unsupported."""
        if self.value is None:
            return "unsupported"
        return "review" if self.doubts else "ok"

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return f"{self.upstream.owner}__{self.upstream.repo}.{self.upstream.commit[:8]}.yaml"


def import_profiles(python: Path, folder: Path, only: Sequence[str] = ()) -> str:
    """
    Write the profiles that an interpreter's swesmith has, with import.json beside them, and return what to tell.

    `only` names classes or OWNER/REPO. Raises InputError when there is no swesmith, a name is unknown, or a file that
    would be overwritten is another.
    """
    found = registry.read(python)
    imported = [convert(profile) for profile in _chosen(found.profiles, only)]
    texts = {each.file: _text(each, found.version) for each in imported if each.value is not None}
    _refuse_changed(folder, texts)
    for name, text in texts.items():
        files.write_bytes(folder / name, text.encode())
    profiles = {each.upstream.name: _entry(each) for each in imported}
    settings = {"swesmith": found.version, "only": list(only)}
    made_by = summaries.made_by("import_swesmith_profiles", FORMAT_VERSION, {}, settings)
    counts = {status: sum(each.status == status for each in imported) for status in STATUSES}
    files.write_json(folder / "import.json", {"made_by": made_by, "counts": counts, "profiles": profiles})
    return _told(imported, counts, folder)


def convert(profile: UpstreamProfile) -> Imported:
    """Return a profile of upstream's in our words."""
    image, call = image_steps.read(profile.dockerfile), test_commands.read(profile.test_cmd, profile.parser)
    builds = [" ".join(command) for command in [*image.build, *call.build] if BUILD.search(" ".join(command))]
    doubts = [*call.doubts, *image.doubts, *(Doubt("build output", f"`{build}` {BUILD_DOUBT}") for build in builds)]
    if call.runner in BY_FILES and not _named_files(call):
        doubts.append(Doubt("test files", f"{call.runner} may be configured to run others than test.globs says"))
    doubts = list(dict.fromkeys(doubts))
    if not call.runner:
        return Imported(profile, None, [*doubts, Doubt("no runner", f"`{profile.test_cmd}` runs none of ours")])
    if call.folder == ".":
        call.folder = image.folder
    value = _value(profile, image, call)
    try:
        schemas.check(value, schemas.read_schema("profile"), profile.name)
        sources.repo_name(value["source"])
    except InputError as error:
        return Imported(profile, None, [*doubts, Doubt("no profile of ours", str(error))])
    if len(profile.commit) != 40:
        doubts.append(Doubt("unpinned commit", f"{profile.commit} may be moved"))
    return Imported(profile, value, doubts)


def _value(profile: UpstreamProfile, image: ImageSteps, call: TestCall) -> dict[str, Any]:
    prefix = "" if call.folder == "." else f"{call.folder}/"
    endings = "{" + ",".join(ending.removeprefix(".") for ending in profile.exts) + "}"
    left_alone = "{" + ",".join([*NO_SOURCES, *TEST_FOLDERS]) + "}"
    value = {
        "name": f"{profile.name.removesuffix('Profile')}Profile",
        "source": f"git+https://github.com/{profile.owner}/{profile.repo}@{profile.commit}",
        "node": image.node,
        "package_manager": image.manager.as_profile(),
        "dockerfile": image.dockerfile,
        "environment": {**image.environment, **call.environment},
        "install": image.install,
        "build": [*image.build, *call.build],
        "test": _test(call, prefix, endings),
        "source_globs": [f"{prefix}**/*.{endings}"],
        "exclude_globs": [f"{prefix}**/{left_alone}/**", f"{prefix}**/*.config.{endings}"],
    }
    return {key: kept for key, kept in value.items() if kept}


def _test(call: TestCall, prefix: str, endings: str) -> dict[str, Any]:
    roots = dict.fromkeys(["", prefix])
    value = {
        "runner": call.runner,
        "folder": prefix.rstrip("/"),
        "command": call.command,
        "globs": [prefix + glob for glob in _test_globs(call, endings)],
        "protected_globs": [f"{root}{name}" for root in roots for name in ("package.json", "tsconfig*.json")],
    }
    return {key: kept for key, kept in value.items() if kept}


def _test_globs(call: TestCall, endings: str) -> list[str]:
    """Return the test files that the command names, or else those that the runner usually takes."""
    # Below the folders of mocha and ava stand helpers.
    folders = {"vitest": [], "jest": ["__tests__/**"]}.get(call.runner, ["__tests__", "test", "tests"])
    usual = [f"**/*.{{test,spec}}.{endings}", *(f"**/{name}/*.{endings}" for name in folders)]
    return (_named_files(call) if call.runner in BY_FILES else []) or usual


def _named_files(call: TestCall) -> list[str]:
    pairs = zip(["", *call.arguments], call.arguments, strict=False)
    found = [word for before, word in pairs if FILE.fullmatch(word) and not before.startswith("-")]
    return [word.removeprefix("./") for word in found]


def _text(each: Imported, version: str) -> str:
    """Return the text of a profile's file."""
    upstream = each.upstream
    lines = [
        f"{upstream.owner}/{upstream.repo}, imported from swesmith {version} ({upstream.name}), which tests it with"
    ]
    lines += [f"    {' '.join(upstream.test_cmd.split())}", *(f"REVIEW: {doubt}" for doubt in each.doubts)]
    header = "".join(f"# {' '.join(line.splitlines())}\n" for line in lines)
    return header + yaml.safe_dump(each.value, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)


def _chosen(profiles: Iterable[UpstreamProfile], only: Sequence[str]) -> list[UpstreamProfile]:
    every = {profile.name: {profile.name, f"{profile.owner}/{profile.repo}"} for profile in profiles}
    unknown = sorted(set(only) - set().union(*every.values()))
    if unknown:
        raise InputError(f"swesmith has no TypeScript profile {unknown[0]!r}; its names are {', '.join(sorted(every))}")
    return [profile for profile in profiles if not only or every[profile.name] & set(only)]


def _refuse_changed(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        if path.exists() and path.read_bytes() != text.encode():
            raise InputError(f"{path}: differs from what would be written; remove it, or import into another folder")


def _entry(each: Imported) -> dict[str, Any]:
    file = None if each.value is None else each.file
    return {"file": file, "status": each.status, "reasons": [str(doubt) for doubt in each.doubts]}


def _told(imported: Sequence[Imported], counts: dict[str, int], folder: Path) -> str:
    kinds = Counter(kind for each in imported for kind in {doubt.kind for doubt in each.doubts})
    shown = ", ".join(f"{count} {status}" for status, count in counts.items())
    lines = [f"{len(imported)} profiles: {shown}; written to {folder}"]
    lines += [f"  {count:4} {kind}" for kind, count in kinds.most_common()]
    lines += [f"  unsupported: {each.upstream.name}" for each in imported if each.value is None]
    return "\n".join(lines)
