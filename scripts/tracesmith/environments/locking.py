"""
The lockfile of a repository that has none: written once, kept with the environment, the same for both backends.

The package manager runs in a sandbox with the network, on the files that decide what is installed and nothing else.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tracesmith import files, stores
from tracesmith.environments import managers, steps
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Backend, Sandbox

CODE_VERSION = 3
CA_FILE = "/tmp/home/ca.pem"  # noqa: S108 - a path inside the sandbox


def lockfile(store: stores.Store, profile: Profile, source: Path, empty_box: Callable[[], Backend]) -> Path | None:
    """
    Return the lockfile that was written for a tree that has none; None for a tree that has its own.

    `empty_box` makes a backend with the network and nothing at /testbed; it is called when there is something to write.
    """
    manager = managers.of(profile)
    found = steps.manifests(profile, source, files.list_files(source))
    if not set(manager.lockfiles).isdisjoint(found):
        return None
    digests = {name: hashlib.sha256(_content(source / name)).hexdigest() for name in found}
    parts = {"manager": asdict(profile.package_manager), "environment": profile.environment, "manifests": digests}
    fingerprint = stores.fingerprint("lock", CODE_VERSION, **parts)
    with store.claim("lock"):
        if not store.holds("lock", fingerprint):
            with store.replace("lock", fingerprint) as folder, empty_box().open() as box:
                base.write_files(box, source, found)
                remedy = (
                    f"it has no lockfile ({manager.lockfiles[0]}) and none can be written; let the profile pin what "
                    "fails (package_json), name another package_manager, or bring a lockfile (files)"
                )
                run(box, profile, managers.setup(profile))
                run(box, profile, managers.locking(profile), remedy)
                name, content = _written(box, manager.lockfiles)
                (folder / name).write_bytes(content)
    return next(store.folder("lock") / name for name in manager.lockfiles if (store.folder("lock") / name).is_file())


def run(box: Sandbox, profile: Profile, commands: Sequence[list[str]], remedy: str = "") -> None:
    """Run steps of an installation in a sandbox that has the network. Raises the error of the first that fails."""
    variables = {**managers.variables(profile), **managers.network_variables()}
    for command in commands:
        given: Mapping[str, str] = {**variables, **_authorities(box)}
        done = box.run(command, timeout_s=steps.TIMEOUT_S, environment=given)
        if done.exit_code or done.killed:
            ended = f"the {done.killed} limit" if done.killed else f"exit code {done.exit_code}"
            raise steps.failure(profile, command, ended, done.text, remedy)


def authorities() -> bytes | None:
    """Return the certificates of NODE_EXTRA_CA_CERTS. Raises InputError when they cannot be read."""
    path = os.environ.get("NODE_EXTRA_CA_CERTS")
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"NODE_EXTRA_CA_CERTS: {path} cannot be read ({error.strerror})") from None


def _authorities(box: Sandbox) -> dict[str, str]:
    """Put the certificates into the sandbox, anew for each command: a killed one may take them along."""
    certificates = authorities()
    if certificates is None:
        return {}
    base.write_file(box, CA_FILE, certificates)
    return {"NODE_EXTRA_CA_CERTS": CA_FILE}


def _content(path: Path) -> bytes:
    return bytes(path.readlink()) if path.is_symlink() else path.read_bytes()


def _written(box: Sandbox, names: Sequence[str]) -> tuple[str, bytes]:
    for name in names:
        content = base.read_file(box, name)
        if content:
            return name, content
    raise InfrastructureError(f"the package manager wrote no lockfile ({', '.join(names)})")
