"""
Git repositories as sources: `git+URL@COMMIT_OR_TAG`.

Only plumbing touches what was fetched: objects are listed and copied, so that no hook, filter, attribute or line-end
setting of anybody changes a byte or runs.
"""

import io
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from tracesmith import git, remotes, scratch
from tracesmith.environments.trees import TreeWriter
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.remotes import RemoteError, RemoteTimeoutError

logger = logging.getLogger(__name__)

PREFIX = "git+"
# The first @ of the path ends the URL: tags may hold one (@scope/package@1.2.3), a path writes it as %40.
SOURCE = re.compile(
    r"git\+(?P<url>(?P<scheme>https?|ssh|file)://(?P<authority>[^/?#]*)/(?P<path>[^@?#\s]+))@(?P<ref>\S+)"
)
AUTHORITY = re.compile(r"(?:\w[\w.+-]*@)?(?:\w[\w.-]*|\[[0-9A-Fa-f:]+\])(?::\d+)?", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
TAG = re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//|/$|\.$|\.lock$))[^\s~^:?*\[\\\x00-\x20\x7f]+")
MOVING = {"HEAD", "main", "master"}
FETCH_TIMEOUT_S = 1800


@dataclass(frozen=True)
class Wanted:
    """One commit of a repository, as a source names it."""

    url: str
    owner: str
    repository: str
    ref: str

    @property
    def is_commit(self) -> bool:
        """Whether a commit is named, not a tag."""
        return bool(COMMIT.fullmatch(self.ref))


def read(source: str) -> Wanted:
    """Return what a source names, without the network. Raises InputError, which never shows a password of the URL."""
    shown = re.sub(r"://.*@", "://***@", source)
    match = SOURCE.fullmatch(source)
    if not match:
        raise InputError(
            f"source {shown!r}: wanted is git+URL@COMMIT or git+URL@TAG with an https, ssh or file URL; "
            "`git ls-remote URL` lists both"
        )
    _check_authority(match["scheme"], match["authority"], shown)
    ref = match["ref"].removeprefix("refs/tags/")
    if COMMIT.fullmatch(ref.lower()):
        ref = ref.lower()
    if ref in MOVING or ref.startswith("refs/"):
        raise InputError(f"source {shown!r}: {ref} moves; {_remedy(match['url'], ref)}")
    if not TAG.fullmatch(ref):
        raise InputError(f"source {shown!r}: after the @ belongs a commit (40 characters) or the name of a tag")
    *above, name = unquote(match["path"]).rstrip("/").split("/")
    owner = above[-1] if above and match["scheme"] != "file" else ""
    return Wanted(match["url"], owner or "local", name.removesuffix(".git") or "repository", ref)


def fetch(source: str, destination: Path) -> dict[str, Any]:
    """
    Write the tree of a commit into an empty folder and return what is to be remembered: the commit, the submodules.

    Raises InputError when there is no such commit or tag and InfrastructureError when the server cannot be reached.
    """
    wanted = read(source)
    with scratch.folder() as folder:
        repository = folder / "repository"
        git.run(["init", "-q", "--bare", "--template=", repository])
        environment = remotes.reading(wanted.url, folder)
        try:
            commit = _bring(wanted, repository, environment)
        except RemoteError as error:
            raise InfrastructureError(
                f"source {source!r} cannot be fetched: {error}; check the URL and, where it is private, that git's "
                "credential helper, GIT_ASKPASS or an ssh agent opens it"
            ) from None
        submodules = _write(repository, commit, destination, source)
    if submodules:
        logger.warning("%s: %d submodules are left out: %s", source, len(submodules), ", ".join(submodules))
    return {"commit": commit, "submodules": submodules}


def _check_authority(scheme: str, authority: str, shown: str) -> None:
    user = authority.rpartition("@")[0]
    if user and (scheme != "ssh" or ":" in user):
        raise InputError(
            f"source {shown!r}: a URL with a user or password ends up in logs; take them out and let git's credential "
            "helper, GIT_ASKPASS or an ssh key open the repository"
        )
    if not (AUTHORITY.fullmatch(authority) if scheme != "file" else not authority):
        raise InputError(f"source {shown!r}: the URL's host cannot be understood")


def _bring(wanted: Wanted, repository: Path, environment: dict[str, str]) -> str:
    """Fetch the commit alone where the server gives it, else the branches and tags; return its full name."""
    name = wanted.ref if wanted.is_commit else f"refs/tags/{wanted.ref}"
    asked = ["HEAD"] if wanted.is_commit else [name, f"refs/heads/{wanted.ref}"]
    found = remotes.references(repository, wanted.url, asked, environment)
    if not wanted.is_commit and name not in found:
        commit = found.get(f"refs/heads/{wanted.ref}")
        kind = "is a branch, which moves" if commit else "is no tag of this repository"
        raise InputError(f"source {wanted.url}: {wanted.ref!r} {kind}; {_remedy(wanted.url, wanted.ref, commit)}")
    quiet = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"]
    try:
        remotes.run(repository, [*quiet, "--depth=1", wanted.url, name], environment, timeout_s=FETCH_TIMEOUT_S)
    except RemoteTimeoutError:
        raise
    except RemoteError as error:
        if "not our ref" in str(error):  # the server has no such object: the rest of it would be fetched in vain
            raise InputError(f"source {wanted.url}: {wanted.ref!r} names no commit of this repository") from None
        logger.info("%s does not give the commit alone, everything is fetched (%s)", wanted.url, error)
        everything = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        remotes.run(repository, [*quiet, wanted.url, *everything], environment, timeout_s=FETCH_TIMEOUT_S)
    return _commit(wanted, repository, found.get(name, wanted.ref))


def _commit(wanted: Wanted, repository: Path, name: str) -> str:
    try:
        return git.run(["--git-dir", repository, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"])
    except InfrastructureError:
        raise InputError(f"source {wanted.url}: {wanted.ref!r} names no commit of this repository") from None


def _remedy(url: str, ref: str, commit: str | None = None) -> str:
    found = f"which is {commit} now" if commit else f"as `git ls-remote {url} {ref}` tells it"
    return f"write the commit with its 40 characters, {found}"


def _write(repository: Path, commit: str, destination: Path, source: str) -> list[str]:
    """Write the files of a commit and return the paths of its submodules."""
    writer, submodules, blobs = TreeWriter(destination, source), [], []
    for mode, name, path in _entries(repository, commit):
        if mode == "160000":
            submodules.append(path)
        else:
            blobs.append((mode, name, path))
    if not blobs:
        raise InputError(f"source {source!r}: the commit holds no file")
    for (mode, _, path), data in zip(blobs, _contents(repository, [blob[1] for blob in blobs]), strict=True):
        # Slashes are doubled or closing in no good tree, and pathlib would hide such ones.
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise InputError(f"source {source!r}: the path {path!r} must not be written")
        if mode == "120000":
            writer.link(PurePosixPath(path), os.fsdecode(data))
        else:
            writer.file(PurePosixPath(path), io.BytesIO(data), mode == "100755")
    writer.finish()
    return submodules


def _entries(repository: Path, commit: str) -> Iterator[tuple[str, str, str]]:
    """Yield (mode, object, path) of each entry of a commit's tree."""
    command = ["git", "--git-dir", str(repository), "ls-tree", "-r", "-z", "--full-tree", commit]
    listed = subprocess.run(command, capture_output=True, check=True, env=git.environment_of_git()).stdout
    for line in filter(None, listed.split(b"\0")):
        about, _, path = line.partition(b"\t")
        mode, _, name = about.decode().split(" ")
        yield mode, name, os.fsdecode(path)


def _contents(repository: Path, names: list[str]) -> Iterator[bytes]:
    """Yield the content of each object."""
    asked = repository / "asked"
    asked.write_text("".join(f"{name}\n" for name in names))
    command = ["git", "--git-dir", str(repository), "cat-file", "--batch"]
    with (
        asked.open("rb") as stdin,
        subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, env=git.environment_of_git()) as reader,
    ):
        stream = reader.stdout or io.BytesIO()
        for name in names:
            head = stream.readline().split()
            content = stream.read(int(head[2])) if len(head) == 3 else b""
            if len(head) != 3 or len(content) < int(head[2]) or stream.read(1) != b"\n":
                raise InfrastructureError(f"git does not give the object {name}")
            yield content
