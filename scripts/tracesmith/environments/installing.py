"""Prepare a tree for bubblewrap: the pristine tree with its lockfile, its dependencies and what its build writes."""

from pathlib import Path

from tracesmith import files, git, scratch, stores
from tracesmith.environments import cleaning, locking, managers, sources, steps
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InputError
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Limits, Sandbox
from tracesmith.sandboxes.bubblewrap import BubblewrapBackend


def lockfile(store: stores.Store, profile: Profile, source: Path, limits: Limits) -> Path | None:
    """Return the lockfile that was written for a tree that has none, None for a tree that has its own."""
    with scratch.folder() as empty:
        return locking.lockfile(store, profile, source, lambda: BubblewrapBackend(empty, limits, network=True))


def prepare(
    store: stores.Store, fingerprint: str, profile: Profile, source: Path, lock: Path | None, limits: Limits
) -> tuple[str, str]:
    """Make the prepared tree unless it is there; return its hash and Node's version."""
    node = _node_version(profile, limits)
    with store.claim("bubblewrap"):
        if not store.holds("bubblewrap", fingerprint):
            with store.replace("bubblewrap", fingerprint) as folder:
                (folder / "tree").mkdir()
                backend = BubblewrapBackend(folder / "tree", limits, network=True, writable=True)
                with backend.open() as box:
                    _install(box, profile, source, lock)
                installed = {"hash": sources.tree_hash(folder / "tree", ignored=frozenset({".git"}))}
                (folder / "installed.json").write_bytes(files.json_bytes(installed))
    return str(files.read_json(store.folder("bubblewrap") / "installed.json")["hash"]), node


def _node_version(profile: Profile, limits: Limits) -> str:
    """Return the version of bubblewrap's Node. Raises InputError when the profile wants another."""
    with scratch.folder() as empty, BubblewrapBackend(empty, limits).open() as box:
        node = base.must(box, ["node", "--version"]).decode().strip()
    if not node.startswith(f"v{profile.node}."):
        raise InputError(
            f"profile {profile.name}: Node {profile.node} is wanted, bubblewrap's is {node}; "
            + base.NODE_REMEDY.format(node=profile.node)
        )
    return node


def _install(box: Sandbox, profile: Profile, source: Path, lock: Path | None) -> None:
    """Take all steps in a box whose /testbed is the tree to prepare: a Dockerfile does the same."""
    pristine = files.list_files(source)
    order = steps.order(profile, source, pristine)
    base.write_files(box, source, order.before)
    if lock:
        base.write_file(box, lock.name, lock.read_bytes())
    locking.run(box, profile, [*managers.setup(profile), *managers.installing(profile)])
    base.write_files(box, source, order.after)
    locking.run(box, profile, profile.build)
    base.write_file(box, cleaning.SCRIPT_PLACE, cleaning.SCRIPT.read_bytes())
    base.write_file(box, cleaning.SPEC_PLACE, cleaning.spec(source, profile, pristine))
    base.must(box, cleaning.COMMAND, timeout_s=steps.TIMEOUT_S)
    with scratch.folder() as work:
        git.make_repository(work / ".git", source)
        base.must(box, ["rm", "-rf", ".git"])
        base.write_files(box, work, files.list_files(work))
    base.must(box, ["sh", "-c", steps.REPOSITORY])
