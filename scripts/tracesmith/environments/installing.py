"""Prepare a tree for bubblewrap: the pristine tree with its lockfile, its dependencies and what its build writes."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from tracesmith import files, globs, proxies, scratch, stores
from tracesmith.environments import managers, sources
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.sandboxes import base, bubblewrap
from tracesmith.sandboxes.base import Limits, Sandbox
from tracesmith.sandboxes.bubblewrap import BubblewrapBackend

LOCK_VERSION = 1
TIMEOUT_S = 1800
CA_FILE = "/tmp/home/ca.pem"  # noqa: S108 - a path inside the sandbox


def cleaning(source: Path) -> list[list[str]]:
    """Return the commands that take out what may hold a copy of the code: a copy of the package itself, and caches."""
    commands = [["rm", "-rf", "node_modules/.cache", "node_modules/.vite", "node_modules/.vitest"]]
    package = source / "package.json"
    name = files.read_json(package).get("name") if package.exists() else None
    if name:
        found = ["-path", f"*/node_modules/{name}", "-type", "d", "-prune"]
        commands.append(["find", ".", *found, "-exec", "rm", "-rf", "{}", "+"])
    return commands


def manifests(source: Path, profile: Profile) -> list[str]:
    """Return the files of a tree that decide what is installed, sorted."""
    manager = managers.of(profile)
    wanted = ["**/package.json", *manager.lockfiles, *manager.manifests]
    found = (path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    return sorted(path for path in found if globs.matches(path, wanted))


def lockfile(store: stores.Store, profile: Profile, source: Path, limits: Limits) -> Path | None:
    """Return the lockfile that was written for a tree that has none, once; None for a tree that has its own."""
    manager = managers.of(profile)
    if any((source / name).exists() for name in manager.lockfiles):
        return None
    found = {name: hashlib.sha256((source / name).read_bytes()).hexdigest() for name in manifests(source, profile)}
    fingerprint = stores.fingerprint("lock", LOCK_VERSION, manager=asdict(profile.package_manager), manifests=found)
    path = store.folder("lock") / manager.lockfiles[0]
    with store.claim("lock"):
        if not (store.holds("lock", fingerprint) and path.exists()):
            with store.replace("lock", fingerprint) as folder, scratch.folder() as work:
                shutil.copytree(source, work / "tree", symlinks=True)
                run(work / "tree", managers.locking(profile), profile, limits)
                (folder / path.name).write_bytes(_written_lock(work / "tree", manager.lockfiles))
    return path


def _written_lock(tree: Path, names: Iterable[str]) -> bytes:
    for name in names:
        if (tree / name).is_file() and not (tree / name).is_symlink():
            return (tree / name).read_bytes()
    raise InfrastructureError(f"the package manager wrote no lockfile ({', '.join(names)})")


def prepare(store: stores.Store, fingerprint: str, profile: Profile, source: Path, limits: Limits) -> tuple[str, str]:
    """Make the prepared tree unless it is there; return its hash and Node's version."""
    lock = lockfile(store, profile, source, limits)
    with store.claim("bubblewrap"):
        if not store.holds("bubblewrap", fingerprint):
            with store.replace("bubblewrap", fingerprint) as folder:
                shutil.copytree(source, folder / "tree", symlinks=True)
                if lock:
                    shutil.copy(lock, folder / "tree" / lock.name)
                run(folder / "tree", [*managers.commands(profile), *cleaning(source)], profile, limits)
                installed = {"hash": sources.tree_hash(folder / "tree", ignored=frozenset())}
                (folder / "installed.json").write_bytes(files.json_bytes(installed))
    with BubblewrapBackend(store.folder("bubblewrap") / "tree", limits).open() as box:
        node = base.must(box, ["node", "--version"]).decode().strip()
    if re.sub(r"^v(\d+).*", r"\1", node) != profile.node:
        raise InputError(
            f"profile {profile.name}: Node {profile.node} is wanted, bubblewrap's is {node}; "
            + bubblewrap.NODE_REMEDY.format(node=profile.node)
        )
    return str(files.read_json(store.folder("bubblewrap") / "installed.json")["hash"]), node


def run(tree: Path, commands: Sequence[list[str]], profile: Profile, limits: Limits) -> None:
    """
    Run commands in a tree, which they change, in one sandbox with the network.

    Raises InfrastructureError with the end of what a command printed when it fails.
    """
    backend = BubblewrapBackend(tree, limits, network=True, writable=True)
    variables = managers.variables(profile, managers.network_variables())
    with backend.open() as box:
        for command in commands:
            variables |= _authorities(box)
            done = box.run(command, timeout_s=TIMEOUT_S, environment=variables)
            if done.exit_code or done.killed:
                ended = done.killed or f"exit code {done.exit_code}"
                said = proxies.blot(done.text.strip()[-1500:], os.environ)
                raise InfrastructureError(f"{' '.join(command)} ended with {ended}: {said}")


def _authorities(box: Sandbox) -> dict[str, str]:
    """Put the certificates of NODE_EXTRA_CA_CERTS into the sandbox, anew for each command."""
    path = os.environ.get("NODE_EXTRA_CA_CERTS")
    if not path:
        return {}
    base.write_file(box, CA_FILE, Path(path).read_bytes())
    return {"NODE_EXTRA_CA_CERTS": CA_FILE}
