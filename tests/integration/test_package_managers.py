"""Every package manager installs a workspace for real, from a lockfile that is written once for both backends."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boxes
import pytest

import managed
from tracesmith import files, git, stores
from tracesmith.environments import images, installing
from tracesmith.environments.profiles import Profile
from tracesmith.sandboxes.base import Limits
from tracesmith.sandboxes.bubblewrap import BubblewrapBackend
from tracesmith.sandboxes.docker import DockerBackend

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
LIMITS = Limits(memory_bytes=2**31, pids=300, cpus=2, disk_bytes=2**31)
BASE = "node:24-bookworm-slim"
SUITE = ["node", "--test", "packages/core/src/seconds.spec.ts"]


@dataclass(frozen=True)
class Prepared:
    """A workspace that one manager has installed for bubblewrap."""

    source: Path
    profile: Profile
    store: stores.Store
    lock: Path
    hash: str

    @property
    def tree(self) -> Path:
        """The prepared tree."""
        return self.store.folder("bubblewrap") / "tree"


def prepare(folder: Path, manager: str) -> Prepared:
    """Lock and install the workspace of a manager."""
    source = managed.write(folder / "source", manager)
    profile, store = managed.profile(folder, source, manager), stores.Store(folder / "store")
    lock = installing.lockfile(store, profile, source, LIMITS)
    assert lock
    found, _ = installing.prepare(store, "first", profile, source, lock, LIMITS)
    return Prepared(source, profile, store, lock, found)


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Prepared]:
    """Prepare the workspace of every manager; they wait for the registry most of the time."""
    names = list(managed.MANAGERS)
    folders = [tmp_path_factory.mktemp(name) for name in names]
    with ThreadPoolExecutor(3) as pool:
        return dict(zip(names, pool.map(prepare, folders, names), strict=True))


@pytest.mark.parametrize("manager", managed.MANAGERS)
def test_a_manager_locks_and_installs_a_workspace_whose_suite_passes(
    workspaces: dict[str, Prepared], manager: str
) -> None:
    found = workspaces[manager]
    assert found.lock.name == managed.LOCKFILES[managed.MANAGERS[manager][0]]
    assert "ms" in found.lock.read_text()
    assert (found.tree / found.lock.name).read_bytes() == found.lock.read_bytes()
    commit = git.make_mirror(found.store.folder("mirror.git"), found.source)
    with BubblewrapBackend(found.tree, LIMITS).open() as box:
        done = box.run(SUITE, timeout_s=60)
        assert done.exit_code == 0, done.text
        assert box.run(["git", "status", "--porcelain"], timeout_s=60).text == ""
        assert box.run(["git", "rev-list", "--all"], timeout_s=60).text.split() == [commit]
    assert [*found.tree.glob("node_modules/.bin/divide"), *found.tree.glob("packages/core/node_modules/.bin/divide")]
    places = [*found.tree.glob("node_modules/@managed/*"), *found.tree.glob("packages/core/node_modules/@managed/*")]
    assert places
    assert all(path.is_symlink() for path in places), "packages of the workspace are links to their folders"
    kept = {path.relative_to(found.source) for path in found.source.rglob("*") if path.is_file()}
    assert all((found.tree / path).read_bytes() == (found.source / path).read_bytes() for path in kept)


@pytest.mark.parametrize("manager", ["npm", "yarn-classic"])
def test_a_lockfile_of_the_repository_is_taken_and_gives_the_same_tree(
    workspaces: dict[str, Prepared], manager: str, tmp_path: Path
) -> None:
    found = workspaces[manager]
    source = shutil.copytree(found.source, tmp_path / "source")
    shutil.copy(found.lock, source)
    store = stores.Store(tmp_path / "store")
    assert installing.lockfile(store, found.profile, source, LIMITS) is None
    assert installing.prepare(store, "own", found.profile, source, None, LIMITS)[0] == found.hash


@pytest.mark.docker
@pytest.mark.parametrize("manager", ["pnpm-10", "yarn-berry"])
def test_the_lockfile_of_one_backend_serves_the_other_and_both_install_the_same(
    workspaces: dict[str, Prepared], manager: str
) -> None:
    found = workspaces[manager]
    wanted = images.Wanted(
        profile=found.profile,
        source=found.source,
        repo=f"local__{manager}.00000000",
        image_name=f"tracesmith-test/{manager}",
        base_image=BASE,
        with_swerex=False,
        limits=LIMITS,
    )
    before = found.lock.stat().st_mtime_ns
    assert images.lockfile(found.store, wanted) == found.lock
    assert found.lock.stat().st_mtime_ns == before
    with boxes.images_removed(wanted):
        image, _ = images.build(found.store, "first", wanted, found.lock)
        with DockerBackend(image, LIMITS).open() as box:
            listed = box.run(
                ["find", ".", "-path", "./.git", "-prune", "-o", "!", "-type", "d", "-print"], timeout_s=60
            )
            assert box.run(SUITE, timeout_s=60).exit_code == 0
    mine = {f"./{name}" for name in files.list_files(found.tree) if not name.startswith(".git/")}
    assert set(listed.text.splitlines()) == mine


@pytest.mark.docker
def test_swerex_and_its_python_are_in_the_image_for_the_engine_that_needs_them(tmp_path: Path) -> None:
    source = managed.write(tmp_path / "source", "npm")
    profile, name = managed.profile(tmp_path, source, "npm"), "tracesmith-test/swerex"
    wanted = images.Wanted(profile, source, "local__swerex.00000000", name, BASE, with_swerex=True, limits=LIMITS)
    store = stores.Store(tmp_path / "store")
    with boxes.images_removed(wanted):
        image, _ = images.build(store, "only", wanted, images.lockfile(store, wanted))
        with DockerBackend(image, LIMITS).open() as box:
            assert box.run(["swerex-remote", "--version"], timeout_s=60).text.strip() == "1.4.0"
            assert box.run(SUITE, timeout_s=60).exit_code == 0
