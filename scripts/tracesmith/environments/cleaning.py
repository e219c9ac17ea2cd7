"""What is taken out of an installed tree, since it may hold a copy of the code that bugs are put into."""

import json
from pathlib import Path, PurePosixPath

from tracesmith import globs
from tracesmith.environments.profiles import Profile

SCRIPT = Path(__file__).with_name("cleaning.cjs")
SCRIPT_PLACE = "/tmp/cleaning.cjs"  # noqa: S108 - a path inside the sandbox
SPEC_PLACE = "/tmp/cleaning.json"  # noqa: S108 - a path inside the sandbox
COMMAND = ["node", SCRIPT_PLACE, SPEC_PLACE]


def spec(source: Path, profile: Profile, pristine: list[str]) -> bytes:
    """
    Return the script's instructions: packages whose installed copies go, folders whose build output goes, what stays.

    The packages are those that hold a file bugs are put into, the tested one, and the repository's own.
    """
    folders = {".", str(PurePosixPath(profile.test.folder))}
    manifests = {path for path in pristine if PurePosixPath(path).name == "package.json"}
    left_alone = profile.not_source_globs()
    for path in pristine:
        if globs.matches(path, profile.source_globs) and not globs.matches(path, left_alone):
            folders.add(_package_folder(path, manifests))
    names = {_name(source / folder / "package.json") for folder in folders}
    found = {"packages": sorted(filter(None, names)), "folders": sorted(folders), "pristine": pristine}
    return json.dumps(found, ensure_ascii=True).encode()


def _package_folder(path: str, manifests: set[str]) -> str:
    """Return the nearest folder above a file that has a package.json."""
    return next(
        (str(folder) for folder in PurePosixPath(path).parents if str(folder / "package.json") in manifests), "."
    )


def _name(manifest: Path) -> str | None:
    """Return a package's name; None for a package.json that nobody can load, as in a template."""
    try:
        name = json.loads(manifest.read_bytes())["name"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None
